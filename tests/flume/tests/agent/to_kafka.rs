//! What an agent pushes into a topic of Kafka, by a job whose process is killed, and read back by another client.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use millstream_flume_tests::fact;
use millstream_testkit::kills::{Chance, Victim, kills};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::job::bodies;
use crate::kills::{EACH, SEED, moment};
use crate::own_agent::{Channel, LONG, OwnAgent, free_port, lines, push_to};

const KILLS: u64 = 20;

#[test]
fn nothing_that_an_agent_was_told_is_taken_is_missing_in_kafka_after_kills() {
    let (servers, port, folder) = (fact("MILLSTREAM_KAFKA"), free_port(), tempfile::tempdir().unwrap());
    let topic = format!("flume-to-kafka-{}-{port}", std::process::id());
    create(&servers, &topic);
    let mut agent = OwnAgent::started(lines(), push_to("avro", port, &[]), Channel::File);
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_to_kafka"));
        command.arg(format!("127.0.0.1:{port}")).arg(folder.path().join("log"));
        command.args([&servers, &topic]).arg(folder.path().join("checkpoints"));
        Victim::start(&mut command)
    };
    let consumer = Reader::new(&servers, &topic);
    let (mut found, mut sent) = (BTreeMap::new(), BTreeSet::new());
    let (kills, mut chance, mut agents) = (kills(KILLS), Chance::of(SEED), 0);
    for round in 0..kills {
        let some = bodies(&format!("round {round}"), 0..EACH);
        agent.feed(some.iter().cloned());
        let job = start();
        // Once some of the round, or of one before it, has come through.
        let (begun, before) = (Instant::now(), found.len());
        while found.len() == before {
            assert!(begun.elapsed() < LONG, "nothing came through in round {round}");
            consumer.read(&mut found);
        }
        moment(&mut chance);
        job.kill();
        sent.extend(some);
        if chance.below(4) == 0 {
            agents += 1;
            agent.kill();
            agent.start();
        }
    }
    let last = start();
    let begun = Instant::now();
    let missing =
        |found: &BTreeMap<String, u32>| sent.iter().filter(|line| !found.contains_key(*line)).count();
    while missing(&found) > 0 {
        assert!(begun.elapsed() < LONG, "{} of {} lines are missing", missing(&found), sent.len());
        consumer.read(&mut found);
    }
    last.kill();
    let strange = found.keys().find(|line| !sent.contains(*line));
    assert_eq!(strange, None, "a line was never sent");
    let again: u32 = found.values().map(|count| count - 1).sum();
    println!(
        "killed the job {kills} times and the agent {agents} times with seed {SEED}; {} lines, {again} of them again",
        sent.len()
    );
}

fn create(servers: &str, topic: &str) {
    let client: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(LONG));
    pollster::block_on(client.create_topics([&new], &options)).unwrap().pop().unwrap().unwrap();
}

/// Reads what is committed, from the first record on.
struct Reader(BaseConsumer);

impl Reader {
    fn new(servers: &str, topic: &str) -> Self {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", topic)
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        all.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&all).unwrap();
        Self(consumer)
    }

    /// Counts what is there now.
    fn read(&self, found: &mut BTreeMap<String, u32>) {
        while let Some(message) = self.0.poll(Duration::from_millis(50)) {
            let line = String::from_utf8(message.unwrap().payload().unwrap().to_vec()).unwrap();
            *found.entry(line).or_insert(0) += 1;
        }
    }
}
