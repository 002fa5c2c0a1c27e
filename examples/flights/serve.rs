//! A server that sends a file line by line, at a set speed.

use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use millstream::{Failure, Result};

/// Lines that are sent at a time.
const BURST: u32 = 50;

/// Serves the file at `path` once, on a port of the system's choosing; gives the address.
pub(crate) fn serve(path: &str, lines_per_second: u32) -> Result<String> {
    let cannot = |what: &str, error: std::io::Error| Failure::external(what.to_owned()).because(error);
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| cannot("no local port can be had", e))?;
    let address = listener.local_addr().map_err(|e| cannot("the local port has no address", e))?;
    let file = std::fs::File::open(path).map_err(|e| cannot(&format!("{path} cannot be read"), e))?;
    std::thread::spawn(move || -> std::io::Result<()> {
        let (peer, _) = listener.accept()?;
        let (mut peer, start) = (BufWriter::new(peer), Instant::now());
        for (number, line) in (0_u32..).zip(BufReader::new(file).lines()) {
            writeln!(peer, "{}", line?)?;
            if number % BURST == BURST - 1 {
                peer.flush()?;
                let due = start + Duration::from_secs(1) * number / lines_per_second.max(1);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        }
        peer.flush()
    });
    Ok(address.to_string())
}
