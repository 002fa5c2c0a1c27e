//! Accumulators: values that tasks add to and the program reads.
//!
//! Answers for keeping apart what each attempt added, for carrying it to the program, and for the value in each process. Not
//! for which attempts count (`scheduler`) nor for telling values to other processes (`program`).
//! Holds: what an attempt added counts in whole, or not at all; a value is the same in all processes after each action.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use millstream_dataflow::lineage::panic_message;
use millstream_dataflow::state::StateData;
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};

/// Up to how many bytes a task of an executor may add to all accumulators.
const LIMIT: usize = 16 << 20;

/// Values by the numbers of their accumulators, encoded.
pub(super) type Written = Vec<(u64, Vec<u8>)>;

thread_local! {
    /// What the task of this thread has added so far, if one runs.
    static ADDED: RefCell<Option<Vec<Part>>> = const { RefCell::new(None) };
}

/// What one attempt has added to one accumulator.
struct Part {
    of: Arc<dyn Total>,
    value: Box<dyn Any + Send>,
}

/// What one attempt has added.
#[derive(Default)]
pub(super) struct Added(Content);

enum Content {
    /// In this process.
    Live(Vec<Part>),
    /// In another one.
    Written(Written),
}

impl Default for Content {
    fn default() -> Self {
        Self::Live(Vec::new())
    }
}

impl From<Written> for Added {
    fn from(written: Written) -> Self {
        Self(Content::Written(written))
    }
}

impl Added {
    /// For another process.
    ///
    /// # Errors
    /// If it cannot be encoded, or is too much.
    pub(super) fn write(&self) -> Result<Written> {
        let Content::Live(parts) = &self.0 else {
            return Err(Failure::internal("what a task added is written already"));
        };
        let written = parts.iter().map(|part| Ok((part.of.number(), part.of.write(&*part.value)?)));
        let written: Written = written.collect::<Result<_>>()?;
        let bytes: usize = written.iter().map(|(_, bytes)| bytes.len()).sum();
        if bytes <= LIMIT {
            return Ok(written);
        }
        let names: Vec<&str> = parts.iter().map(|part| part.of.name()).collect();
        Err(Failure::user(format!(
            "a task added {bytes} bytes to accumulators ({}), and {LIMIT} is the most",
            names.join(", ")
        ))
        .advice("have records that are so many as the result of an action, or write them to files"))
    }
}

/// Runs a task on this thread, and gives what it added.
pub(super) fn collecting<R>(task: impl FnOnce() -> R) -> (R, Added) {
    ADDED.set(Some(Vec::new()));
    let result = task();
    (result, Added(Content::Live(ADDED.take().unwrap_or_default())))
}

/// An accumulator, whatever its type.
trait Total: Send + Sync {
    fn number(&self) -> u64;
    fn name(&self) -> &str;
    /// Encodes what a task added.
    fn write(&self, part: &dyn Any) -> Result<Vec<u8>>;
    /// Takes in what a task added.
    fn merge(&self, part: Box<dyn Any + Send>) -> Result<()>;
    fn merge_written(&self, part: &[u8]) -> Result<()>;
    /// The value.
    fn written(&self) -> Result<Vec<u8>>;
    fn put(&self, value: &[u8]) -> Result<()>;
}

type Merge<V> = Box<dyn Fn(&mut V, V) + Send + Sync>;

struct Shared<V> {
    number: u64,
    name: String,
    zero: V,
    merge: Merge<V>,
    value: Mutex<V>,
}

impl<V: StateData> Shared<V> {
    fn value(&self) -> MutexGuard<'_, V> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn broken(&self, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
        Failure::user(format!("accumulator `{}` cannot be told to other processes", self.name)).because(error)
    }

    fn take_in(&self, part: V) -> Result<()> {
        let mut value = self.value();
        let merged = catch_unwind(AssertUnwindSafe(|| (self.merge)(&mut value, part)));
        merged.map_err(|panic| panic_message(&*panic).within(format!("accumulator `{}`", self.name)))
    }
}

impl<V: StateData> Total for Shared<V> {
    fn number(&self) -> u64 {
        self.number
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn write(&self, part: &dyn Any) -> Result<Vec<u8>> {
        let part = part.downcast_ref::<V>().ok_or_else(other_type)?;
        to_bytes(part).map_err(|error| self.broken(error))
    }

    fn merge(&self, part: Box<dyn Any + Send>) -> Result<()> {
        self.take_in(*part.downcast::<V>().map_err(|_| other_type())?)
    }

    fn merge_written(&self, part: &[u8]) -> Result<()> {
        self.take_in(from_bytes(part).map_err(|error| self.broken(error))?)
    }

    fn written(&self) -> Result<Vec<u8>> {
        to_bytes(&*self.value()).map_err(|error| self.broken(error))
    }

    fn put(&self, value: &[u8]) -> Result<()> {
        *self.value() = from_bytes(value).map_err(|error| self.broken(error))?;
        Ok(())
    }
}

fn other_type() -> Failure {
    Failure::internal("something of another type was added to an accumulator")
}

/// A value that tasks add to and the program reads, as Spark's accumulators are. Cheap to clone: give the functions of
/// transformations and actions a clone.
///
/// What is added in tasks counts once the task has ended well. In the functions of an action each task counts once, however
/// often it was tried. In those of a transformation it counts as often as the task ran to its end: again for each action that
/// computes it again, and where its blocks were lost and are made again. The value changes at the latest when the action ends,
/// also when it fails, and is the same in all processes of the program.
pub struct Accumulator<V>(Arc<Shared<V>>);

impl<V> Clone for Accumulator<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> fmt::Debug for Accumulator<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accumulator({} `{}`)", self.0.number, self.0.name)
    }
}

impl<V: StateData> Accumulator<V> {
    /// What it is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Adds to it, in a task or on the thread of the program. Elsewhere, as on a thread that a function of a task starts, it
    /// reaches this process alone.
    pub fn add(&self, value: V) {
        self.update(|sum| (self.0.merge)(sum, value));
    }

    /// Changes what this task has added so far, which was `zero` when it began: cheaper than [`Accumulator::add`] where
    /// values grow. Outside of tasks it changes the value.
    pub fn update(&self, change: impl FnOnce(&mut V)) {
        ADDED.with_borrow_mut(|added| {
            let Some(parts) = added else { return change(&mut self.0.value()) };
            let own: *const () = Arc::as_ptr(&self.0).cast();
            let known = parts.iter().position(|part| std::ptr::eq(Arc::as_ptr(&part.of).cast(), own));
            let at = known.unwrap_or_else(|| {
                let of = Arc::clone(&self.0) as Arc<dyn Total>;
                parts.push(Part { of, value: Box::new(self.0.zero.clone()) });
                parts.len() - 1
            });
            if let Some(sum) = parts.get_mut(at).and_then(|part| part.value.downcast_mut()) {
                change(sum);
            }
        });
    }

    /// What it amounts to.
    ///
    /// # Errors
    /// If it is called inside a task, which knows only its own part.
    pub fn value(&self) -> Result<V> {
        if ADDED.with_borrow(Option::is_none) {
            return Ok(self.0.value().clone());
        }
        Err(Failure::user(format!("accumulator `{}` was read inside a task", self.0.name))
            .advice("tasks only add to accumulators; read them in the program itself, after an action"))
    }
}

#[derive(Default)]
struct State {
    /// Those that somebody still has.
    there: BTreeMap<u64, Weak<dyn Total>>,
    next: u64,
    /// What was made since the last action.
    made: String,
    /// Those that were added to since the last action began.
    changed: BTreeSet<u64>,
}

/// All accumulators of an engine.
#[derive(Default)]
pub(super) struct Accumulators(Mutex<State>);

impl Accumulators {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn make<V: StateData>(
        &self,
        name: &str,
        zero: V,
        merge: impl Fn(&mut V, V) + Send + Sync + 'static,
        at: &Location<'_>,
    ) -> Accumulator<V> {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.made += &format!("accumulator {number}: {name} at {}:{}\n", at.file(), at.line());
        let value = Mutex::new(zero.clone());
        let shared = Arc::new(Shared { number, name: name.to_owned(), zero, merge: Box::new(merge), value });
        let weak: Weak<dyn Total> = Arc::downgrade(&(Arc::clone(&shared) as Arc<dyn Total>));
        state.there.insert(number, weak);
        Accumulator(shared)
    }

    /// What was made since this was asked last, a line each: the same in every process.
    pub(super) fn made(&self) -> String {
        std::mem::take(&mut self.lock().made)
    }

    fn find(&self, number: u64) -> Option<Arc<dyn Total>> {
        self.lock().there.get(&number).and_then(Weak::upgrade)
    }

    /// Takes in what an attempt added that counts.
    ///
    /// # Errors
    /// What the program's own addition says.
    pub(super) fn take_in(&self, added: Added) -> Result<()> {
        match added.0 {
            Content::Live(parts) => parts.into_iter().try_for_each(|part| part.of.merge(part.value)),
            Content::Written(parts) => parts.iter().try_for_each(|(number, part)| {
                self.lock().changed.insert(*number);
                // One that the program has let go of is read by nobody.
                self.find(*number).map_or(Ok(()), |total| total.merge_written(part))
            }),
        }
    }

    /// The values of those that were added to since this was asked last.
    ///
    /// # Errors
    /// If one cannot be encoded.
    pub(super) fn changed(&self) -> Result<Written> {
        let changed = std::mem::take(&mut self.lock().changed);
        let there = changed.into_iter().filter_map(|number| Some((number, self.find(number)?)));
        there.map(|(number, total)| Ok((number, total.written()?))).collect()
    }

    /// Takes over values of another process.
    ///
    /// # Errors
    /// If they cannot be decoded.
    pub(super) fn put(&self, values: &Written) -> Result<()> {
        let there = values.iter().filter_map(|(number, value)| Some((self.find(*number)?, value)));
        there.into_iter().try_for_each(|(total, value)| total.put(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(of: &Accumulators) -> Accumulator<i64> {
        of.make("sum", 0, |sum, more| *sum += more, Location::caller())
    }

    #[test]
    fn what_a_task_added_counts_only_if_it_is_taken_in() {
        let all = Accumulators::default();
        let sum = sum(&all);
        sum.add(1);
        let (_, lost) = collecting(|| sum.add(10));
        let (inside, added) = collecting(|| {
            sum.add(100);
            sum.add(100);
            sum.value()
        });
        drop(lost);
        assert!(inside.unwrap_err().to_string().contains("accumulator `sum` was read inside a task"));
        assert_eq!(sum.value().unwrap(), 1);
        all.take_in(added).unwrap();
        assert_eq!(sum.value().unwrap(), 201);
    }

    #[test]
    fn what_was_added_elsewhere_is_told_from_process_to_process() {
        let (master, executor) = (Accumulators::default(), Accumulators::default());
        let (there, here) = (sum(&master), sum(&executor));
        assert_eq!(master.made(), executor.made());
        let (_, added) = collecting(|| here.add(7));
        master.take_in(added.write().unwrap().into()).unwrap();
        let values = master.changed().unwrap();
        assert_eq!((there.value().unwrap(), here.value().unwrap(), values.len()), (7, 0, 1));
        executor.put(&values).unwrap();
        assert_eq!(here.value().unwrap(), 7);
        assert!(master.changed().unwrap().is_empty());
    }

    #[test]
    fn too_much_for_a_message_is_refused_by_name() {
        let all = Accumulators::default();
        let lines = all.make(
            "lines",
            Vec::new(),
            |all: &mut Vec<u8>, mut more| all.append(&mut more),
            Location::caller(),
        );
        let (_, added) = collecting(|| lines.add(vec![1; LIMIT + 1]));
        let text = added.write().unwrap_err().to_string();
        assert!(text.contains("bytes to accumulators (lines)"), "{text}");
    }

    #[test]
    fn an_addition_that_panics_is_an_error() {
        let all = Accumulators::default();
        let broken = all.make("broken", 0_u8, |_, _| panic!("no more"), Location::caller());
        let (_, added) = collecting(|| broken.update(|sum| *sum = 1));
        let text = all.take_in(added).unwrap_err().to_string();
        assert!(text.contains("no more") && text.contains("accumulator `broken`"), "{text}");
    }
}
