//! Against real sockets.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::source::Source;
use millstream_model::error::Result;
use millstream_model::text::Text;
use millstream_testkit::conformance::{Run, check_idle, open_writer};

use super::*;

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn read_all(source: &TcpLines) -> Result<Vec<Text>> {
    let mut run = Run::open(source, 2, None)?;
    while run.step()? {}
    Ok(run.take())
}

#[test]
fn lines_come_until_the_peer_closes() {
    let (listener, address) = listen();
    let peer = thread::spawn(move || listener.accept().unwrap().0.write_all(b"one;two;thr").unwrap());
    assert_eq!(read_all(&TcpLines::connect(address).delimiter(b';')).unwrap(), ["one", "two", "thr"]);
    peer.join().unwrap();
}

#[test]
fn a_connection_that_ends_is_opened_again_as_often_as_allowed() {
    let (listener, address) = listen();
    let peer = thread::spawn(move || {
        for line in ["one\n", "two\n"] {
            listener.accept().unwrap().0.write_all(line.as_bytes()).unwrap();
        }
    });
    let quick = Reconnect { attempts: 2, first_delay: Duration::from_millis(1), ..Reconnect::default() };
    let mut run = Run::open(&TcpLines::connect(address).reconnect(quick), 1, None).unwrap();
    let error = loop {
        if let Err(error) = run.step() {
            break error.to_string();
        }
    };
    assert_eq!(run.take(), ["one", "two"]);
    assert!(error.contains("after 3 attempts"), "{error}");
    peer.join().unwrap();
}

#[test]
fn a_silent_peer_does_not_hold_up_a_cancel() {
    let (_listener, address) = listen();
    check_idle(&TcpLines::connect(address));
}

#[test]
fn a_refused_connection_says_host_port_attempts_and_what_next() {
    let (listener, address) = listen();
    drop(listener);
    let port = address.rsplit_once(':').unwrap().1;
    let start = format!("no connection to host 127.0.0.1, port {port}, after 1 attempt\n  caused by: ");
    let error = read_all(&TcpLines::connect(&address)).unwrap_err().to_string();
    assert!(error.starts_with(&start) && error.contains("start the server first"), "{error}");
    let error = open_writer(&TcpSink::<u32>::connect(&address), Vec::new()).err().unwrap().to_string();
    assert!(error.starts_with(&start), "{error}");
    let error = TcpLines::connect("localhost").enumerator(None).err().unwrap().to_string();
    assert!(error.starts_with("`localhost` is no address to connect to\n  give host and port"), "{error}");
}

#[test]
fn a_bad_line_is_told_with_peer_and_line() {
    let (listener, address) = listen();
    let peer = thread::spawn(move || listener.accept().unwrap().0.write_all(b"ok\n\xff\n").unwrap());
    let error = read_all(&TcpLines::connect(&address)).unwrap_err().to_string();
    assert!(error.contains(&format!("at {address}, line 2\n")), "{error}");
    peer.join().unwrap();
}

#[test]
fn the_sink_sends_a_line_for_each_record() {
    let (listener, address) = listen();
    let mut writer = open_writer(&TcpSink::connect(address), Vec::new()).unwrap();
    writer.write(&mut Batch::from(vec![1, 22])).unwrap();
    drop(writer);
    let mut sent = String::new();
    listener.accept().unwrap().0.read_to_string(&mut sent).unwrap();
    assert_eq!(sent, "1\n22\n");
}
