//! The rows of a map task, by the reducer that they are for.
//!
//! Holds: a map task holds no more rows than its share of the memory for shuffles; once it has had to write some to disk, all
//! of them go there. No row keeps a read buffer alive: it would take more memory than it counts for.

use std::sync::Arc;

use millstream_dataflow::lineage::{Codec, Frames, Pull, Rows, ShuffleId, Stored, TaskContext};
use millstream_dataflow::state::{Detacher, StateData};
use millstream_model::error::Result;

/// How many rows there must be before their size is first looked at.
const FIRST_LOOK: usize = 1024;

pub(super) struct Buckets<'a, R> {
    task: &'a TaskContext,
    shuffle: ShuffleId,
    rows: Vec<Vec<R>>,
    held: usize,
    /// How many rows may be held until their size is looked at again.
    next_look: usize,
    detacher: Detacher,
    /// What was written to disk, by reducer; empty as long as nothing was.
    spilled: Vec<Arc<dyn Frames>>,
}

impl<'a, R: StateData> Buckets<'a, R> {
    pub(super) fn new(task: &'a TaskContext, shuffle: ShuffleId, reducers: usize) -> Self {
        let rows = (0..reducers).map(|_| Vec::new()).collect();
        let detacher = Detacher::of::<R>();
        Self { task, shuffle, rows, held: 0, next_look: FIRST_LOOK, detacher, spilled: Vec::new() }
    }

    /// Adds a row that comes as it was read.
    #[inline]
    pub(super) fn push(&mut self, reducer: usize, row: R) {
        let row = self.detacher.own(row);
        self.push_own(reducer, row);
    }

    /// Adds a row whose texts keep no read buffer alive.
    #[inline]
    pub(super) fn push_own(&mut self, reducer: usize, row: R) {
        self.rows[reducer].push(row);
        self.held += 1;
    }

    /// Writes what is held to disk if it is more than the task's share. To be called now and then.
    pub(super) fn settle(&mut self) -> Result<()> {
        if self.held < self.next_look {
            return Ok(());
        }
        let (codec, share) = (Codec::of(), self.task.blocks.shuffle_share());
        let bytes: usize = self.rows.iter().map(|bucket| codec.footprint(bucket)).sum();
        if bytes > share {
            return self.spill();
        }
        // Looked at again when there may be too many, and at the latest when there are twice as many, as rows may grow.
        let room = (share - bytes) / (bytes / self.held).max(1);
        self.next_look = self.held + room.clamp(FIRST_LOOK, self.held.max(FIRST_LOOK));
        Ok(())
    }

    fn spill(&mut self) -> Result<()> {
        if self.spilled.is_empty() {
            let frames = || self.task.blocks.shuffle_frames(self.shuffle);
            self.spilled = self.rows.iter().map(|_| frames()).collect::<Result<_>>()?;
        }
        for (bucket, frames) in self.rows.iter_mut().zip(&self.spilled) {
            Codec::of().encode_frames(&std::mem::take(bucket), &mut |bytes| frames.append(bytes))?;
        }
        (self.held, self.next_look) = (0, FIRST_LOOK);
        Ok(())
    }

    /// One block for each reducer.
    pub(super) fn into_blocks(mut self) -> Result<Vec<Stored>> {
        if self.spilled.is_empty() {
            let block = |bucket| Stored::Memory(Arc::new(Rows::from(bucket)));
            return Ok(self.rows.into_iter().map(block).collect());
        }
        self.spill()?;
        Ok(self.spilled.into_iter().map(Stored::Disk).collect())
    }
}

/// One block for each of `reducers`, of the records that `to` finds for it.
pub(super) fn blocks<R: StateData>(
    input: &mut dyn Pull<R>,
    mut buckets: Buckets<'_, R>,
    mut to: impl FnMut(&R) -> usize,
) -> Result<Vec<Stored>> {
    while let Some(mut batch) = input.next()? {
        batch.drain().for_each(|record| buckets.push(to(&record), record));
        buckets.settle()?;
    }
    buckets.into_blocks()
}
