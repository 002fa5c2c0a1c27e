//! Drives an operator over a script in every way a runtime may, and holds the results against each other.
//!
//! Answers for the twelve runs: records one by one or as many together as the script allows; no snapshot, a snapshot
//! at every step, or a snapshot at every step from which a new operator goes on; output batches of one record or of
//! many. Not for what the results should be: the test says that of what it is given back.
//! Holds: all runs gave the same records, watermarks, idleness and ends in the same order, in the main output and in
//! each side output, or the harness panics and names the run that did not.

mod collect;
mod outputs;
mod run;
mod script;
mod tape;

pub use collect::Emitted;
pub use outputs::Outputs;
pub use script::{Step, TestClock};

use std::collections::BTreeMap;
use std::fmt::Debug;

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{Mode, OnError, Operator, OutputTag};
use millstream_model::record::Record;

use outputs::{AddSide, Recording, reader_of};
use run::{Run, SnapshotMode};
use tape::Form;

type Make<In, Out> = Box<dyn Fn(&TestClock, &SharedSides) -> Box<dyn Operator<In, Out>>>;

/// One operator to be driven.
pub struct Harness<In, Out> {
    make: Make<In, Out>,
    hash: Option<fn(&In) -> u64>,
    mode: Mode,
    on_error: OnError,
    form: Form,
    makes_watermarks: bool,
    sides: BTreeMap<String, AddSide>,
}

impl<In: Record, Out: Record + Debug> Harness<In, Out> {
    /// For the operators that `make` makes; one that reads the time of day reads it from the clock it is given.
    pub fn new(make: impl Fn(&TestClock) -> Box<dyn Operator<In, Out>> + 'static) -> Self {
        Self::with_sides(move |clock, _| make(clock))
    }

    /// As [`Harness::new`] for operators with side outputs; say which of them are read with [`Harness::side`].
    pub fn with_sides(
        make: impl Fn(&TestClock, &SharedSides) -> Box<dyn Operator<In, Out>> + 'static,
    ) -> Self {
        Self {
            make: Box::new(make),
            hash: None,
            mode: Mode::Streaming,
            on_error: OnError::Fail,
            form: Form::Exact,
            makes_watermarks: false,
            sides: BTreeMap::new(),
        }
    }

    /// Reads a side output.
    #[must_use]
    pub fn side<S: Record + Debug>(mut self, tag: &OutputTag<S>) -> Self {
        self.sides.insert(tag.name().to_owned(), reader_of(tag));
        self
    }

    /// Opens the operator in this mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What the operator does with records that its function gives an error for.
    #[must_use]
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// Gives records the hash that a keyed exchange would have found.
    #[must_use]
    pub fn hashed(mut self, hash: fn(&In) -> u64) -> Self {
        self.hash = Some(hash);
        self
    }

    /// Lets records that are emitted one right behind the other come in any order.
    #[must_use]
    pub fn in_any_order(mut self) -> Self {
        self.form = Form::RecordsInAnyOrder;
        self
    }

    /// For an operator that makes watermarks out of the batches it sees and keeps none of that in state. Between runs
    /// that cut the records into the same batches and restore alike everything is compared; between others the
    /// records, and how far event time has come by each step that is no record.
    #[must_use]
    pub fn makes_watermarks(mut self) -> Self {
        self.makes_watermarks = true;
        self
    }

    /// Drives the operator over `script` twelve times and gives the records of the main output, sorted if they come
    /// in any order.
    ///
    /// # Panics
    /// Where the operator fails, or two runs differ.
    pub fn run(&self, script: &[Step<In>]) -> Vec<Emitted<Out>> {
        let first = self.twelve(script);
        let mut records = first.records.take();
        if self.form == Form::RecordsInAnyOrder {
            records.sort_by_cached_key(|record| format!("{record:?}"));
        }
        records
    }

    /// As [`Harness::run`], and gives everything that came out.
    ///
    /// # Panics
    /// Where the operator fails, or two runs differ.
    pub fn observe(&self, script: &[Step<In>]) -> Outputs {
        self.twelve(script).outputs(self.form)
    }

    /// The twelve runs; gives the first of them.
    fn twelve(&self, script: &[Step<In>]) -> Recording<Out> {
        let mut runs: Vec<(Run<'_, In, Out>, Recording<Out>)> = Vec::new();
        for together in [false, true] {
            for snapshots in [SnapshotMode::None, SnapshotMode::Take, SnapshotMode::Restore] {
                for limit in [1, usize::MAX] {
                    let run = Run { harness: self, together, snapshots, limit };
                    let recording = run.over(script);
                    for (earlier, expected) in &runs {
                        self.compare((&run, &recording), (earlier, expected));
                    }
                    runs.push((run, recording));
                }
            }
        }
        runs.swap_remove(0).1
    }

    fn compare(
        &self,
        found: (&Run<'_, In, Out>, &Recording<Out>),
        expected: (&Run<'_, In, Out>, &Recording<Out>),
    ) {
        let form =
            if self.makes_watermarks && !found.0.is_like(expected.0) { Form::Progress } else { self.form };
        assert_eq!(
            found.1.comparable(form),
            expected.1.comparable(form),
            "{}: what came out (left) is not what came out of the run with {} (right)",
            found.0,
            expected.0
        );
    }

    /// Drives one operator over `before`, and two that share out its state and keys over `after`; gives the records
    /// of all three, sorted. The end of `after` is seen by both.
    ///
    /// # Panics
    /// Where an operator fails, or [`Harness::hashed`] has not said how keys are hashed.
    pub fn rescaled(&self, before: &[Step<In>], after: &[Step<In>]) -> Vec<Emitted<Out>> {
        assert!(self.hash.is_some(), "say how keys are hashed: .hashed(|record| hash_of(&record.key))");
        let run = Run { harness: self, together: false, snapshots: SnapshotMode::None, limit: 1 };
        let mut results = self.hash.map(|hash| run.rescaled(before, after, hash)).unwrap_or_default();
        results.sort_by_cached_key(|result| format!("{result:?}"));
        results
    }
}
