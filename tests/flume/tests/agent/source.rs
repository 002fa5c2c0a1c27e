//! Agents push to this job.

use std::time::{Duration, Instant};

use millstream::connectors::flume::Flume;

use crate::job::{bodies, start};
use crate::own_agent::{Channel, OwnAgent, free_port, lines, push_to};

#[test]
fn events_come_in_every_protocol_with_and_without_a_log() {
    std::thread::scope(|scope| {
        for (kind, more, protocol, compression) in [
            ("avro", &[][..], "avro", "none"),
            ("avro", &[("compression-type", "deflate")], "avro", "deflate"),
            ("thrift", &[], "thrift", "none"),
            ("thrift", &[("protocol", "binary")], "thrift", "none"),
        ] {
            scope.spawn(move || {
                let log = tempfile::tempdir().unwrap();
                for with_log in [true, false] {
                    let port = free_port();
                    let agent = OwnAgent::started(lines(), push_to(kind, port, more), Channel::Memory);
                    let mut source = Flume::listen([port.to_string()])
                        .set("protocol", protocol)
                        .set("compression", compression);
                    if with_log {
                        source = source.set("log", log.path().to_str().unwrap());
                    }
                    let job = start(source);
                    let sent = bodies(kind, 0..1_000);
                    agent.feed(sent.iter().cloned());
                    job.await_all(&sent);
                    job.cancel();
                }
            });
        }
    });
}

#[test]
fn what_has_come_stands_in_the_jobs_metrics() {
    let port = free_port();
    let agent = OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::Memory);
    let job = start(Flume::listen([port.to_string()]));
    let sent = bodies("counted", 0..1_000);
    agent.feed(sent.iter().cloned());
    job.await_all(&sent);
    let begun = Instant::now();
    loop {
        let gauges = job.handle.metrics().operators.swap_remove(0).gauges;
        let read = |name: &str| gauges.iter().find(|gauge| gauge.name == name).map(|gauge| gauge.value);
        let counts = ["events_total", "connections", "rejected_total"].map(read);
        if counts == [Some(1_000), Some(1), Some(0)] && read("batches_total") >= Some(10) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{gauges:?}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    job.cancel();
}

#[test]
fn headers_and_bodies_pass_through_a_job_unchanged() {
    // Into an agent by our sink, out of it to our source: the agent's own code carries the headers.
    use millstream::StreamEnvironment;
    use millstream::connectors::collection::Collection;
    use millstream::connectors::flume::FlumeEvent;
    let port = free_port();
    let source = crate::own_agent::rpc_source("avro", &[]);
    let agent = OwnAgent::started(source, push_to("thrift", port, &[]), Channel::Memory);
    let job = start(Flume::listen([port.to_string()]).set("protocol", "thrift"));
    let event = |n: u32| {
        FlumeEvent::new(vec![0, 255, n as u8, b'\n'])
            .header("n", n.to_string())
            .header("größe", "ü \u{1f600}\n")
    };
    let env = StreamEnvironment::new();
    env.source(Collection::new((0..50).collect::<Vec<u32>>()))
        .map(event)
        .sink_to(Flume::send::<FlumeEvent>([agent.address()]));
    env.execute("send").unwrap();
    let mut came: Vec<FlumeEvent> = (0..50).map(|_| job.next()).collect();
    came.sort();
    let mut expected: Vec<FlumeEvent> = (0..50).map(event).collect();
    expected.sort();
    assert_eq!(came, expected);
    job.cancel();
}

#[test]
fn nothing_is_lost_where_the_agent_is_killed_and_its_channel_is_on_the_disk() {
    let (port, log) = (free_port(), tempfile::tempdir().unwrap());
    let mut agent = OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::File);
    let job = start(Flume::listen([port.to_string()]).set("log", log.path().to_str().unwrap()));
    for round in 0..3 {
        let sent = bodies(&format!("round {round}"), 0..1_000);
        agent.feed(sent.iter().cloned());
        // Somewhere in the middle of what it has to push.
        agent.kill();
        agent.start();
        let mut missing = sent;
        while !missing.is_empty() {
            missing.remove(&*job.next().text());
        }
    }
    job.cancel();
}

#[test]
fn an_agent_that_comes_before_its_job_waits_and_a_cancel_is_heard_while_it_is_connected() {
    let port = free_port();
    let agent = OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::Memory);
    let sent = bodies("early", 0..10);
    agent.feed(sent.iter().cloned());
    let job = start(Flume::listen([port.to_string()]));
    job.await_all(&sent);
    let begun = Instant::now();
    job.cancel();
    assert!(begun.elapsed() < Duration::from_secs(1), "the cancel took {:?}", begun.elapsed());
}

#[test]
fn garbage_on_the_port_does_not_disturb_an_agent() {
    use std::io::Write;
    let port = free_port();
    let agent = OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::Memory);
    let source = Flume::listen([port.to_string()]).set("connections", "4");
    let bound = source.bound();
    let job = start(source);
    while bound.addresses().is_empty() {
        std::thread::yield_now();
    }
    for round in 0..5 {
        let mut held = Vec::new();
        for garbage in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 100_000], &[0, 0, 0, 1, 0, 0, 0, 1, 0x7f], b""]
        {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            // It may be closed before all is sent.
            let _ = stream.write_all(garbage);
            held.push(stream);
        }
        let sent = bodies(&format!("round {round}"), 0..50);
        agent.feed(sent.iter().cloned());
        job.await_all(&sent);
    }
    job.cancel();
}

#[test]
fn a_job_whose_checkpoints_cannot_keep_the_promise_is_refused_at_the_start() {
    use millstream::connectors::discard::Discard;
    use millstream::{CheckpointSettings, StreamEnvironment};
    let folder = tempfile::tempdir().unwrap();
    for (interval, what) in [
        (None, "this job takes no checkpoints"),
        (Some(Duration::from_secs(20)), "agents send what is not acknowledged again after 20 s"),
    ] {
        let env = StreamEnvironment::new();
        if let Some(interval) = interval {
            env.enable_checkpoints(CheckpointSettings {
                interval,
                ..CheckpointSettings::in_folder(folder.path())
            });
        }
        env.source(Flume::listen(["0"])).sink_to(Discard::new());
        let error = env.execute("refused").unwrap_err().to_string();
        assert!(error.contains("operator `FlumeSource`") && error.contains(what), "{error}");
    }
}

#[test]
fn a_stream_of_batches_acknowledges_what_is_done() {
    use std::sync::mpsc::channel;

    use millstream::dstream::{Stop, StreamingContext};
    use millstream::rdd::Context;
    let (port, log) = (free_port(), tempfile::tempdir().unwrap());
    let agent = OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::Memory);
    for with_log in [true, false] {
        for round in 0..2 {
            let mut source = Flume::listen([port.to_string()]);
            if with_log {
                source = source.set("log", log.path().to_str().unwrap());
            }
            let context = Context::new().unwrap();
            let batches = StreamingContext::new(&context, Duration::from_millis(100));
            let (tell, told) = channel();
            batches.receiver_stream(source.text()).foreach_rdd(move |rdd| {
                for line in rdd.collect()? {
                    let _ = tell.send(line.to_string());
                }
                Ok(())
            });
            batches.start().unwrap();
            let sent = bodies(&format!("{with_log} {round}"), 0..500);
            agent.feed(sent.iter().cloned());
            let mut missing = sent.clone();
            while !missing.is_empty() {
                missing.remove(&told.recv_timeout(crate::own_agent::LONG).unwrap());
            }
            let taken = log.path().join(port.to_string()).join("taken");
            let begun = Instant::now();
            while with_log && !taken.exists() {
                assert!(begun.elapsed() < crate::own_agent::LONG, "the log was never told what is done");
                std::thread::yield_now();
            }
            batches.stop(Stop::Now).unwrap();
        }
    }
}
