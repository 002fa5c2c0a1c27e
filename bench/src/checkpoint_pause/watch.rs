//! A sink that drops all updates and notes when they came, and when a barrier did.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millstream::batch::Batch;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::Promise;
use millstream::{CheckpointId, Result};

use crate::tally::Tally;

/// How many batches behind a barrier are looked at.
const WINDOW: usize = 64;

/// What all writers saw.
#[derive(Default)]
pub(super) struct Watched {
    /// What the updates come to.
    pub(super) tally: Tally,
    /// How long each barrier held each of them up.
    pub(super) pauses: Vec<Duration>,
}

/// Where what was seen can be read.
#[derive(Clone, Default)]
pub(super) struct Total(Arc<Mutex<Watched>>);

impl Total {
    /// What was seen by all writers that have come to their end.
    pub(super) fn take(&self) -> Watched {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The sink.
pub(super) struct Watch(Total);

impl Watch {
    /// A sink, and where what it saw can be read.
    pub(super) fn new() -> (Self, Total) {
        let total = Total::default();
        (Self(total.clone()), total)
    }
}

struct Writer {
    tally: Tally,
    /// When each batch came.
    batches: Vec<Instant>,
    /// How many batches had come at each barrier.
    barriers: Vec<usize>,
    total: Total,
}

impl SinkWriter<(u64, u64), (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<(u64, u64)>) -> Result<()> {
        self.tally.add(batch.records());
        batch.clear();
        self.batches.push(Instant::now());
        Ok(())
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<()>> {
        self.barriers.push(self.batches.len());
        Ok(Vec::new())
    }

    fn on_end(&mut self) -> Result<()> {
        let mut total = self.total.0.lock().unwrap_or_else(PoisonError::into_inner);
        total.tally.merge(self.tally);
        total.pauses.extend(pauses(&self.batches, &self.barriers));
        Ok(())
    }
}

/// For each barrier with enough batches on both sides: how much longer the batches behind it took than others.
fn pauses(batches: &[Instant], barriers: &[usize]) -> Vec<Duration> {
    let taken = |from: usize| Some(batches.get(from + WINDOW)?.duration_since(*batches.get(from)?));
    let mut usual: Vec<Duration> = (0..batches.len()).step_by(WINDOW).filter_map(taken).collect();
    usual.sort();
    let Some(usual) = usual.get(usual.len() / 2) else { return Vec::new() };
    let behind = barriers.iter().filter_map(|at| taken(at.checked_sub(1)?));
    behind.map(|taken| taken.saturating_sub(*usual)).collect()
}

impl Sink for Watch {
    type Record = (u64, u64);
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Watch".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let (batches, barriers) = (Vec::new(), Vec::new());
        Ok(Box::new(Writer { tally: Tally::default(), batches, barriers, total: self.0.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_what_the_batches_behind_a_barrier_took_longer_than_others() {
        let start = Instant::now();
        let at = |batch: u64| start + Duration::from_micros(10 * batch + if batch >= 500 { 700 } else { 0 });
        let batches: Vec<Instant> = (0..1000).map(at).collect();
        let found = pauses(&batches, &[0, 200, 500, 999]);
        assert_eq!(found, [Duration::ZERO, Duration::from_micros(700)]);
    }
}
