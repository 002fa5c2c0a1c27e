//! Against real sockets: several clients, some of whom do what they must not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use millstream_dataflow::source::{Promise, Source};
use millstream_testkit::conformance::{Run, check_idle};

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn server() -> TcpServer {
    TcpServer::listen("0")
}

/// The source, and where it listens.
fn started<T: Record>(source: &TcpServer<T>) -> (Run<TcpServer<T>>, SocketAddr) {
    let mut run = Run::open(source, 1, None).unwrap();
    while source.bound().address().is_none() {
        assert!(run.step().unwrap());
    }
    (run, source.bound().address().unwrap())
}

fn take<T: Record + Ord>(run: &mut Run<TcpServer<T>>, count: usize) -> Vec<T> {
    let (begun, mut records) = (Instant::now(), Vec::new());
    while records.len() < count {
        assert!(begun.elapsed() < LONG, "only {} records came", records.len());
        run.step().unwrap();
        records.extend(run.take());
    }
    records.sort();
    records
}

/// Whether the server has closed a connection; waits for it.
fn is_closed(mut stream: TcpStream) -> bool {
    stream.set_read_timeout(Some(LONG)).unwrap();
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn records_of_several_clients_come_with_their_places() {
    let source = server();
    let (mut run, address) = started(&source);
    let mut clients: Vec<_> = (0..5).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (at, client) in clients.iter_mut().enumerate() {
        write!(client, "a{at}\r\nb{at}\n").unwrap();
    }
    let lines = take(&mut run, 10);
    assert_eq!(lines, ["a0", "a1", "a2", "a3", "a4", "b0", "b1", "b2", "b3", "b4"]);
    // A client that ends takes with it nothing but itself; its last line needs no end.
    write!(clients[0], "last").unwrap();
    drop(clients.remove(0));
    clients[0].write_all(b"more\n").unwrap();
    assert_eq!(take(&mut run, 2), ["last", "more"]);
}

#[test]
fn garbage_too_long_and_slow_clients_are_closed_and_nobody_else_is_disturbed() {
    let source = server()
        .bytes()
        .set("framing", "length-u32-be")
        .set("frame-max", "1 KiB")
        .set("frame-timeout", "300 ms");
    let (mut run, address) = started(&source);
    let mut good = TcpStream::connect(address).unwrap();
    good.write_all(b"\0\0\0\x01a").unwrap();
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\0\0\x04\x01",
        b"\0\0\0\x09abc",
    ] {
        let mut bad = TcpStream::connect(address).unwrap();
        bad.write_all(bytes).unwrap();
        assert!(is_closed(bad), "{bytes:?}");
    }
    good.write_all(b"\0\0\0\x01b").unwrap();
    assert_eq!(take(&mut run, 2), [b"a", b"b"]);
}

#[test]
fn a_client_of_bad_text_is_closed_unless_the_setting_says_otherwise() {
    let source = server();
    let (mut run, address) = started(&source);
    let mut bad = TcpStream::connect(address).unwrap();
    bad.write_all(b"ok\n\xff\nno\n").unwrap();
    assert_eq!(take(&mut run, 1), ["ok"]);
    assert!(is_closed(bad));
    let source = server().set("bad-text", "skip");
    let (mut run, address) = started(&source);
    TcpStream::connect(address).unwrap().write_all(b"ok\n\xff\nyes\n").unwrap();
    assert_eq!(take(&mut run, 2), ["ok", "yes"]);
    assert_eq!(source.skipped().count(), 1);
}

#[test]
fn idle_clients_and_clients_beyond_the_limit_are_closed() {
    let source = server().set("idle-timeout", "300 ms");
    let (_run, address) = started(&source);
    assert!(is_closed(TcpStream::connect(address).unwrap()));
    let source = server().set("connections", "2");
    let (mut run, address) = started(&source);
    let mut first = TcpStream::connect(address).unwrap();
    first.write_all(b"one\n").unwrap();
    assert_eq!(take(&mut run, 1), ["one"]);
    let silent = TcpStream::connect(address).unwrap();
    let mut third = TcpStream::connect(address).unwrap();
    third.write_all(b"three\n").unwrap();
    // The silent one makes room; where there is none to be had the newest is closed.
    assert_eq!(take(&mut run, 1), ["three"]);
    assert!(is_closed(silent));
    assert!(is_closed(TcpStream::connect(address).unwrap()));
    first.write_all(b"four\n").unwrap();
    assert_eq!(take(&mut run, 1), ["four"]);
}

#[test]
fn a_client_waits_while_the_memory_is_full() {
    let source = server().set("memory", "64 KiB");
    let (mut run, address) = started(&source);
    let mut client = TcpStream::connect(address).unwrap();
    client.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let line = format!("{}\n", "x".repeat(1023));
    let mut bytes = 0;
    while let Ok(count) = client.write(&line.as_bytes()[bytes % 1024..]) {
        bytes += count;
        assert!(bytes < 256 << 20, "the client was never held up");
    }
    assert_eq!(take(&mut run, bytes / 1024).len(), bytes / 1024);
    client.set_write_timeout(None).unwrap();
    client.write_all(&line.as_bytes()[bytes % 1024..]).unwrap();
    assert_eq!(take(&mut run, 1).len(), 1);
}

#[test]
fn after_a_kill_nothing_comes_twice_and_the_port_is_had_again() {
    let source = TcpServer::listen(free_port());
    assert_eq!(source.promise(), Promise::AtMostOnce);
    let (mut run, address) = started(&source);
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"one\ntwo\n").unwrap();
    assert_eq!(take(&mut run, 2), ["one", "two"]);
    let snapshot = run.snapshot();
    client.write_all(b"lost\n").unwrap();
    assert_eq!(take(&mut run, 1), ["lost"]);
    drop(run);
    assert!(is_closed(client));
    let mut run = Run::open(&source, 2, Some(snapshot)).unwrap();
    let begun = Instant::now();
    let mut client = loop {
        assert!(begun.elapsed() < LONG, "nobody listens");
        run.step().unwrap();
        if let Ok(client) = TcpStream::connect(address) {
            break client;
        }
    };
    client.write_all(b"three\n").unwrap();
    assert_eq!(take(&mut run, 1), ["three"]);
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[test]
fn a_server_without_clients_does_not_hold_up_a_cancel() {
    check_idle(&server());
}

#[test]
fn what_is_no_address_and_a_port_that_another_has_are_told() {
    let error = TcpServer::listen("here").enumerator(None).err().unwrap().to_string();
    assert!(error.starts_with("`here` is no address to listen at\n  give a port"), "{error}");
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut run = Run::open(&TcpServer::listen(&address).set("start-timeout", "1 ms"), 1, None).unwrap();
    let error = loop {
        if let Err(error) = run.step() {
            break error.to_string();
        }
    };
    let begin = format!("cannot listen at {address}\n  caused by: Address already in use");
    assert!(error.starts_with(&begin) && error.contains("tried for 1 ms, see start-timeout"), "{error}");
    let error = TcpServer::listen("192.0.2.1:9").enumerator(None).map(|_| ());
    error.unwrap();
    let mut run = Run::open(&TcpServer::listen("192.0.2.1:9"), 1, None).unwrap();
    let error = (0..3).find_map(|_| run.step().err()).unwrap().to_string();
    assert!(error.contains("give an address of this machine"), "{error}");
}
