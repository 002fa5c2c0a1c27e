//! What has come to an address, for who watches the job.
//!
//! Holds: a batch is counted once its agent may be told what became of it; counts are of this attempt.

use std::sync::atomic::{AtomicU64, Ordering};

use millstream_dataflow::source::SourceGauge;

use super::Taken;

/// Counts of one address.
#[derive(Debug, Default)]
pub(in crate::flume) struct Counts {
    events: AtomicU64,
    batches: AtomicU64,
    rejected: AtomicU64,
    /// Connections that are open.
    pub(in crate::flume) connections: AtomicU64,
}

impl Counts {
    /// A batch of so many events came, and this became of it.
    pub(super) fn note(&self, events: u32, taken: Taken) {
        match taken {
            Taken::Yes => {
                self.batches.fetch_add(1, Ordering::Relaxed);
                self.events.fetch_add(u64::from(events), Ordering::Relaxed);
            }
            Taken::No => self.reject(),
            Taken::Over => {}
        }
    }

    /// A batch was not taken: there was no room, or it was not what the protocol says.
    pub(in crate::flume) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts as they are published.
    pub(in crate::flume) fn gauges(&self, address: &str) -> impl Iterator<Item = SourceGauge> {
        let counts = [
            ("events_total", &self.events),
            ("batches_total", &self.batches),
            ("rejected_total", &self.rejected),
            ("connections", &self.connections),
        ];
        counts
            .map(|(name, count)| {
                let value = i64::try_from(count.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
                SourceGauge::new(name, address, value)
            })
            .into_iter()
    }
}
