//! What a checkpoint costs an exactly-once sink that has nothing left in flight: staging and committing.

use std::time::{Duration, Instant};

use millstream::batch::Batch;
use millstream::connectors::kafka::{Kafka, KafkaSink};
use millstream::operator::{Cancelled, Wakeup};
use millstream::sink::{Sink, WriterContext};
use millstream::{CheckpointId, Failure, Result, Subtask};

use super::broker;
use super::topics::Topics;
use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::race::{Race, Run};
use crate::table::Row;

/// Longer than a record waits to be sent.
const SETTLED: Duration = Duration::from_millis(100);

/// The steps of one writer, one behind the other: the median and the slowest of twenty.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let servers = broker()?;
    let topics = Topics::at(&servers)?;
    let steps = setup.size(20, 2);
    Race::of(work)
        .enter("prepare and commit", [Goal::below("p50", Unit::Seconds, 0.020)], || {
            let topic = topics.fresh("bench-commit", 1)?;
            let took = commits(&servers, &topic, steps)?;
            topics.delete(&topic)?;
            let figure = |label, value| Figure { label, ..Figure::new(Unit::Seconds, value) };
            let slowest = took.last().copied().unwrap_or_default();
            Ok(Run {
                figures: vec![figure("p50", took[steps / 2]), figure("slowest", slowest)],
                result: steps,
            })
        })
        .run(setup)
}

fn commits(servers: &str, topic: &str, steps: usize) -> Result<Vec<f64>> {
    let sink: KafkaSink<String> = Kafka::write(servers).topic(topic).exactly_once(topic);
    let context = WriterContext {
        subtask: Subtask { index: 0, of: 1 },
        wakeup: Wakeup::default(),
        cancelled: Cancelled::default(),
    };
    let mut writer = sink.writer(context, Vec::new())?;
    let committer = sink.committer()?;
    let mut committer = committer.ok_or_else(|| Failure::internal("the sink has no second phase"))?;
    let mut took = Vec::with_capacity(steps);
    for number in 0..steps {
        writer.write(&mut Batch::from(vec!["x".repeat(super::RECORD); 1000]))?;
        let settled = Instant::now() + SETTLED;
        while Instant::now() < settled {
            writer.flush()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        let begun = Instant::now();
        let staged = writer.prepare(CheckpointId(number as u64 + 1))?;
        committer.commit(staged)?;
        took.push(begun.elapsed().as_secs_f64());
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}
