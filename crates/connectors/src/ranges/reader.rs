//! Walking along splits, as fast as possible or at a rate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_dataflow::source::{Polled, SourceOutput, SourceReader, Split};
use millstream_model::error::{Failure, Result, Unit};

use super::{Numbers, RangeSplit};

/// Reads splits by calling `fill` with the numbers of each batch.
pub(crate) struct RangeReader<T, F> {
    name: Arc<str>,
    total: u64,
    fill: F,
    /// Records per second over the whole source.
    rate: Option<f64>,
    splits: Vec<Walk>,
    batch: Batch<T>,
}

/// A split on the way, with its own clock: it emits its share of the rate since it was added.
struct Walk {
    split: RangeSplit,
    since: Instant,
    emitted: u64,
}

impl Walk {
    /// How many records may be emitted now, or else how long it is until there is one.
    fn due(&self, rate: Option<f64>) -> Result<u64, Duration> {
        let Some(rate) = rate else { return Ok(self.split.left()) };
        let share = rate / self.split.step.max(1) as f64;
        let allowed = (self.since.elapsed().as_secs_f64() * share) as u64;
        match allowed.saturating_sub(self.emitted) {
            0 => {
                let at =
                    Duration::try_from_secs_f64((self.emitted + 1) as f64 / share).unwrap_or(Duration::MAX);
                Err(at.saturating_sub(self.since.elapsed()))
            }
            due => Ok(due.min(self.split.left())),
        }
    }
}

impl<T, F> RangeReader<T, F> {
    pub(crate) fn new(name: Arc<str>, total: u64, rate: Option<f64>, fill: F) -> Self {
        Self { name, total, fill, rate, splits: Vec::new(), batch: Batch::with_capacity(DEFAULT_BATCH) }
    }
}

impl<T, F: FnMut(Numbers, &mut Batch<T>)> SourceReader<T, RangeSplit> for RangeReader<T, F> {
    fn add_split(&mut self, split: RangeSplit) -> Result<()> {
        if split.end > self.total {
            return Err(Failure::user(format!(
                "the checkpoint is at split {} of `{}`, which now has only {} records",
                split.id(),
                self.name,
                self.total
            ))
            .advice("go on with the same source as before, or start without the checkpoint"));
        }
        self.splits.push(Walk { split, since: Instant::now(), emitted: 0 });
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, T>, patience: Duration) -> Result<Polled> {
        self.splits.retain(|walk| walk.split.left() > 0);
        if self.splits.is_empty() {
            return Ok(Polled::NeedSplit);
        }
        let (mut wait, mut emitted) = (patience, false);
        for walk in &mut self.splits {
            let due = match walk.due(self.rate) {
                Ok(due) => due.min(DEFAULT_BATCH as u64),
                Err(until) => {
                    wait = wait.min(until);
                    continue;
                }
            };
            let split = &mut walk.split;
            (self.fill)(Numbers { first: split.next, count: due, step: split.step }, &mut self.batch);
            // Places are counted one by one, so only numbers in a row have one.
            let origin = Origin::new(self.name.clone(), Unit::Record, split.next + 1, due as usize);
            self.batch.set_origin((split.step == 1).then_some(origin));
            split.next = split.next.saturating_add(due * split.step);
            walk.emitted += due;
            output.emit(&mut self.batch)?;
            emitted = true;
            if self.rate.is_none() {
                break;
            }
        }
        if emitted {
            return Ok(Polled::More);
        }
        std::thread::sleep(wait);
        Ok(Polled::Nothing)
    }

    fn snapshot(&mut self) -> Vec<RangeSplit> {
        self.splits.iter().map(|walk| walk.split.clone()).filter(|split| split.left() > 0).collect()
    }
}
