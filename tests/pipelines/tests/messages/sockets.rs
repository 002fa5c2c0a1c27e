//! Servers that are not there, go away, or send no text.

use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use millstream::connectors::tcp::{Reconnect, TcpLines, TcpSink};
use millstream::{Restart, StreamEnvironment};

fn listen() -> (TcpListener, String, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address.to_string(), address.port())
}

fn quick(attempts: u32) -> Reconnect {
    Reconnect { attempts, first_delay: Duration::from_millis(1), ..Reconnect::default() }
}

#[test]
fn a_connection_that_is_refused_is_named_in_the_source_and_in_the_sink() {
    let (listener, address, port) = listen();
    drop(listener);
    let said = format!(
        "  caused by: no connection to host 127.0.0.1, port {port}, after 3 attempts\n  \
         caused by: Connection refused (os error 111)\n  \
         start the server first (to try out: `nc -lk {port}`), or let it be tried more often: \
         .reconnect(Reconnect {{ attempts: 10, ..Reconnect::default() }})"
    );
    let env = StreamEnvironment::new();
    let lines = env.source(TcpLines::connect(&address).reconnect(quick(2))).uid("feed");
    assert_eq!(
        lines.execute_and_collect("read").unwrap_err().to_string(),
        format!("operator `TcpLines` (uid feed, subtask 1 of 1) failed\n{said}")
    );
    let env = StreamEnvironment::new();
    env.from_sequence(1, 3).sink_to(TcpSink::connect(&address).reconnect(quick(2))).uid("answers");
    assert_eq!(
        env.execute("write").unwrap_err().to_string(),
        format!("operator `TcpSink` (uid answers, subtask 1 of 1) failed\n{said}")
    );
}

#[test]
fn a_line_that_is_no_text_is_named_with_peer_and_line() {
    let (listener, address, _) = listen();
    let server = thread::spawn(move || listener.accept().unwrap().0.write_all(b"one\n\xff\n").unwrap());
    let env = StreamEnvironment::new();
    let lines = env.source(TcpLines::connect(&address)).uid("feed");
    assert_eq!(
        lines.execute_and_collect("read").unwrap_err().to_string(),
        format!(
            "operator `TcpLines` (uid feed, subtask 1 of 1) failed at {address}, line 2\n  \
             caused by: a line is not UTF-8 text: byte 1 of the line is bad (byte 4 of the input, counted from 0)\n  to go on \
             with such lines: OnBadText::Replace puts U+FFFD for bad bytes, OnBadText::Skip leaves the lines out and \
             counts them"
        )
    );
    server.join().unwrap();
}

#[test]
fn a_job_that_was_started_again_in_vain_says_how_often() {
    let (listener, address, _) = listen();
    drop(listener);
    let env = StreamEnvironment::new();
    env.set_restart(Restart::FixedDelay { attempts: 2, delay: Duration::from_millis(1) });
    let error = env.source(TcpLines::connect(&address)).execute_and_collect("read").unwrap_err().to_string();
    assert!(error.ends_with("\n  the job was started again 2 times and failed each time"), "{error}");
}
