//! This job sends to agents.

use std::time::Duration;

use millstream::StreamEnvironment;
use millstream::connectors::collection::Collection;
use millstream::connectors::flume::{Flume, FlumeEvent, FlumeSink};
use millstream_flume_tests::fact;

use crate::job::bodies;
use crate::own_agent::{Channel, OwnAgent, rpc_source, to_files};

fn send(bodies: impl IntoIterator<Item = String>, sink: FlumeSink<FlumeEvent>) {
    let env = StreamEnvironment::new();
    env.source(Collection::new(bodies.into_iter().collect::<Vec<_>>()))
        .map(|body: String| FlumeEvent::new(body).header("kind", "test"))
        .sink_to(sink);
    env.execute("send").unwrap();
}

#[test]
fn events_arrive_once_in_every_protocol() {
    for (kind, more, protocol, compression) in [
        ("avro", &[][..], "avro", "none"),
        ("avro", &[("compression-type", "deflate")], "avro", "deflate"),
        ("thrift", &[], "thrift", "none"),
        ("thrift", &[("protocol", "binary")], "thrift-binary", "none"),
    ] {
        let agent = OwnAgent::started(rpc_source(kind, more), to_files("header_and_text"), Channel::Memory);
        let sent = bodies(protocol, 0..2_000);
        let sink = Flume::send([agent.address()]).set("protocol", protocol).set("compression", compression);
        send(sent.iter().cloned(), sink);
        // Headers are shown before the body.
        let expected = sent.iter().map(|body| format!("{{kind=test}} {body}")).collect();
        assert_eq!(agent.await_files(&expected).len(), 2_000);
    }
}

#[test]
fn the_service_that_is_started_by_hand_takes_events_too() {
    for (address, protocol, compression) in [
        (fact("MILLSTREAM_FLUME_AVRO"), "avro", "none"),
        (fact("MILLSTREAM_FLUME_AVRO_DEFLATE"), "avro", "deflate"),
        (fact("MILLSTREAM_FLUME_THRIFT"), "thrift", "none"),
        (fact("MILLSTREAM_FLUME_THRIFT_BINARY"), "thrift-binary", "none"),
    ] {
        send(
            bodies("x", 0..10),
            Flume::send([address]).set("protocol", protocol).set("compression", compression),
        );
    }
}

#[test]
fn a_batch_larger_than_the_agents_transaction_is_refused_with_what_to_do() {
    let agent = OwnAgent::started(rpc_source("avro", &[]), to_files("text"), Channel::Memory);
    let env = StreamEnvironment::new();
    let sink =
        Flume::send::<FlumeEvent>([agent.address()]).set("batch-size", "20000").set("outage-timeout", "1 s");
    env.source(Collection::new((0..20_000_u32).collect::<Vec<_>>()))
        .map(|n| FlumeEvent::new(n.to_string()))
        .sink_to(sink);
    let error = env.execute("too large").unwrap_err().to_string();
    assert!(
        error.contains("it answered that it did not take") && error.contains("transactionCapacity"),
        "{error}"
    );
}

#[test]
fn load_is_shared_and_goes_to_the_other_agent_when_one_is_killed() {
    for choose in ["round-robin", "failover"] {
        let start = || OwnAgent::started(rpc_source("avro", &[]), to_files("text"), Channel::Memory);
        let mut agents = [start(), start()];
        let addresses: Vec<String> = agents.iter().map(OwnAgent::address).collect();
        let sink = || Flume::send(&addresses).set("choose", choose);
        let first = bodies("first", 0..2_000);
        send(first.iter().cloned(), sink());
        let counts = || agents.iter().map(|agent| agent.files().len()).collect::<Vec<_>>();
        while counts().iter().sum::<usize>() < 2_000 {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        let expected = if choose == "failover" { vec![2_000, 0] } else { vec![1_000, 1_000] };
        assert_eq!(counts(), expected);
        let before = agents[1].files().len();
        agents[0].kill();
        let second = bodies("second", 0..2_000);
        send(second.iter().cloned(), sink());
        assert_eq!(agents[1].await_files(&second).len(), before + 2_000);
    }
}
