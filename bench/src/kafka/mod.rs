//! Kafka: reading, from topic to topic exactly once, the commit step, and latency for readers of what is committed.
//!
//! The measure is librdkafka itself, in the same process and over the same broker, whose address is in
//! `MILLSTREAM_KAFKA`: `cargo xtask services start kafka` starts one. These workloads are there with the feature `kafka`.

mod commit_step;
mod data_stream;
mod flink;
mod latency;
mod raw;
mod topics;

pub(crate) use commit_step::measure as commit_step;
pub(crate) use latency::{each_second, each_tenth};

use millstream::{Failure, Result};

use self::topics::Topics;
use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run, timed};
use crate::table::Row;

/// How long a record is, in bytes.
const RECORD: usize = 100;
/// How many keys there are.
const KEYS: u64 = 100_000;
const RAW: &str = "rd_kafka_consume_batch_queue";
const BARE: &str = "consume, transactional produce";
const FLINK: &str = "Flink 2.3, parallelism 2";
/// Records a second, and records for each second of a processor that the contender used, without the broker's.
const BY_CLOCK: &str = "";
const PER_CORE: &str = "per core";

/// The address of the broker.
fn broker() -> Result<String> {
    std::env::var("MILLSTREAM_KAFKA").map_err(|_| {
        Failure::user("MILLSTREAM_KAFKA is not set: it is the address of the broker to measure with")
            .advice("`cargo xtask services start kafka` starts one, and says what to set")
    })
}

/// What was read: how many records, and how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Volume {
    records: u64,
    bytes: u64,
}

impl Volume {
    fn of(records: u64) -> Self {
        Self { records, bytes: records * RECORD as u64 }
    }
}

fn rate(records: u64, (volume, seconds): (Volume, f64)) -> Run<Volume> {
    Run::new(Unit::MillionsPerSecond, records as f64 / 1e6 / seconds, volume)
}

/// One worker, from a topic to a sink that counts.
pub(crate) fn source(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let servers = broker()?;
    let topics = Topics::at(&servers)?;
    let records = setup.size(5_000_000, 20_000) as u64;
    let topic = topics.filled("bench-source", 1, records)?;
    let read = |found: (Volume, f64)| rate(records, found);
    Race::of(work)
        .enter(RAW, [], || timed(|| raw::read(&servers, &topic, 1)).map(read))
        .enter("DataStream, 1 worker", [Goal::at_least(0.9, RAW)], || {
            timed(|| data_stream::read(&servers, &topic)).map(read)
        })
        .run(setup)
}

/// Two workers: count by key from topic to topic, a checkpoint each second, beside a consumer and a transactional producer
/// in one thread that does nothing between.
pub(crate) fn exactly_once(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let servers = broker()?;
    let topics = Topics::at(&servers)?;
    let records = setup.size(5_000_000, 20_000) as u64;
    let topic = topics.filled("bench-exactly-once", 2, records)?;
    let folder = setup.inputs.folder().join(format!("kafka-checkpoints-{}", std::process::id()));
    let measured = |out: String, took: Took| {
        let volume = raw::read(&servers, &out, 2)?;
        topics.delete(&out)?;
        if volume != Volume::of(records) {
            let what = format!("{volume:?} came to `{out}` of {records} records of {RECORD} bytes");
            return Err(Failure::internal(what));
        }
        let figure = |label, seconds: f64| Figure {
            label,
            ..Figure::new(Unit::MillionsPerSecond, records as f64 / 1e6 / seconds)
        };
        Ok(Run {
            figures: vec![figure(BY_CLOCK, took.clock), figure(PER_CORE, took.processors)],
            result: volume,
        })
    };
    let goals = [
        Goal::at_least(0.7, BARE).on(BY_CLOCK),
        Goal::at_least(1.7, FLINK).on(BY_CLOCK),
        Goal::at_least(2.0, FLINK).on(PER_CORE),
    ];
    let flink = flink::Cluster::started();
    let mut race = Race::of(work).enter(BARE, [], || {
        let out = topics.fresh("bench-bare", 2)?;
        let took = Took::by(|| raw::copy(&servers, &topic, &out, records))?;
        measured(out, took)
    });
    if let Some(flink) = &flink {
        race = race.enter(FLINK, [], || {
            let out = topics.fresh("bench-flink", 2)?;
            let took = flink.run(&servers, &topic, &out)?;
            measured(out, took)
        });
    }
    let rows = race
        .enter("DataStream, 2 workers", goals, || {
            let out = topics.fresh("bench-counts", 2)?;
            let took = Took::by(|| data_stream::count(&servers, &topic, &out, &folder))?;
            measured(out, took)
        })
        .run(setup);
    std::fs::remove_dir_all(&folder).ok();
    rows
}

/// Seconds that a run took: by the clock, and of processors.
struct Took {
    clock: f64,
    processors: f64,
}

impl Took {
    /// What this process takes for some work.
    fn by(work: impl FnOnce() -> Result<()>) -> Result<Self> {
        let used = || {
            process::processor_seconds()
                .ok_or_else(|| Failure::external("the system does not tell the time of processors"))
        };
        let before = used()?;
        let ((), clock) = timed(work)?;
        // A tick of the clock that counts it, at the least.
        Ok(Self { clock, processors: (used()? - before).max(0.01) })
    }
}
