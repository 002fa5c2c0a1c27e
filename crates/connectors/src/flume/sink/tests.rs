//! Against listeners of our own, which stand for agents.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Cancelled, Wakeup};
use millstream_dataflow::sink::WriterContext;
use millstream_model::id::Subtask;
use millstream_testkit::conformance::{check_sink, open_writer};

use super::*;
use crate::flume::Flume;
use crate::flume::intake::{Intake, Outlet};
use crate::flume::listen::{ListenLimits, Listener};
use crate::flume::log::LogPlace;
use crate::flume::settings::ListenProtocol;

const LONG: Duration = Duration::from_secs(60);

/// A source of an agent, as far as a sink sees it.
struct Agent {
    listener: Listener,
    intake: Arc<Intake>,
    outlet: Mutex<Outlet>,
}

impl Agent {
    fn new(protocol: ListenProtocol, deflate: bool, memory: usize) -> Self {
        let limits = ListenLimits {
            protocol,
            deflate,
            connections: 8,
            frame_max: 1 << 20,
            request_timeout: LONG,
            idle_timeout: LONG,
        };
        let intake = Arc::new(Intake::queued(true, &Arc::default(), memory, Duration::from_millis(1)));
        let listener = Listener::open("127.0.0.1:0", limits, intake.clone()).unwrap();
        Self { listener, intake, outlet: Mutex::new(Outlet::new(LogPlace::default(), 1)) }
    }

    fn avro() -> Self {
        Self::new(ListenProtocol::Avro, false, 1 << 20)
    }

    fn address(&self) -> String {
        self.listener.address().to_string()
    }

    /// What has come since it was last asked.
    fn events(&self) -> Vec<FlumeEvent> {
        let (mut events, mut outlet) = (Vec::new(), self.outlet.lock().unwrap());
        while outlet.read(&self.intake, 100, |event| events.push(event)).unwrap() > 0 {}
        events
    }
}

fn numbered(count: usize) -> Vec<FlumeEvent> {
    (0..count).map(|n| FlumeEvent::new(format!("{n}")).header("h", "x")).collect()
}

#[test]
fn the_suite_is_passed_in_every_protocol() {
    for (name, protocol, compression) in [
        ("avro", ListenProtocol::Avro, "none"),
        ("avro", ListenProtocol::Avro, "deflate"),
        ("thrift", ListenProtocol::Thrift, "none"),
        ("thrift-binary", ListenProtocol::Thrift, "none"),
    ] {
        let make = || {
            let agent = Agent::new(protocol, compression == "deflate", 1 << 20);
            let sink = Flume::send::<FlumeEvent>([agent.address()])
                .set("protocol", name)
                .set("compression", compression)
                .set("batch-size", "7");
            let came = Mutex::new(Vec::new());
            let visible = move || {
                let mut came = came.lock().unwrap();
                came.extend(agent.events());
                came.clone()
            };
            (sink, Box::new(visible) as Box<dyn Fn() -> Vec<FlumeEvent>>)
        };
        check_sink(make, &numbered(40), FlumeEvent::clone);
    }
}

#[test]
fn what_is_no_full_batch_is_sent_before_a_barrier_and_when_it_has_waited() {
    let agent = Agent::avro();
    let mut writer = open_writer(&Flume::send::<FlumeEvent>([agent.address()]), Vec::new()).unwrap();
    writer.write(&mut Batch::from(numbered(3))).unwrap();
    assert_eq!(agent.events(), []);
    writer.flush().unwrap();
    assert_eq!(agent.events(), numbered(3));
    writer.write(&mut Batch::from(numbered(250))).unwrap();
    assert_eq!(agent.events(), numbered(250)[..200]);
    writer.prepare(millstream_model::id::CheckpointId(1)).unwrap();
    assert_eq!(agent.events(), numbered(250)[200..]);
}

#[test]
fn failover_goes_on_with_the_next_agent_and_turns_reach_all() {
    let (one, two) = (Agent::avro(), Agent::avro());
    let agents = [one.address(), two.address()];
    let mut failover = open_writer(&Flume::send::<FlumeEvent>(&agents), Vec::new()).unwrap();
    let turns = Flume::send::<FlumeEvent>(&agents).set("choose", "round-robin").set("batch-size", "10");
    let mut turns = open_writer(&turns, Vec::new()).unwrap();
    turns.write(&mut Batch::from(numbered(100))).unwrap();
    assert_eq!((one.events().len(), two.events().len()), (50, 50));
    failover.write(&mut Batch::from(numbered(100))).unwrap();
    assert_eq!((one.events().len(), two.events().len()), (100, 0));
    drop(one);
    failover.write(&mut Batch::from(numbered(100))).unwrap();
    turns.write(&mut Batch::from(numbered(100))).unwrap();
    assert_eq!(two.events().len(), 200);
}

#[test]
fn an_agent_without_room_is_told_of_after_the_set_time() {
    let agent = Agent::new(ListenProtocol::Avro, false, 1_000);
    let sink = Flume::send::<FlumeEvent>([agent.address()]).set("outage-timeout", "300 ms");
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    writer.write(&mut Batch::from(numbered(100))).unwrap();
    let error = writer.write(&mut Batch::from(numbered(100))).unwrap_err().to_string();
    assert!(error.contains("no Flume agent took events for 300 ms"), "{error}");
    assert!(error.contains("did not take 100 events: its channel is full"), "{error}");
    agent.events();
    writer.flush().unwrap();
    assert_eq!(agent.events(), numbered(100));
}

#[test]
fn who_is_no_agent_is_told_of_with_its_address_and_what_it_said() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let sink = Flume::send::<FlumeEvent>([&nobody]).set("start-timeout", "200 ms");
    let error = open_writer(&sink, Vec::new()).err().unwrap().to_string();
    assert!(error.contains(&format!("the agent at {nobody}: Connection refused")), "{error}");
    assert!(error.contains("start-timeout"), "{error}");

    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in stranger.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 64]);
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
    });
    let sink = Flume::send::<FlumeEvent>([&address]).set("outage-timeout", "1 ms");
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    let error = writer.write(&mut Batch::from(numbered(100))).unwrap_err().to_string();
    assert!(error.contains("its answer is not Flume's"), "{error}");
}

#[test]
fn a_cancel_is_heard_within_a_second_while_the_agent_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sink = Flume::send::<FlumeEvent>([silent.local_addr().unwrap().to_string()]);
    let (cancelled, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (told, looked) = (cancelled.clone(), seen.clone());
    let blocked = std::thread::spawn(move || {
        let context = WriterContext {
            subtask: Subtask { index: 0, of: 1 },
            wakeup: Wakeup::default(),
            cancelled: Cancelled::when({
                let (cancelled, seen) = (told, looked);
                move || {
                    seen.store(true, Ordering::Relaxed);
                    cancelled.load(Ordering::Relaxed)
                }
            }),
        };
        let mut writer = sink.writer(context, Vec::new()).unwrap();
        writer.write(&mut Batch::from(numbered(100)))
    });
    let _agent = silent.accept().unwrap();
    seen.store(false, Ordering::Relaxed);
    while !seen.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    cancelled.store(true, Ordering::Relaxed);
    assert!(blocked.join().unwrap().unwrap_err().is_cancelled());
    assert!(begun.elapsed() < Duration::from_secs(1), "the cancel took {:?}", begun.elapsed());
}

#[test]
fn settings_that_cannot_be_are_refused_at_the_start() {
    let refusal = |sink: FlumeSink<FlumeEvent>| open_writer(&sink, Vec::new()).err().unwrap().to_string();
    let none: [&str; 0] = [];
    assert!(refusal(Flume::send(none)).contains("a Flume sink has no agent"));
    assert!(refusal(Flume::send(["agent"])).contains("`agent` is no address of a Flume agent"));
    let deflated = Flume::send(["a:1"]).set("protocol", "thrift").set("compression", "deflate");
    assert!(refusal(deflated).contains("Flume's Thrift connections are never compressed"));
    let error = refusal(Flume::send(["a:1"]).set("batch-sise", "7"));
    assert!(error.contains("did you mean `batch-size`?"), "{error}");
}
