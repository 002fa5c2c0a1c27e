//! Agents that are not there, go away, come back, or say nothing.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use millstream::connectors::flume::{Flume, FlumeEvent};
use millstream::connectors::generator::Generator;
use millstream::{JobHandle, StreamEnvironment};

use crate::job::{bodies, start};
use crate::own_agent::{Channel, LONG, OwnAgent, free_port, lines, pulled_at, rpc_source, to_files};

/// A job that sends without end, and a signal once it has begun.
fn sending(agent: &OwnAgent, outage: &str) -> (JobHandle, std::sync::mpsc::Receiver<u64>) {
    let env = StreamEnvironment::new();
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    env.source(Generator::new(|n| n, None))
        .map(move |n: u64| {
            if n.is_multiple_of(1_000) {
                let _ = tell.lock().unwrap().send(n);
            }
            FlumeEvent::new(n.to_string())
        })
        .sink_to(Flume::send::<FlumeEvent>([agent.address()]).set("outage-timeout", outage));
    (env.start("sending").unwrap(), told)
}

#[test]
fn a_sink_outlives_an_agent_that_is_killed_and_started_again_and_is_cancelled_while_it_is_silent() {
    let mut agent = OwnAgent::started(rpc_source("avro", &[]), to_files("text"), Channel::Memory);
    let (job, told) = sending(&agent, "5 min");
    let begun = told.recv_timeout(LONG).unwrap();
    agent.kill();
    agent.start();
    while told.recv_timeout(LONG).unwrap() < begun + 20_000 {}
    agent.freeze();
    // It blocks: nothing is told any more.
    while told.recv_timeout(Duration::from_secs(1)).is_ok() {}
    let begun = Instant::now();
    job.cancel();
    let _ = job.wait();
    assert!(begun.elapsed() < Duration::from_secs(1), "the cancel took {:?}", begun.elapsed());
}

#[test]
fn an_agent_that_stays_away_is_given_up_after_the_set_time() {
    let mut agent = OwnAgent::started(rpc_source("avro", &[]), to_files("text"), Channel::Memory);
    let (job, told) = sending(&agent, "1 s");
    told.recv_timeout(LONG).unwrap();
    agent.kill();
    let error = job.wait().unwrap_err().to_string();
    assert!(error.contains("no Flume agent took events for 1 s"), "{error}");
    assert!(error.contains(&agent.address()) && error.contains("outage-timeout"), "{error}");
}

#[test]
fn an_agent_that_is_pulled_from_may_be_killed_and_come_back_and_is_given_up_after_the_set_time() {
    let port = free_port();
    let mut agent = OwnAgent::started(lines(), pulled_at(port, 2), Channel::File);
    let job = start(Flume::pull([format!("127.0.0.1:{port}")]).set("outage-timeout", "20 s"));
    for round in 0..2 {
        let sent = bodies(&format!("round {round}"), 0..500);
        agent.feed(sent.iter().cloned());
        agent.kill();
        agent.start();
        let mut missing = sent;
        while !missing.is_empty() {
            missing.remove(&*job.next().text());
        }
    }
    agent.kill();
    let error = job.handle.wait().unwrap_err().to_string();
    assert!(
        error.contains("no events can be pulled from the Flume agent") && error.contains("20 s"),
        "{error}"
    );
}
