//! Ports of this machine that nobody uses, and questions to a server that is starting.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Different ports that were free a moment ago.
pub(crate) fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // Held until all are known, so that none is given twice.
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// What a server answers to a GET without its spaces and line ends, or `None` if it does not answer yet.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(connection, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    answer.retain(|character| !character.is_whitespace());
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::{free_ports, get};

    #[test]
    fn free_ports_differ() {
        let [one, two] = free_ports().unwrap();
        assert_ne!(one, two);
    }

    #[test]
    fn nobody_answers_at_a_free_port() {
        let [port] = free_ports().unwrap();
        assert_eq!(get(port, "/"), None);
    }
}
