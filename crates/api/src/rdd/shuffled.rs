//! What the map tasks of a shuffle left, as a reducer reads it.
//!
//! Holds: rows are read where the shuffle keeps them; only what is read back from disk is handed over.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::lineage::{Pull, Rows, Run, Runs, ShuffleId, TaskContext, VecPull};
use millstream_dataflow::state::StateData;
use millstream_model::error::Result;

use super::site::Calls;

/// A shuffle of rows of one type.
pub(super) struct Shuffled<R> {
    pub(super) id: ShuffleId,
    pub(super) maps: usize,
    rows: PhantomData<fn() -> R>,
}

impl<R> Clone for Shuffled<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Shuffled<R> {}

impl<R: StateData> Shuffled<R> {
    pub(super) fn new(id: ShuffleId, maps: usize) -> Self {
        Self { id, maps, rows: PhantomData }
    }

    /// The runs of rows for `reducer`.
    pub(super) fn runs(self, reducer: usize, task: &TaskContext) -> ReducerRuns<R> {
        ReducerRuns { shuffle: self.id, maps: 0..self.maps, reducer, task: task.clone(), open: None }
    }

    /// The rows for `reducer`, one map task's after the other's.
    pub(super) fn pull(self, reducer: usize, task: &TaskContext) -> ReducerPull<R> {
        ReducerPull {
            runs: self.runs(reducer, task),
            lent: Rows::from(Vec::new()),
            at: 0,
            given: VecPull::from(Vec::new()),
        }
    }

    /// Hands `take` every row for `reducer`; `calls` names the row at which it panics.
    pub(super) fn each(
        self,
        reducer: usize,
        task: &TaskContext,
        calls: &Calls,
        mut take: impl FnMut(Cow<'_, R>),
    ) -> Result<()> {
        let mut runs = self.runs(reducer, task);
        while let Some(run) = runs.next_run()? {
            task.cancellation.check()?;
            let mut take = |row: Cow<'_, R>| {
                calls.seen.set(calls.seen.get() + 1);
                take(row);
            };
            calls.counted(|| match run {
                Run::Lent(rows) => rows.as_slice().iter().for_each(|row| take(Cow::Borrowed(row))),
                Run::Given(rows) => rows.into_iter().for_each(|row| take(Cow::Owned(row))),
            })?;
        }
        Ok(())
    }
}

/// The runs of all map tasks for one reducer.
pub(super) struct ReducerRuns<R> {
    shuffle: ShuffleId,
    maps: Range<usize>,
    reducer: usize,
    task: TaskContext,
    open: Option<Runs<R>>,
}

impl<R: StateData> ReducerRuns<R> {
    pub(super) fn next_run(&mut self) -> Result<Option<Run<R>>> {
        loop {
            if let Some(open) = &mut self.open
                && let Some(run) = open.next_run()?
            {
                return Ok(Some(run));
            }
            let Some(map) = self.maps.next() else { return Ok(None) };
            self.open = Some(Runs::open(&self.task, self.shuffle, map, self.reducer)?);
        }
    }
}

/// The rows for one reducer as records.
pub(super) struct ReducerPull<R> {
    runs: ReducerRuns<R>,
    /// The run that is handed out, and how far: copied where it is lent, moved where it is given.
    lent: Rows<R>,
    at: usize,
    given: VecPull<R>,
}

impl<R: StateData> Pull<R> for ReducerPull<R> {
    fn next(&mut self) -> Result<Option<Batch<R>>> {
        loop {
            if let Some(batch) = self.given.next()? {
                return Ok(Some(batch));
            }
            let rows = self.lent.as_slice();
            if self.at < rows.len() {
                let end = rows.len().min(self.at + DEFAULT_BATCH);
                let run = rows[self.at..end].to_vec();
                self.at = end;
                return Ok(Some(Batch::from(run)));
            }
            match self.runs.next_run()? {
                None => return Ok(None),
                Some(Run::Lent(rows)) => (self.lent, self.at) = (rows, 0),
                Some(Run::Given(rows)) => self.given = VecPull::from(rows),
            }
        }
    }
}
