//! Merging sorted runs.
//!
//! Holds: of each run, no more than a chunk is read back from disk at once.

use std::ops::Range;
use std::vec::IntoIter;

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::lineage::{Pull, Rows, Run, Runs, ShuffleId, TaskContext};
use millstream_dataflow::state::StateData;
use millstream_model::error::Result;

use super::site::Calls;
use super::sort::order;

/// The keys that belong to one reducer: from `low` on, to below `high`.
#[derive(Clone)]
pub(super) struct Bounds<K> {
    low: Option<K>,
    high: Option<K>,
    ascending: bool,
}

impl<K: Ord + Clone> Bounds<K> {
    /// Those of `reducer`, where partitions are cut at `cuts`.
    pub(super) fn of(cuts: &[K], reducer: usize, ascending: bool) -> Self {
        let low = reducer.checked_sub(1).map(|before| cuts.get(before).cloned());
        match low {
            // With fewer cuts than partitions (few records, or one key), the last ones are empty.
            Some(None) => Self { low: cuts.last().cloned(), high: cuts.last().cloned(), ascending },
            low => Self { low: low.flatten(), high: cuts.get(reducer).cloned(), ascending },
        }
    }

    fn is_below(&self, key: &K) -> bool {
        self.low.as_ref().is_some_and(|low| order(key, low, self.ascending).is_lt())
    }

    fn is_above(&self, key: &K) -> bool {
        self.high.as_ref().is_some_and(|high| order(key, high, self.ascending).is_ge())
    }

    /// The chunks, of an index, that may hold such keys.
    pub(super) fn chunks(&self, index: &[(K, u64)]) -> Range<usize> {
        let start = index.partition_point(|(first, _)| self.is_below(first)).saturating_sub(1);
        start..index.partition_point(|(first, _)| !self.is_above(first)).max(start)
    }

    /// The rows, of a sorted run, that have such keys.
    fn rows<V>(&self, run: &[(K, V)]) -> Range<usize> {
        let start = run.partition_point(|(key, _)| self.is_below(key));
        start..run.partition_point(|(key, _)| !self.is_above(key)).max(start)
    }
}

/// Rows that are merged: copied where they are lent, moved where they are given.
enum Rest<T> {
    Lent(Rows<T>, usize),
    Given(IntoIter<T>),
}

impl<T: Clone> Rest<T> {
    #[inline]
    fn head(&self) -> Option<&T> {
        match self {
            Self::Lent(rows, at) => rows.as_slice().get(*at),
            Self::Given(rows) => rows.as_slice().first(),
        }
    }

    #[inline]
    fn take(&mut self) -> Option<T> {
        match self {
            Self::Lent(rows, at) => {
                let row = rows.as_slice().get(*at).cloned();
                *at += 1;
                row
            }
            Self::Given(rows) => rows.next(),
        }
    }

    /// Adds the next rows to `run`, up to a length.
    fn take_all(&mut self, run: &mut Vec<T>, length: usize) {
        let room = length - run.len();
        match self {
            Self::Lent(rows, at) => {
                let rest = &rows.as_slice()[*at..];
                let rest = &rest[..room.min(rest.len())];
                run.extend_from_slice(rest);
                *at += rest.len();
            }
            Self::Given(rows) => run.extend(rows.by_ref().take(room)),
        }
    }
}

/// Merges two runs that are lent, up to a length or to the end of one of them. Which one is next cannot be foreseen, so the
/// loop does not branch on it.
fn merge_two<K: Ord + Clone, V: Clone>(
    (left, i): (&Rows<(K, V)>, &mut usize),
    (right, j): (&Rows<(K, V)>, &mut usize),
    (run, length): (&mut Vec<(K, V)>, usize),
    ascending: bool,
) {
    let (left, right) = (left.as_slice(), right.as_slice());
    while run.len() < length
        && let (Some(a), Some(b)) = (left.get(*i), right.get(*j))
    {
        let is_right = order(&b.0, &a.0, ascending).is_lt();
        run.push(if is_right { b } else { a }.clone());
        *j += usize::from(is_right);
        *i += usize::from(!is_right);
    }
}

/// What one map task has for the reducer.
pub(super) struct Source<K, V> {
    of: (ShuffleId, usize),
    chunks: Range<usize>,
    bounds: Bounds<K>,
    open: Option<Runs<(K, V)>>,
    rest: Rest<(K, V)>,
}

impl<K: StateData + Ord, V: StateData> Source<K, V> {
    /// Those of the `chunks` of map task `of` that are within `bounds`.
    pub(super) fn new(of: (ShuffleId, usize), chunks: Range<usize>, bounds: &Bounds<K>) -> Self {
        Self { of, chunks, bounds: bounds.clone(), open: None, rest: Rest::Given(Vec::new().into_iter()) }
    }

    /// Reads on until there is a row to merge; whether there is one.
    fn refill(&mut self, task: &TaskContext) -> Result<bool> {
        while self.rest.head().is_none() {
            if let Some(open) = &mut self.open
                && let Some(run) = open.next_run()?
            {
                self.rest = match run {
                    Run::Lent(rows) => Rest::Lent(rows.part(self.bounds.rows(rows.as_slice())), 0),
                    Run::Given(mut rows) => {
                        let wanted = self.bounds.rows(&rows);
                        rows.truncate(wanted.end);
                        let mut rows = rows.into_iter();
                        rows.by_ref().take(wanted.start).for_each(drop);
                        Rest::Given(rows)
                    }
                };
                continue;
            }
            let Some(chunk) = self.chunks.next() else { return Ok(false) };
            // Block 0 is the index.
            self.open = Some(Runs::open(task, self.of.0, self.of.1, chunk + 1)?);
        }
        Ok(true)
    }
}

/// The rows of all sources in order.
pub(super) struct MergePull<K, V> {
    sources: Vec<Source<K, V>>,
    /// The sources that have rows left, as a heap: the one whose row is next is first. Empty before the first run.
    heap: Vec<usize>,
    is_begun: bool,
    ascending: bool,
    task: TaskContext,
    calls: Calls,
}

impl<K: StateData + Ord, V: StateData> MergePull<K, V> {
    pub(super) fn new(sources: Vec<Source<K, V>>, ascending: bool, task: TaskContext, calls: Calls) -> Self {
        Self { sources, heap: Vec::new(), is_begun: false, ascending, task, calls }
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        match (self.sources[a].rest.head(), self.sources[b].rest.head()) {
            (Some(x), Some(y)) => order(&x.0, &y.0, self.ascending).then(a.cmp(&b)).is_lt(),
            (head, _) => head.is_some(),
        }
    }

    /// Lets the source at `at` of the heap sink to its place.
    fn sink(&mut self, mut at: usize) {
        loop {
            let mut next = 2 * at + 1;
            if next >= self.heap.len() {
                return;
            }
            if next + 1 < self.heap.len() && self.is_before(self.heap[next + 1], self.heap[next]) {
                next += 1;
            }
            if !self.is_before(self.heap[next], self.heap[at]) {
                return;
            }
            self.heap.swap(at, next);
            at = next;
        }
    }

    fn begin(&mut self) -> Result<()> {
        for (at, source) in self.sources.iter_mut().enumerate() {
            if source.refill(&self.task)? {
                self.heap.push(at);
            }
        }
        (0..self.heap.len() / 2).rev().for_each(|at| self.sink(at));
        Ok(())
    }

    fn merge(&mut self) -> Result<Vec<(K, V)>> {
        if !std::mem::replace(&mut self.is_begun, true) {
            self.begin()?;
        }
        let mut run = Vec::with_capacity(DEFAULT_BATCH);
        while run.len() < DEFAULT_BATCH {
            match *self.heap {
                [] => break,
                [only] => self.sources[only].rest.take_all(&mut run, DEFAULT_BATCH),
                [a, b] => self.step_of_two(a.min(b), a.max(b), &mut run),
                [first, ..] => run.extend(self.sources[first].rest.take()),
            }
            self.settle()?;
        }
        Ok(run)
    }

    /// Merges as much as two sources have at hand.
    fn step_of_two(&mut self, a: usize, b: usize, run: &mut Vec<(K, V)>) {
        let (before, behind) = self.sources.split_at_mut(b);
        match (&mut before[a].rest, &mut behind[0].rest) {
            (Rest::Lent(left, i), Rest::Lent(right, j)) => {
                merge_two((left, i), (right, j), (run, DEFAULT_BATCH), self.ascending);
            }
            _ => run.extend(self.sources[self.heap[0]].rest.take()),
        }
    }

    /// Reads on in the sources that may have come to an end, and puts the heap in order again. Only the first one of the
    /// heap may, or either of two.
    fn settle(&mut self) -> Result<()> {
        if self.heap.len() == 2 {
            let second = self.heap[1];
            if !self.sources[second].refill(&self.task)? {
                self.heap.pop();
            }
        }
        if let Some(first) = self.heap.first()
            && !self.sources[*first].refill(&self.task)?
        {
            self.heap.swap_remove(0);
        }
        self.sink(0);
        Ok(())
    }
}

impl<K: StateData + Ord, V: StateData> Pull<(K, V)> for MergePull<K, V> {
    fn next(&mut self) -> Result<Option<Batch<(K, V)>>> {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.merge()));
        let run =
            panicked.map_err(|panic| self.calls.panicked(&*panic, self.calls.seen.get(), 0, None))??;
        self.calls.seen.set(self.calls.seen.get() + run.len() as u64);
        Ok((!run.is_empty()).then(|| Batch::from(run)))
    }
}
