//! Events are pulled out of agents.

use std::collections::BTreeSet;

use millstream::connectors::flume::Flume;

use crate::job::{bodies, start};
use crate::own_agent::{Channel, OwnAgent, free_port, lines, pulled_at};

#[test]
fn all_is_pulled_from_several_agents_with_and_without_a_log() {
    let log = tempfile::tempdir().unwrap();
    for with_log in [true, false] {
        let ports = [free_port(), free_port()];
        let agents = ports.map(|port| OwnAgent::started(lines(), pulled_at(port, 60), Channel::Memory));
        let mut source = Flume::pull(ports.map(|port| format!("127.0.0.1:{port}"))).set("batch-size", "70");
        if with_log {
            source = source.set("log", log.path().to_str().unwrap());
        }
        let job = start(source);
        let mut all = BTreeSet::new();
        for (number, agent) in agents.iter().enumerate() {
            let sent = bodies(&format!("agent {number}"), 0..1_000);
            agent.feed(sent.iter().cloned());
            all.extend(sent);
        }
        job.await_all(&all);
        job.cancel();
    }
}

#[test]
fn what_was_not_acknowledged_is_given_again_and_what_was_is_not() {
    let port = free_port();
    let agent = OwnAgent::started(lines(), pulled_at(port, 2), Channel::Memory);
    let address = format!("127.0.0.1:{port}");
    // Without a checkpoint nothing is acknowledged: a run that ends gives back what it had.
    let sent = bodies("again", 0..300);
    agent.feed(sent.iter().cloned());
    let mut run = millstream_testkit::conformance::Run::open(&Flume::pull([&address]), 1, None).unwrap();
    let mut came = 0;
    while came < 300 {
        run.step().unwrap();
        came += run.take().len();
    }
    drop(run);
    let job = start(Flume::pull([&address]));
    job.await_all(&sent);
    // And once it is acknowledged, only what is new comes.
    let more = bodies("more", 0..300);
    agent.feed(more.iter().cloned());
    let mut missing = more.clone();
    while !missing.is_empty() {
        missing.remove(&*job.next().text());
    }
    job.cancel();
}
