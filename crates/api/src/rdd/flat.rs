//! A step that makes any number of records of one.
//!
//! Holds: no more than a run of what it makes is in memory, however much a record, or a run of records, yields.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::vec::IntoIter;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_dataflow::lineage::Pull;
use millstream_model::error::Result;

use super::site::Calls;

pub(super) struct FlatMap<T, I, F> {
    input: Box<dyn Pull<T>>,
    calls: Calls,
    f: F,
    /// The run that is being worked on, how many of its records `f` was given, and where it comes from.
    run: IntoIter<T>,
    handed: usize,
    origin: Option<Origin>,
    /// What is left of what the last record made.
    rest: Option<I>,
}

impl<T, I: Iterator, F: FnMut(T) -> I> FlatMap<T, I, F> {
    pub(super) fn new(input: Box<dyn Pull<T>>, calls: Calls, f: F) -> Self {
        let run = Vec::new().into_iter();
        Self { input, calls, f, run, handed: 0, origin: None, rest: None }
    }

    /// Fills `output` from what is left of the run.
    fn fill(&mut self, output: &mut Batch<I::Item>) {
        loop {
            if let Some(made) = &mut self.rest {
                let filled = made.try_for_each(|record| {
                    output.push(record);
                    if output.len() < DEFAULT_BATCH {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                });
                if filled.is_break() {
                    return;
                }
            }
            self.rest = None;
            let Some(record) = self.run.next() else { return };
            self.handed += 1;
            self.rest = Some((self.f)(record));
        }
    }
}

impl<T, I: Iterator, F: FnMut(T) -> I> Pull<I::Item> for FlatMap<T, I, F> {
    fn next(&mut self) -> Result<Option<Batch<I::Item>>> {
        loop {
            if self.rest.is_some() || self.run.len() > 0 {
                let mut output = Batch::with_capacity(DEFAULT_BATCH);
                let filled = catch_unwind(AssertUnwindSafe(|| self.fill(&mut output)));
                filled.map_err(|panic| {
                    self.calls.panicked(&*panic, self.calls.seen.get(), self.handed, self.origin.take())
                })?;
                if !output.is_empty() {
                    output.set_origin(self.origin.as_ref().map(Origin::blurred));
                    return Ok(Some(output));
                }
            }
            self.calls.seen.set(self.calls.seen.get() + self.handed as u64);
            let Some(mut batch) = self.input.next()? else { return Ok(None) };
            self.handed = 0;
            self.origin = batch.origin().cloned();
            self.run = batch.take_records().into_iter();
        }
    }
}
