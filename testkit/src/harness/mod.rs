//! Drives an operator over a script in every way a runtime may, and holds the results against each other.
//!
//! Answers for the twelve runs: records one by one or as many together as the script allows; no snapshot, a snapshot
//! at every step, or a snapshot at every step from which a new operator goes on; output batches of one record or of
//! many. Not for what the results should be: the test says that of what it is given back.
//! Holds: all runs gave the same results, or the harness panics and names the run that did not.

mod collect;
mod run;
mod script;

pub use collect::Emitted;
pub use script::{Step, TestClock};

use std::fmt::Debug;

use millstream_dataflow::operator::{Mode, Operator};
use millstream_model::record::Record;

use run::{Run, SnapshotMode};

/// How results are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Exact,
    Any,
}

type Make<In, Out> = Box<dyn Fn(&TestClock) -> Box<dyn Operator<In, Out>>>;

/// One operator to be driven.
pub struct Harness<In, Out> {
    make: Make<In, Out>,
    hash: Option<fn(&In) -> u64>,
    mode: Mode,
    order: Order,
}

impl<In: Record, Out: Record + Debug> Harness<In, Out> {
    /// For the operators that `make` makes; one that reads the time of day reads it from the clock it is given.
    pub fn new(make: impl Fn(&TestClock) -> Box<dyn Operator<In, Out>> + 'static) -> Self {
        Self { make: Box::new(make), hash: None, mode: Mode::Streaming, order: Order::Exact }
    }

    /// Opens the operator in this mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Gives records the hash that a keyed exchange would have found.
    #[must_use]
    pub fn hashed(mut self, hash: fn(&In) -> u64) -> Self {
        self.hash = Some(hash);
        self
    }

    /// Lets results come in any order.
    #[must_use]
    pub fn in_any_order(mut self) -> Self {
        self.order = Order::Any;
        self
    }

    /// Drives the operator over `script` twelve times and gives the results, sorted if they come in any order.
    ///
    /// # Panics
    /// Where the operator fails, or two runs differ.
    pub fn run(&self, script: &[Step<In>]) -> Vec<Emitted<Out>> {
        let mut first: Option<Vec<Emitted<Out>>> = None;
        for together in [false, true] {
            for snapshots in [SnapshotMode::None, SnapshotMode::Take, SnapshotMode::Restore] {
                for limit in [1, usize::MAX] {
                    let run = Run { harness: self, together, snapshots, limit };
                    let results = self.arrange(run.over(script));
                    let expected = first.get_or_insert_with(|| results.clone());
                    assert_eq!(
                        format!("{results:?}"),
                        format!("{expected:?}"),
                        "records together: {together}, snapshots: {snapshots:?}, output limit {limit}: \
                         the results are not those of the first run"
                    );
                }
            }
        }
        first.unwrap_or_default()
    }

    /// Drives one operator over `before`, and two that share out its state and keys over `after`; gives the results
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

    fn arrange(&self, mut results: Vec<Emitted<Out>>) -> Vec<Emitted<Out>> {
        if self.order == Order::Any {
            results.sort_by_cached_key(|result| format!("{result:?}"));
        }
        results
    }
}
