//! Lines from real sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use millstream_connectors::lines::OnBadText;
use millstream_connectors::tcp::{Reconnect, TcpLines};
use millstream_model::text::Text;

use super::*;

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A program that tries to connect twice again, at once.
fn eager() -> (StreamingContext, ManualClock) {
    let context = Context::builder().parallelism(2).build().unwrap();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let quick = Reconnect { attempts: 2, first_delay: Duration::from_millis(1), ..Reconnect::default() };
    let builder = StreamingContext::builder(&context, seconds(1)).manual_clock(&clock);
    (builder.reconnect(quick).build(), clock)
}

/// What the batches are, in turn.
fn batches_of(lines: &DStream<Text>) -> std::sync::mpsc::Receiver<Vec<Text>> {
    let (each, seen) = channel();
    lines.foreach_rdd(move |rdd| {
        let _told = each.send(rdd.collect()?);
        Ok(())
    });
    seen
}

fn send(peer: &mut TcpStream, text: &str) {
    peer.write_all(text.as_bytes()).unwrap();
}

#[test]
fn the_lines_that_came_in_an_interval_make_its_batch() {
    let (listener, port) = listen();
    let (batches, clock) = program();
    let seen = batches_of(&batches.socket_text_stream("localhost", port));
    batches.start().unwrap();
    let mut peer = listener.accept().unwrap().0;
    for (text, received, batch) in
        [("one\ntwo\nthr", 2, vec!["one", "two"]), ("ee\r\n", 3, vec!["three"]), ("", 3, vec![])]
    {
        send(&mut peer, text);
        batches.wait_for_receiver(0, |receiver| receiver.records_received == received);
        clock.advance(seconds(1));
        assert_eq!(seen.recv().unwrap(), batch);
    }
    let status = batches.status();
    assert_eq!(status.receivers[0].name, format!("socket localhost:{port}"));
    assert!(status.receivers[0].active);
}

#[test]
fn a_connection_that_ends_is_opened_again() {
    let (listener, port) = listen();
    let (batches, clock) = eager();
    let seen = batches_of(&batches.socket_text_stream("127.0.0.1", port));
    batches.start().unwrap();
    for line in ["one\n", "two\n", "three\n", "four\n"] {
        send(&mut listener.accept().unwrap().0, line);
    }
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 4);
    clock.advance(seconds(1));
    assert_eq!(seen.recv().unwrap(), ["one", "two", "three", "four"]);
}

#[test]
fn a_refused_connection_says_host_port_and_attempts() {
    let (listener, port) = listen();
    drop(listener);
    let (batches, _) = eager();
    batches.socket_text_stream("127.0.0.1", port).print(1);
    batches.start().unwrap();
    let error = batches.await_termination().unwrap_err().to_string();
    assert!(error.starts_with(&format!("the receiver socket 127.0.0.1:{port} failed")), "{error}");
    assert!(
        error.contains(&format!("no connection to host 127.0.0.1, port {port}, after 3 attempts")),
        "{error}"
    );
    assert!(error.contains(&format!("nc -lk {port}")), "{error}");
}

#[test]
fn an_address_of_ipv6_is_understood() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let (batches, clock) = program();
    let port = listener.local_addr().unwrap().port();
    let seen = batches_of(&batches.socket_text_stream("::1", port));
    batches.start().unwrap();
    send(&mut listener.accept().unwrap().0, "six\n");
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 1);
    clock.advance(seconds(1));
    assert_eq!(seen.recv().unwrap(), ["six"]);
}

#[test]
fn an_address_that_cannot_be_is_refused_at_the_start() {
    let (batches, _) = program();
    batches.receiver_stream(TcpLines::connect("localhost")).print(1);
    let error = batches.start().unwrap_err().to_string();
    assert!(error.contains("`localhost` is no address to connect to"), "{error}");
    assert_eq!(batches.status().phase, Phase::Stopped);
}

#[test]
fn a_panic_names_the_line_of_the_peer() {
    let (listener, port) = listen();
    let (batches, clock) = program();
    let numbers = batches.socket_text_stream("127.0.0.1", port).map(|line| line.parse::<u32>().unwrap());
    numbers.print(0);
    numbers.foreach_rdd(|rdd| rdd.count().map(drop));
    batches.start().unwrap();
    send(&mut listener.accept().unwrap().0, "1\n2\nthree\n4\n");
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 4);
    clock.advance(seconds(1));
    let error = batches.await_termination().unwrap_err().to_string();
    assert!(error.contains(&format!("failed at 127.0.0.1:{port}, line 3, its record 3")), "{error}");
}

#[test]
fn a_line_that_is_no_text_ends_the_program_unless_said_otherwise() {
    let (listener, port) = listen();
    let (batches, _clock) = program();
    batches.socket_text_stream("127.0.0.1", port).print(0);
    batches.start().unwrap();
    listener.accept().unwrap().0.write_all(b"good\nb\xffd\n").unwrap();
    let error = batches.await_termination().unwrap_err().to_string();
    assert!(error.contains("a line is not UTF-8 text: byte 2 of the line is bad"), "{error}");
    assert!(error.contains(&format!("127.0.0.1:{port}, line 2")), "{error}");

    let (batches, clock) = program();
    let source = TcpLines::connect(format!("127.0.0.1:{port}")).on_bad_text(OnBadText::Replace);
    let seen = batches_of(&batches.receiver_stream(source));
    batches.start().unwrap();
    listener.accept().unwrap().0.write_all(b"good\nb\xffd\n").unwrap();
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 2);
    clock.advance(seconds(1));
    assert_eq!(seen.recv().unwrap(), ["good", "b\u{fffd}d"]);
}

#[test]
fn a_graceful_stop_processes_what_came_since_the_last_batch() {
    let (listener, port) = listen();
    let (batches, clock) = program();
    let lines = batches.socket_text_stream("127.0.0.1", port);
    let seen = batches_of(&lines);
    batches.start().unwrap();
    let mut peer = listener.accept().unwrap().0;
    send(&mut peer, "one\n");
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 1);
    clock.advance(seconds(1));
    assert_eq!(seen.recv().unwrap(), ["one"]);
    send(&mut peer, "two\nthree\n");
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 3);
    batches.stop(Stop::Gracefully).unwrap();
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), [["two", "three"]]);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the connection is closed");
}

#[test]
fn a_stop_now_closes_the_connection_and_drops_what_came_since_the_last_batch() {
    let (listener, port) = listen();
    let (batches, _clock) = program();
    let seen = batches_of(&batches.socket_text_stream("127.0.0.1", port));
    batches.start().unwrap();
    let mut peer = listener.accept().unwrap().0;
    send(&mut peer, "lost\n");
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 1);
    batches.stop(Stop::Now).unwrap();
    assert_eq!((seen.try_iter().count(), peer.read(&mut [0]).unwrap()), (0, 0));
}

#[test]
fn a_context_that_is_dropped_closes_its_connections() {
    let (listener, port) = listen();
    let (batches, _clock) = program();
    let lines = batches.socket_text_stream("127.0.0.1", port);
    lines.print(0);
    batches.start().unwrap();
    let mut peer = listener.accept().unwrap().0;
    drop(batches);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    drop(lines);
}
