//! A sender that replays: TCP tells it nothing of what became of its records, so at each connection it looks which of them are in
//! the files of the job that it feeds, and sends from the first one on that is not.
//!
//! Usage: `feeder listen|connect ADDRESS OUTPUT RECORDS EACH`, with a pause of so many milliseconds behind each 100 records.
//! A record is `CONNECTION FIRST NUMBER PADDING.`, behind its length: who sent it, the first number of that connection, and its own.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millstream::{Failure, Result};
use millstream_pipelines::ended;

fn main() -> ExitCode {
    ended(run(&std::env::args().skip(1).collect::<Vec<_>>()))
}

fn run(arguments: &[String]) -> Result<()> {
    let usage = || Failure::user("usage: feeder listen|connect ADDRESS OUTPUT RECORDS EACH");
    let [way, address, output, records, each] = arguments else { return Err(usage()) };
    let (Ok(records), Ok(each)) = (records.parse(), each.parse()) else { return Err(usage()) };
    let listener = match &**way {
        "listen" => Some(TcpListener::bind(address).map_err(failed)?),
        "connect" => None,
        _ => return Err(usage()),
    };
    for connection in 0_u64.. {
        let stream = match &listener {
            Some(listener) => listener.accept().map_err(failed)?.0,
            None => connected(address),
        };
        let feed = Feed { connection, each: Duration::from_millis(each) };
        // Whatever ends a connection, another one follows.
        let _ = feed.send(stream, first_missing(Path::new(output)), records);
    }
    Ok(())
}

fn failed(error: std::io::Error) -> Failure {
    Failure::external("the feeder cannot go on").because(error)
}

/// A connection, as soon as there is somebody.
fn connected(address: &str) -> TcpStream {
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(_) => std::thread::park_timeout(Duration::from_millis(10)),
        }
    }
}

/// The smallest number that no file has which others see.
fn first_missing(output: &Path) -> u64 {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(output).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with('.') {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            found.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()));
        }
    }
    (0..).find(|number| !found.contains(number)).unwrap_or(0)
}

fn counted(record: &str) -> Vec<u8> {
    [&(record.len() as u32).to_be_bytes()[..], record.as_bytes()].concat()
}

struct Feed {
    connection: u64,
    each: Duration,
}

impl Feed {
    fn send(&self, mut stream: TcpStream, first: u64, end: u64) -> std::io::Result<()> {
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!("{begun}-{}-{}", std::process::id(), self.connection);
        for from in (first..end).step_by(100) {
            let numbers = from..end.min(from + 100);
            let bytes: Vec<u8> = numbers
                .flat_map(|number| {
                    let padding = "x".repeat((number * 7 % 23) as usize);
                    counted(&format!("{name} {first} {number} {padding}."))
                })
                .collect();
            stream.write_all(&bytes)?;
            if !self.each.is_zero() {
                std::thread::park_timeout(self.each);
            }
        }
        // All is sent; the connection stays until the other side ends it.
        stream.read(&mut [0]).map(drop)
    }
}
