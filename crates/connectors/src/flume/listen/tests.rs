//! Agents that behave, and senders that do not.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span;

use super::*;
use crate::flume::client::{AvroClient, ThriftClient, Wait, dial};
use crate::flume::event::FlumeEvent;
use crate::flume::intake::{Bell, Outlet};
use crate::flume::log::LogPlace;
use crate::flume::wire::packed::Packed;
use crate::flume::wire::thrift::Encoding;

const LONG: Duration = Duration::from_secs(60);

/// Warnings of this process.
static WARNINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collector;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl tracing::Subscriber for Collector {
    fn enabled(&self, of: &tracing::Metadata<'_>) -> bool {
        *of.level() <= tracing::Level::WARN
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        WARNINGS.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Waits for a warning of a server about a peer, and gives it. Another test's client of another server may have
/// the peer's port.
fn warning(server: &Server, peer: SocketAddr) -> String {
    let (begun, of) = (Instant::now(), [format!("address={} ", server.address()), format!("peer={peer} ")]);
    loop {
        let told = |line: &&String| of.iter().all(|field| line.contains(field));
        let found = WARNINGS.lock().unwrap().iter().find(told).cloned();
        if let Some(found) = found {
            return found;
        }
        assert!(begun.elapsed() < LONG, "nothing was logged of {peer}");
        thread::yield_now();
    }
}

struct Server {
    listener: Listener,
    intake: Arc<Intake>,
    outlet: Outlet,
}

impl Server {
    fn new(change: impl FnOnce(&mut ListenLimits)) -> Self {
        static COLLECT: Once = Once::new();
        COLLECT.call_once(|| tracing::subscriber::set_global_default(Collector).unwrap());
        let mut limits = ListenLimits {
            protocol: ListenProtocol::Avro,
            deflate: false,
            connections: 8,
            frame_max: 64 << 10,
            request_timeout: LONG,
            idle_timeout: LONG,
        };
        change(&mut limits);
        let intake = Arc::new(Intake::queued(true, &Arc::new(Bell::default()), 1 << 20, LONG));
        let listener = Listener::open("127.0.0.1:0", limits, intake.clone()).unwrap();
        Self { listener, intake, outlet: Outlet::new(LogPlace::default(), 1) }
    }

    fn address(&self) -> String {
        self.listener.address().to_string()
    }

    fn dial(&self) -> TcpStream {
        dial(&self.address()).unwrap()
    }

    /// Reads so many events.
    fn read(&mut self, count: usize) -> Vec<FlumeEvent> {
        let (mut events, begun) = (Vec::new(), Instant::now());
        while events.len() < count {
            self.outlet.read(&self.intake, count - events.len(), |event| events.push(event)).unwrap();
            assert!(begun.elapsed() < LONG, "{} of {count} events came", events.len());
        }
        events
    }
}

fn batch(name: &str, count: usize) -> Packed {
    let mut packed = Packed::default();
    (0..count).for_each(|n| packed.put_event(&event(name, n)));
    packed
}

fn event(name: &str, n: usize) -> FlumeEvent {
    FlumeEvent::new(format!("{name} {n}")).header("n", n.to_string())
}

fn events(name: &str, count: usize) -> Vec<FlumeEvent> {
    (0..count).map(|n| event(name, n)).collect()
}

const WAIT: Wait<'static> = Wait { timeout: LONG, is_over: &|| false };

#[test]
fn events_come_over_avro_plain_and_deflated_with_headers_and_bodies() {
    for deflate in [false, true] {
        let mut server = Server::new(|limits| limits.deflate = deflate);
        let mut client = AvroClient::to_source(server.dial(), deflate);
        for count in [1, 300, 0, 7] {
            assert!(client.append(&batch("avro", count), WAIT).unwrap());
            assert_eq!(server.read(count), events("avro", count));
        }
    }
}

#[test]
fn events_come_over_thrift_in_both_encodings_to_one_port() {
    let mut server = Server::new(|limits| limits.protocol = ListenProtocol::Thrift);
    for encoding in [Encoding::Compact, Encoding::Binary] {
        let mut client = ThriftClient::new(server.dial(), encoding);
        for count in [1, 300, 0, 7] {
            assert!(client.append(&batch("thrift", count), WAIT).unwrap());
            assert_eq!(server.read(count), events("thrift", count));
        }
    }
}

/// Sends bytes and waits until the other side closes; gives what was logged.
fn refused(server: &Server, bytes: &[u8]) -> String {
    let mut stream = server.dial();
    let own = stream.local_addr().unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut left = Vec::new();
    match stream.read_to_end(&mut left) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}"),
    }
    assert_eq!(left, b"", "garbage was answered");
    warning(server, own)
}

#[test]
fn what_is_no_request_closes_its_connection_is_logged_and_disturbs_no_other() {
    let mut server = Server::new(|_| ());
    let mut agent = AvroClient::to_source(server.dial(), false);
    let huge = [&[0, 0, 0, 1, 0, 0, 0, 1][..], &i32::MAX.to_be_bytes(), &[0; 100]].concat();
    let many = [&[0, 0, 0, 1][..], &i32::MAX.to_be_bytes()].concat();
    // A right frame with a wrong message: 5 texts are announced, and none is there.
    let wrong = [&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 40][..], &[10; 40]].concat();
    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "it looks like HTTP"),
        (&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc], "it looks like TLS"),
        (&huge, "a buffer of 2147483647 bytes, where a frame has 65536 at the most"),
        (&many, "a frame of 2147483647 buffers"),
        (&wrong, "not Flume's protocol at byte"),
        (&[0x78, 0x9c, 0x62, 0x60, 0x60, 0x60, 0x60, 0x64], "set `compression` to deflate"),
        (&[0, 0, 0, 0x26, 0x82, 0x21, 1, 0x0b], "set `protocol` to thrift"),
    ] {
        let logged = refused(&server, bytes);
        assert!(logged.contains(reason), "{logged}");
        assert!(agent.append(&batch("good", 3), WAIT).unwrap());
        assert_eq!(server.read(3), events("good", 3));
    }
    let server = Server::new(|limits| limits.protocol = ListenProtocol::Thrift);
    for (bytes, reason) in [
        (&b"GET / HTTP/1.1\r\n"[..], "it looks like HTTP"),
        (&[0, 0, 0, 1, 0, 0, 0, 1, 0], "set `protocol` to avro"),
        (&[0, 0, 0, 2, 0x82, 0x22], "version 2 of the compact encoding"),
        (&[0xff, 0xff, 0xff, 0xff], "a frame of -1 bytes"),
    ] {
        let logged = refused(&server, bytes);
        assert!(logged.contains(reason), "{logged}");
    }
    let server = Server::new(|limits| limits.deflate = true);
    let logged = refused(&server, &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
    assert!(logged.contains("is no zlib stream"), "{logged}");
}

#[test]
fn a_request_that_ends_half_way_leaves_nothing_and_one_that_trickles_has_its_time() {
    let mut server = Server::new(|limits| limits.request_timeout = Duration::from_millis(300));
    let mut stream = server.dial();
    let own = stream.local_addr().unwrap();
    stream.write_all(&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 99, 1, 2, 3]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(warning(&server, own).contains("it ended within a request, behind 15 bytes of it"));

    let mut stream = server.dial();
    let own = stream.local_addr().unwrap();
    let begun = Instant::now();
    stream.write_all(&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 99, 99]).unwrap();
    // A byte now and then keeps no connection open.
    while stream.write_all(&[0]).is_ok() {
        thread::park_timeout(Duration::from_millis(20));
        assert!(begun.elapsed() < LONG, "a slow sender is still connected");
    }
    assert!(warning(&server, own).contains("a request was not there after 300 ms, see request-timeout"));

    let mut agent = AvroClient::to_source(server.dial(), false);
    assert!(agent.append(&batch("good", 3), WAIT).unwrap());
    assert_eq!(server.read(3), events("good", 3));
}

#[test]
fn a_deflated_request_is_not_inflated_beyond_the_largest_one() {
    let server = Server::new(|limits| limits.deflate = true);
    let mut bomb = vec![0, 0, 0, 1, 0, 0, 0, 1];
    bomb.extend((1_i32 << 30).to_be_bytes());
    bomb.resize(10 << 20, 0);
    let mut wire = Vec::new();
    crate::flume::wire::deflate::Deflater::new().flush(&bomb, &mut wire).unwrap();
    assert!(wire.len() < 64 << 10);
    let logged = refused(&server, &wire);
    assert!(logged.contains("a buffer of 1073741824 bytes, where a frame has 65536 at the most"), "{logged}");
}

#[test]
fn a_connection_too_many_takes_the_place_of_a_silent_one_and_else_is_closed() {
    let mut server = Server::new(|limits| limits.connections = 2);
    let mut silent = server.dial();
    let mut first = AvroClient::to_source(server.dial(), false);
    assert!(first.append(&batch("first", 1), WAIT).unwrap());
    let mut second = AvroClient::to_source(server.dial(), false);
    assert!(second.append(&batch("second", 1), WAIT).unwrap());
    silent.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "the silent connection is still there");
    let third = server.dial();
    let own = third.local_addr().unwrap();
    assert!(AvroClient::to_source(third, false).append(&batch("third", 1), WAIT).is_err());
    assert!(warning(&server, own).contains("a Flume connection too many was closed"));
    assert!(first.append(&batch("first", 1), WAIT).unwrap());
    assert_eq!(server.read(3).len(), 3);
}

#[test]
fn large_requests_are_taken_within_memory_and_the_memory_is_given_back() {
    let mut server = Server::new(|limits| limits.frame_max = 512 << 10);
    let mut packed = Packed::default();
    packed.put_event(&FlumeEvent::new(vec![7; 400 << 10]));
    for _ in 0..5 {
        let mut client = AvroClient::to_source(server.dial(), false);
        assert!(client.append(&packed, WAIT).unwrap());
        assert_eq!(server.read(1)[0].body.len(), 400 << 10);
    }
}

#[test]
fn a_listener_that_ends_frees_its_port_and_cuts_its_connections() {
    let server = Server::new(|_| ());
    let address = server.address();
    let mut stream = server.dial();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(1), "it took {:?}", begun.elapsed());
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    std::net::TcpListener::bind(address).unwrap();
}

#[test]
fn a_port_alone_is_this_machines_own() {
    assert_eq!(local("4141").unwrap(), "127.0.0.1:4141");
    assert_eq!(local("0.0.0.0:4141").unwrap(), "0.0.0.0:4141");
    for wrong in ["", "x", ":4141", "host:", "host:70000"] {
        let error = local(wrong).unwrap_err().to_string();
        assert!(error.contains(&format!("`{wrong}` is no address to listen at")), "{error}");
    }
}
