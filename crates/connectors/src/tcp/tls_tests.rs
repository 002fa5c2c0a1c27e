//! Encrypted connections, with certificates that are right and wrong.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_model::text::Text;
use millstream_testkit::conformance::{Run, check_idle, open_writer};

use super::*;
use crate::tls::tests::Authority;

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, format!("localhost:{port}"))
}

fn read_all(source: &TcpLines) -> millstream_model::error::Result<Vec<Text>> {
    let mut run = Run::open(source, 1, None)?;
    while run.step()? {}
    Ok(run.take())
}

fn source(address: &str, authority: &Authority) -> TcpLines {
    TcpLines::connect(address).set("tls", "on").set("tls-ca", &authority.ca())
}

fn sink(address: &str, authority: &Authority) -> TcpSink<u32> {
    TcpSink::connect(address).set("tls", "on").set("tls-ca", &authority.ca())
}

#[test]
fn lines_come_encrypted_until_the_server_says_the_end() {
    let (authority, (listener, address)) = (Authority::new(), listen());
    let tls = authority.server();
    let server = thread::spawn(move || {
        let mut stream = tls.over(listener.accept().unwrap().0).unwrap();
        stream.write_all(b"one\ntwo\nthree").unwrap();
        stream.flush().unwrap();
    });
    assert_eq!(read_all(&source(&address, &authority)).unwrap(), ["one", "two", "three"]);
    server.join().unwrap();
}

#[test]
fn a_connection_that_is_cut_without_a_word_is_no_end() {
    let (authority, (listener, address)) = (Authority::new(), listen());
    let tls = authority.server();
    thread::spawn(move || {
        let socket = listener.accept().unwrap().0;
        let mut stream = tls.over(socket.try_clone().unwrap()).unwrap();
        stream.write_all(b"one\n").unwrap();
        stream.flush().unwrap();
        socket.shutdown(std::net::Shutdown::Both).unwrap();
    });
    let error = read_all(&source(&address, &authority)).unwrap_err().to_string();
    assert!(error.contains("was cut after ") && error.contains("close_notify"), "{error}");
}

#[test]
fn a_sink_sends_encrypted_and_ends_in_order() {
    let (authority, (listener, address)) = (Authority::new(), listen());
    let tls = authority.server();
    let server = thread::spawn(move || {
        let mut stream = tls.over(listener.accept().unwrap().0).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let mut writer = open_writer(&sink(&address, &authority), Vec::new()).unwrap();
    let numbers: Vec<u32> = (0..100_000).collect();
    writer.write(&mut Batch::from(numbers.clone())).unwrap();
    drop(writer);
    let text = server.join().unwrap();
    assert!(text.lines().eq(numbers.iter().map(u32::to_string)));
}

/// A source that listens, with its settings of TLS; gives the address and what it receives.
fn server_with_clients_of(authority: &Authority) -> TcpServer {
    let (certificate, key) = authority.identity("localhost");
    TcpServer::listen("0")
        .set("tls", "on")
        .set("tls-certificate", &certificate)
        .set("tls-key", &key)
        .set("tls-ca", &authority.ca())
}

#[test]
fn a_server_lets_in_who_has_a_certificate_and_tells_who_has_none() {
    let authority = Authority::new();
    let server = server_with_clients_of(&authority);
    let mut run = Run::open(&server, 1, None).unwrap();
    let address = loop {
        run.step().unwrap();
        if let Some(address) = server.bound().address() {
            break format!("localhost:{}", address.port());
        }
    };
    // One that speaks no TLS is closed, and disturbs nobody.
    TcpStream::connect(&address).unwrap().write_all(b"plain\n").unwrap();
    let (certificate, key) = authority.identity("client");
    let known = sink(&address, &authority).set("tls-certificate", &certificate).set("tls-key", &key);
    let mut writer = open_writer(&known, Vec::new()).unwrap();
    writer.write(&mut Batch::from(vec![1, 2])).unwrap();
    let begun = Instant::now();
    let mut records = Vec::new();
    while records.len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{records:?}");
        run.step().unwrap();
        records.extend(run.take());
    }
    assert_eq!(records, ["1", "2"]);
    // TLS 1.3 tells who is refused only after the handshake.
    let unknown = sink(&address, &authority);
    let error = open_writer(&unknown, Vec::new())
        .and_then(|mut writer| {
            loop {
                writer.write(&mut Batch::from(vec![3; 1000]))?;
            }
        })
        .map(|()| "none")
        .unwrap_err()
        .to_string();
    assert!(error.contains("the server asks for a certificate that it trusts: give it by"), "{error}");
    run.step().unwrap();
    assert!(run.take().is_empty());
}

#[test]
fn a_server_of_another_name_or_authority_or_without_tls_is_told_with_what_to_do() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let said = |ask: &dyn Fn(&str) -> String, tls: Option<crate::tls::ServerTls>| {
        let (listener, address) = listen();
        let server = thread::spawn(move || {
            let mut socket = listener.accept().unwrap().0;
            match tls {
                None => drop(socket.write_all(b"220 mail.example ESMTP\r\n")),
                Some(tls) => drop(tls.over(socket).unwrap().shake()),
            }
        });
        let said = ask(&address);
        server.join().unwrap();
        said
    };
    let by_source = |authority: &Authority, name: &str, address: &str| {
        let source = source(address, authority).set("tls-server-name", name);
        read_all(&source).unwrap_err().to_string()
    };
    let by_sink = |authority: &Authority, name: &str, address: &str| {
        let sink = sink(address, authority).set("tls-server-name", name);
        open_writer(&sink, Vec::new()).err().unwrap().to_string()
    };
    type Ask<'a> = &'a dyn Fn(&Authority, &str, &str) -> String;
    let ways: [Ask<'_>; 2] = [&by_source, &by_sink];
    for way in ways {
        let error = said(&|address| way(&stranger, "localhost", address), Some(authority.server()));
        assert!(
            error.contains("\n  name the PEM file of who vouches for the server by the setting tls-ca"),
            "{error}"
        );
        let error = said(&|address| way(&authority, "other", address), Some(authority.server()));
        assert!(error.contains("by the setting tls-server-name"), "{error}");
        let error = said(&|address| way(&authority, "localhost", address), None);
        assert!(error.contains("what is there does not speak TLS: see that the port is right"), "{error}");
    }
}

#[test]
fn a_server_that_says_nothing_to_a_handshake_does_not_hold_up_a_cancel() {
    let (authority, (_listener, address)) = (Authority::new(), listen());
    check_idle(&source(&address, &authority));
}
