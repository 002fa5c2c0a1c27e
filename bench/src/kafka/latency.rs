//! How long a record takes from a topic through an exactly-once job to a reader of what is committed, at 10,000 a second.
//!
//! A record holds the time at which the schedule said that it was to be written: a producer that is late makes no latency
//! smaller.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use millstream::connectors::kafka::Kafka;
use millstream::{CheckpointSettings, Failure, Result, StreamEnvironment, Text};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::broker;
use super::topics::{Topics, failed};
use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::latency::Histogram;
use crate::race::{Race, Run};
use crate::table::Row;

/// Records a second.
const RATE: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// A checkpoint each second.
pub(crate) fn each_second(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    measure(setup, work, Duration::from_secs(1))
}

/// Ten checkpoints a second.
pub(crate) fn each_tenth(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    measure(setup, work, Duration::from_millis(100))
}

fn measure(setup: &Setup, work: &str, interval: Duration) -> Result<Vec<Row>> {
    let servers = broker()?;
    let topics = Topics::at(&servers)?;
    let seconds = setup.size(15, 2) as u64;
    let folder = setup.inputs.folder().join(format!("kafka-latency-{}", std::process::id()));
    let of = interval.as_secs_f64();
    let goals =
        vec![Goal::below("p50", Unit::Seconds, 0.55 * of), Goal::below("p99", Unit::Seconds, 1.05 * of)];
    let rows = Race::of(work)
        .enter("DataStream, 2 workers", goals, || {
            let (from, to) = (topics.fresh("bench-paced", 2)?, topics.fresh("bench-late", 2)?);
            let seen = run(&servers, &from, &to, interval, seconds, &folder)?;
            topics.delete(&from)?;
            topics.delete(&to)?;
            let figure = |label, share| {
                let value = seen.at(share) as f64 / 1e9;
                Figure { label, ..Figure::new(Unit::Seconds, value) }
            };
            Ok(Run { figures: vec![figure("p50", 0.5), figure("p99", 0.99)], result: seconds })
        })
        .run(setup);
    std::fs::remove_dir_all(&folder).ok();
    rows
}

fn run(
    servers: &str,
    from: &str,
    to: &str,
    interval: Duration,
    seconds: u64,
    folder: &Path,
) -> Result<Histogram> {
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    env.enable_checkpoints(CheckpointSettings { interval, ..CheckpointSettings::in_folder(folder) });
    env.source(Kafka::read(servers).topics([from]).set("fetch-wait", "10 ms"))
        .key_by(|record: &Text| record.len())
        .fold(Text::clone, |held, record| *held = record, |_, held: &Text| held.clone())
        .sink_to(Kafka::write(servers).topic(to).exactly_once(to));
    let job = env.start("kafka latency")?;
    let begun = Instant::now();
    let is_over = Arc::<AtomicBool>::default();
    let producer = {
        let (servers, topic, is_over) = (servers.to_owned(), from.to_owned(), is_over.clone());
        std::thread::spawn(move || write(&servers, &topic, begun, &is_over))
    };
    // What comes while the job gets under way does not count.
    let found = read(servers, to, begun, Duration::from_secs(seconds.min(5)), seconds * RATE);
    is_over.store(true, Ordering::Relaxed);
    let written = producer.join().map_err(|_| Failure::internal("the producer panicked"))?;
    job.cancel();
    match job.wait() {
        Err(failure) if !failure.is_cancelled() => return Err(failure),
        _ => written?,
    }
    found
}

fn nanos(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Writes to a schedule until it is over.
fn write(servers: &str, topic: &str, begun: Instant, is_over: &AtomicBool) -> Result<()> {
    let mut config = ClientConfig::new();
    let config = config.set("bootstrap.servers", servers).set("linger.ms", "1");
    let producer: BaseProducer = config.create().map_err(failed("no producer can be made"))?;
    let gap = 1_000_000_000 / RATE;
    let mut number = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        let now = nanos(begun);
        while number * gap <= now {
            let text = format!("{:020}{:080}", number * gap, number);
            let record = BaseRecord::<(), str>::to(topic).partition((number % 2) as i32).payload(&text);
            producer.send(record).map_err(|(error, _)| failed("a record cannot be written")(error))?;
            number += 1;
        }
        producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_micros(500));
    }
    producer.flush(PATIENCE).map_err(failed("records cannot be written"))
}

/// The latencies of so many records that were due after `from`.
fn read(servers: &str, topic: &str, begun: Instant, from: Duration, count: u64) -> Result<Histogram> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "10")
        .create()
        .map_err(failed("no consumer can be made"))?;
    let mut assigned = TopicPartitionList::new();
    for partition in 0..2 {
        let added = assigned.add_partition_offset(topic, partition, Offset::Beginning);
        added.map_err(failed("a partition cannot be read"))?;
    }
    consumer.assign(&assigned).map_err(failed("a topic cannot be read"))?;
    let (mut seen, from, deadline) = (Histogram::new(), from.as_nanos() as u64, Instant::now() + PATIENCE);
    while seen.count() < count {
        if Instant::now() > deadline {
            return Err(Failure::external(format!(
                "{} of {count} records came within a minute",
                seen.count()
            )));
        }
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.map_err(failed("a topic cannot be read"))?;
        let due = message.payload().and_then(|text| text.get(..20));
        let due = due.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok());
        let due = due.ok_or_else(|| Failure::internal("a record does not say when it was due"))?;
        if due >= from {
            seen.add(nanos(begun).saturating_sub(due));
        }
    }
    Ok(seen)
}
