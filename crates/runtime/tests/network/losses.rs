//! How a process that is gone is noticed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::exchange::{AnyBatch, BatchCodec, ChannelSender, Element};
use millstream_model::error::Failure;
use millstream_runtime::channel::Inbox;
use millstream_runtime::network::{Connection, Incoming, Listener, Lost, NetworkSettings, Why, connect};

use super::{PATIENCE, expected, hello, pair, security, soon};

const ADDRESS: &str = "MILLSTREAM_TEST_ADDRESS";

fn tight() -> NetworkSettings {
    NetworkSettings {
        heartbeat_interval: Duration::from_millis(50),
        heartbeat_timeout: Duration::from_millis(500),
        ..NetworkSettings::default()
    }
}

/// The other process: connects, says so, and takes what comes until it is killed.
#[test]
#[ignore = "it is the other process of the tests here, which start it"]
fn the_other_process() {
    let address = std::env::var(ADDRESS).unwrap();
    let peer = connect(&address, &hello(1), &security(), soon()).unwrap();
    let connection = Connection::start(peer, tight(), |_| std::process::exit(0)).unwrap();
    let inbox = Inbox::new(1, 100, Arc::default());
    let incoming = Incoming {
        decoder: BatchCodec::<u64>::of().decoder(),
        inbox: inbox.clone(),
        channel: 0,
        meter: Arc::default(),
    };
    connection.receive(0, incoming).unwrap();
    println!("connected");
    while inbox.receive(None).is_ok() {}
}

struct Killed(Child);

impl Killed {
    fn signal(&self, name: &str) {
        let done = Command::new("kill").args([name, &self.0.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This process connected with another one, which takes what it is sent.
fn with_another_process() -> (Killed, Connection, mpsc::Receiver<(Lost, Instant)>, Listener) {
    let listener = Listener::bind("127.0.0.1:0", security(), tight()).unwrap();
    let admissions = listener.expect("job", expected(1)).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "losses::the_other_process", "--ignored", "--nocapture"])
        .env(ADDRESS, listener.address().to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Killed(child);
    let peer = admissions.next(PATIENCE).unwrap();
    let (lost_in, lost) = mpsc::channel();
    let tell = move |lost| lost_in.send((lost, Instant::now())).unwrap();
    let connection = Connection::start(peer, tight(), tell).unwrap();
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("connected")));
    (child, connection, lost, listener)
}

fn send_until_it_fails(connection: &Connection) -> thread::JoinHandle<Failure> {
    let mut sender = connection.sender(0, BatchCodec::<u64>::of().encoder(), Arc::default());
    thread::spawn(move || {
        let batch = || Element::Batch(AnyBatch::new(Batch::from((0..50).collect::<Vec<u64>>())));
        (0..).try_for_each(|_| sender.send(batch())).unwrap_err()
    })
}

#[test]
fn a_killed_process_is_noticed_at_once_by_who_waits_and_by_who_sends() {
    let (child, connection, lost, _listener) = with_another_process();
    let sending = send_until_it_fails(&connection);
    let killed = Instant::now();
    child.signal("-KILL");
    let (lost, at) = lost.recv_timeout(PATIENCE).unwrap();
    assert_eq!((lost.process, &lost.why), (1, &Why::Closed));
    assert!(lost.to_string().contains("process 1 at 127.0.0.1"), "{lost}");
    assert!(sending.join().unwrap().is_cancelled(), "who sends is only to go: why is told once");
    println!("noticed after {:?}", at - killed);
    assert!(at - killed < tight().heartbeat_timeout, "by the end of the connection, not by silence");
}

#[test]
fn a_stopped_process_is_noticed_by_its_silence_even_by_who_is_writing() {
    let (child, connection, lost, _listener) = with_another_process();
    let sending = send_until_it_fails(&connection);
    child.signal("-STOP");
    let (lost, _) = lost.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(lost.why, Why::Silent(_)), "{lost}");
    assert!(lost.to_string().contains("no sign of life"), "{lost}");
    assert!(sending.join().unwrap().is_cancelled());
}

#[test]
fn an_idle_process_gives_signs_of_life() {
    let (_child, connection, lost, _listener) = with_another_process();
    let long = tight().heartbeat_timeout * 3;
    assert!(lost.recv_timeout(long).is_err(), "{:?}", connection.lost());
}

#[test]
fn a_connection_that_is_ended_on_purpose_is_told_from_one_that_broke() {
    let mut pair = pair();
    pair.left.close();
    assert_eq!(pair.right_lost.recv_timeout(PATIENCE).unwrap().why, Why::Ended);
    drop(pair.left);
    assert!(pair.left_lost.recv_timeout(PATIENCE).is_err(), "who ends it himself has lost nobody");
}

/// Passes bytes on in both directions, and changes the one at `flip` on the way to `to`.
fn proxy(to: String, flip: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut near = listener.accept().unwrap().0;
        let mut far = TcpStream::connect(to).unwrap();
        let (mut back_from, mut back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut back_from, &mut back_to));
        let (mut passed, mut bytes) = (0, [0; 1024]);
        while let Ok(count @ 1..) = near.read(&mut bytes) {
            if (passed..passed + count).contains(&flip) {
                bytes[flip - passed] ^= 0x10;
            }
            passed += count;
            if far.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
    });
    address
}

#[test]
fn a_byte_that_was_changed_on_the_way_ends_the_connection_and_says_so() {
    let listener = Listener::bind("127.0.0.1:0", security(), tight()).unwrap();
    let admissions = listener.expect("job", expected(1)).unwrap();
    let through = proxy(listener.address().to_string(), 3_000);
    let peer = connect(&through, &hello(1), &security(), soon()).unwrap();
    let left = Connection::start(peer, tight(), drop).unwrap();
    let (lost_in, lost) = mpsc::channel();
    let other = admissions.next(PATIENCE).unwrap();
    let right = Connection::start(other, tight(), move |lost| lost_in.send(lost).unwrap()).unwrap();
    let inbox = Inbox::new(1, 1_000_000, Arc::default());
    let incoming =
        Incoming { decoder: BatchCodec::<u64>::of().decoder(), inbox, channel: 0, meter: Arc::default() };
    right.receive(0, incoming).unwrap();
    let sending = send_until_it_fails(&left);
    let lost = lost.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(&lost.why, Why::Garbled(how) if how.contains("checksum")), "{lost}");
    sending.join().unwrap();
}
