//! Against real sockets.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::source::Source;
use millstream_formats::lines::OnBadText;
use millstream_model::error::Result;
use millstream_model::text::Text;
use millstream_testkit::conformance::{Run, check_idle, check_sink, check_source, open_writer};

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
    let peer = thread::spawn(move || {
        for text in [b"one;two;thr".as_slice(), b"one\r\nt;w\no\r\nthr"] {
            listener.accept().unwrap().0.write_all(text).unwrap();
        }
    });
    let source = TcpLines::connect(address);
    assert_eq!(read_all(&source.clone().delimiter(b';')).unwrap(), ["one", "two", "thr"]);
    assert_eq!(read_all(&source.delimiter("\r\n")).unwrap(), ["one", "t;w\no", "thr"]);
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
    let mut run = Run::open(&TcpLines::connect(address).reconnect(quick(2)), 1, None).unwrap();
    let error = loop {
        if let Err(error) = run.step() {
            break error.to_string();
        }
    };
    assert_eq!(run.take(), ["one", "two"]);
    assert!(error.contains("was cut after 2 lines, and 2 attempts to open it again failed\n"), "{error}");
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
fn a_bad_line_of_a_peer_is_replaced_or_skipped_and_counted_where_that_was_chosen() {
    let (listener, address) = listen();
    let peer = thread::spawn(move || {
        for _ in 0..2 {
            listener.accept().unwrap().0.write_all(b"ok\na\xffb\nend\n").unwrap();
        }
    });
    let source = TcpLines::connect(&address);
    let replacing = source.clone().on_bad_text(OnBadText::Replace);
    assert_eq!(read_all(&replacing).unwrap(), ["ok", "a\u{fffd}b", "end"]);
    let skipping = source.on_bad_text(OnBadText::Skip);
    assert_eq!(read_all(&skipping).unwrap(), ["ok", "end"]);
    assert_eq!(skipping.skipped().count(), 1);
    peer.join().unwrap();
}

/// Cuts the connection in such a way that the other end sees an error rather than an end.
fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_connection_that_is_cut_says_host_port_lines_attempts_and_what_next() {
    for retries in [0, 2] {
        let (listener, address) = listen();
        let (read, was_read) = channel();
        let peer = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.write_all(b"one\ntwo\nthr").unwrap();
            was_read.recv().unwrap();
            reset(stream);
        });
        let port = address.rsplit_once(':').unwrap().1.to_owned();
        let mut run = Run::open(&TcpLines::connect(address).reconnect(quick(retries)), 1, None).unwrap();
        let mut lines = Vec::new();
        while lines.len() < 2 {
            run.step().unwrap();
            lines.extend(run.take());
        }
        assert_eq!(lines, ["one", "two"]);
        read.send(()).unwrap();
        peer.join().unwrap();
        let error = loop {
            if let Err(error) = run.step() {
                break error.to_string();
            }
        };
        let (retried, cause) = match retries {
            0 => (", and is not to be opened again", "Connection reset by peer (os error 104)"),
            _ => (", and 2 attempts to open it again failed", "Connection refused (os error 111)"),
        };
        assert_eq!(
            error,
            format!(
                "the connection to host 127.0.0.1, port {port}, was cut after 2 lines{retried}\n  caused by: {cause}\n  \
                 see why the server went away, or let it be tried more often: \
                 .reconnect(Reconnect {{ attempts: 10, ..Reconnect::default() }})"
            )
        );
    }
}

/// A server that sends each of these lines once, whoever connects.
fn serve_once(lines: &[Text]) -> String {
    let (listener, address) = listen();
    let mut left: VecDeque<Text> = lines.iter().cloned().collect();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            while let Some(line) = left.pop_front() {
                // Whoever has gone away has lost what was on its way.
                if stream.write_all(format!("{line}\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    address
}

#[test]
fn no_line_comes_twice_whenever_the_process_is_killed() {
    let lines: Vec<Text> = (1..=5).map(|n| Text::from(n.to_string())).collect();
    let (calls, server) = (Cell::new(0), RefCell::new(String::new()));
    // The suite makes the source twice for two whole runs, then for each kill: before it, and after it, when the server is
    // still the same.
    let make = || {
        let call = calls.replace(calls.get() + 1);
        if call < 2 || call % 2 == 0 {
            server.replace(serve_once(&lines));
        }
        TcpLines::connect(server.borrow().as_str())
    };
    check_source(make, &lines);
}

fn quick(attempts: u32) -> Reconnect {
    Reconnect { attempts, first_delay: Duration::from_millis(1), ..Reconnect::default() }
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

/// What a server has been sent, as far as it has come.
fn received(listener: &TcpListener, connection: &RefCell<Option<TcpStream>>, text: &RefCell<String>) {
    let mut connection = connection.borrow_mut();
    let stream = connection.get_or_insert_with(|| listener.accept().unwrap().0);
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    // Ends with the connection, or when nothing has come for a while.
    let _nothing_more = stream.read_to_string(&mut text.borrow_mut());
}

#[test]
fn the_sink_keeps_what_it_promises() {
    let make = || {
        let (listener, address) = listen();
        let (connection, text) = (RefCell::new(None), RefCell::new(String::new()));
        let visible: Box<dyn Fn() -> Vec<String>> = Box::new(move || {
            received(&listener, &connection, &text);
            text.borrow().lines().map(str::to_owned).collect()
        });
        (TcpSink::connect(address), visible)
    };
    check_sink(make, &[1_u32, 2, 3, 4], u32::to_string);
}

#[test]
fn the_sink_waits_for_a_server_that_comes_late() {
    let (listener, address) = listen();
    drop(listener);
    let late = address.clone();
    let (tried, was_tried) = channel::<()>();
    let server = thread::spawn(move || {
        was_tried.recv().unwrap();
        let listener = TcpListener::bind(late).unwrap();
        let mut sent = String::new();
        listener.accept().unwrap().0.read_to_string(&mut sent).unwrap();
        sent
    });
    let sink = TcpSink::connect(&address);
    // The first attempt is refused for certain, before the server is there.
    assert!(open_writer(&sink, Vec::new()).is_err());
    tried.send(()).unwrap();
    let mut writer = open_writer(&sink.reconnect(quick(1_000)), Vec::new()).unwrap();
    writer.write(&mut Batch::from(vec![1])).unwrap();
    drop(writer);
    assert_eq!(server.join().unwrap(), "1\n");
}

#[test]
fn the_sink_sends_a_run_again_over_a_new_connection_and_says_when_it_gives_up() {
    let (listener, address) = listen();
    let port = address.rsplit_once(':').unwrap().1.to_owned();
    let sink = TcpSink::connect(&address).reconnect(quick(3));
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    writer.write(&mut Batch::from(vec![1])).unwrap();
    reset(listener.accept().unwrap().0);
    // A write may go into the system's buffer before the cut is known.
    let (sent, receive) = channel();
    let server = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut first = [0; 2];
        stream.read_exact(&mut first).unwrap();
        sent.send(first).unwrap();
        reset(stream);
    });
    let error = loop {
        if let Err(error) = writer.write(&mut Batch::from(vec![2])) {
            break error.to_string();
        }
    };
    assert_eq!(&receive.recv().unwrap(), b"2\n");
    server.join().unwrap();
    let begin = format!("the connection to host 127.0.0.1, port {port}, was cut after ");
    assert!(error.starts_with(&begin), "{error}");
    assert!(
        error.ends_with(
            " lines, and 3 attempts to open it again failed\n  caused by: Connection refused (os error 111)\n  \
             see why the server went away, or let it be tried more often: \
             .reconnect(Reconnect { attempts: 10, ..Reconnect::default() })\n  \
             a job with checkpoints and a restart strategy sends again from the last checkpoint"
        ),
        "{error}"
    );
}

#[test]
fn a_server_that_takes_nothing_is_given_up_after_the_timeout() {
    let (listener, address) = listen();
    let sink = TcpSink::connect(&address).write_timeout(Duration::from_millis(150));
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    let _silent = listener.accept().unwrap().0;
    let long = "x".repeat(1 << 20);
    let error = loop {
        if let Err(error) = writer.write(&mut Batch::from(vec![long.clone()])) {
            break error.to_string();
        }
    };
    assert!(
        error.contains(" lines, and is not to be opened again\n  caused by: it took nothing for 150 ms\n"),
        "{error}"
    );
}
