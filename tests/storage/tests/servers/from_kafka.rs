//! A job from Kafka to HDFS whose process and whose servers are killed, again and again, writes what an undisturbed one writes.

use std::process::Command;
use std::time::{Duration, Instant};

use millstream_testkit::broker::OwnBroker;
use millstream_testkit::kills::{Chance, Victim, kills};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::independent::lines_hdfs;
use crate::own_hdfs::OwnHdfs;

/// Of the job, the broker, the name node and a data node together; `MILLSTREAM_KILL_FACTOR` multiplies it.
const KILLS: u64 = 20;
/// Records fed before each kill.
const EACH: u64 = 300;
const SEED: u64 = 20_261_124;
const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &str = "to-hdfs";

fn create(servers: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
    let topic = NewTopic::new(TOPIC, 3, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    pollster::block_on(admin.create_topics([&topic], &options)).unwrap().pop().unwrap().unwrap();
}

/// Numbers into all partitions, each once: the producer's retries double nothing.
fn feed(servers: &str, numbers: std::ops::Range<u64>) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("enable.idempotence", "true")
        .create()
        .unwrap();
    for number in numbers {
        let text = number.to_string();
        let record = BaseRecord::<(), str>::to(TOPIC).partition((number % 3) as i32).payload(&text);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
}

#[test]
fn from_kafka_to_hdfs_nothing_is_lost_or_doubled_through_kills_of_the_job_and_of_both_servers() {
    let (mut broker, mut hdfs) = (OwnBroker::started(), OwnHdfs::started());
    let servers = broker.address();
    create(&servers);
    let [output, checkpoints] = ["out", "checkpoints"].map(|name| format!("{}/{name}", hdfs.address()));
    let start = |round: u64| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_from_kafka"));
        command.args([&servers, TOPIC, &output, &checkpoints]).arg((1 + round % 3).to_string());
        Victim::start(command.env("MILLSTREAM_STORAGE_PATIENCE", "60 s"))
    };
    let (kills, mut chance, mut job, mut killed) = (kills(KILLS), Chance::of(SEED), start(0), [0; 4]);
    for round in 0..kills {
        feed(&servers, round * EACH..(round + 1) * EACH);
        // From before its first checkpoint to behind several.
        chance.moment(Duration::from_millis(1_600));
        // Every other kill is the job's; none is left out by chance.
        let whom = [0, 1, 0, 2, 0, 3][(round % 6) as usize];
        killed[whom] += 1;
        match whom {
            1 => {
                broker.kill();
                broker.start();
            }
            2 => {
                hdfs.kill("nn");
                hdfs.start("nn");
                hdfs.await_ready();
            }
            3 => {
                hdfs.kill("dn1");
                chance.moment(Duration::from_millis(600));
                hdfs.start("dn1");
            }
            _ => {
                job.kill();
                job = start(round);
            }
        }
    }
    let [jobs, brokers, name_nodes, data_nodes] = killed;
    println!(
        "killed the job {jobs} times, the broker {brokers}, the name node {name_nodes}, a data node {data_nodes}, with seed {SEED}"
    );
    let (conf, total, begun) = (hdfs.conf(), kills * EACH, Instant::now());
    let read = || lines_hdfs(&conf, &output);
    let mut found = read();
    while (found.len() as u64) < total {
        assert!(begun.elapsed() < 3 * PATIENCE, "{} of {total} records came", found.len());
        found = read();
    }
    job.kill();
    let number = |line: &String| line.strip_prefix("copied ").unwrap().parse::<u64>().unwrap();
    let mut numbers: Vec<u64> = found.iter().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers.iter().sum::<u64>(), (0..total).sum::<u64>());
    assert_eq!(numbers, (0..total).collect::<Vec<_>>());
}
