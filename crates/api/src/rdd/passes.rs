//! The values of a reducer's keys combined within a set memory, however many keys there are.
//!
//! Answers for cutting the keys into classes where the table of all of them would be too large: the rows, which the
//! shuffle keeps in memory or on disk, are then read once for each class. Not for one value that is too large alone.
//! Holds: each key is in one class, and comes out once; what is combined for a key is combined in the order of the rows.

use std::borrow::Cow;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Codec, Pull, TaskContext, VecPull};
use millstream_dataflow::state::{KeyData, StateData};
use millstream_model::error::Result;

use super::combine::{Combined, rows};
use super::hashed::{Hashed, split};
use super::shuffled::Shuffled;
use super::site::Site;

/// How many keys there must be before their size is first looked at.
const FIRST_LOOK: usize = 1024;

/// The bits of a hash by which keys are classed: neither a reducer nor a table goes by these.
const CLASS_SHIFT: u32 = 48;
const CLASS_BITS: u32 = 9;

/// When a table of combined values has become too large.
pub(super) struct Room {
    bytes: usize,
    next_look: usize,
}

impl Room {
    /// Half of a task's share of the memory for shuffles: the other half is for rows on their way.
    pub(super) fn of(task: &TaskContext) -> Self {
        Self { bytes: task.blocks.shuffle_share() / 2, next_look: FIRST_LOOK }
    }

    /// Whether a table takes more; cheap, since it is seldom looked at.
    #[inline]
    pub(super) fn is_outgrown_by<K: KeyData, C: StateData>(&mut self, table: &Combined<K, C>) -> bool {
        table.len() >= self.next_look && self.look(table)
    }

    #[cold]
    fn look<K: KeyData, C: StateData>(&mut self, table: &Combined<K, C>) -> bool {
        let bytes = Codec::of().footprint_of(table.len(), table.iter()).max(1);
        let each = (bytes / table.len()).max(1);
        let room = self.bytes.saturating_sub(bytes) / each;
        // Looked at again when it may be full, and at the latest when there are twice as many, as values may grow.
        self.next_look = table.len() + room.clamp(FIRST_LOOK, table.len().max(FIRST_LOOK));
        bytes > self.bytes
    }

    /// The table was made smaller.
    pub(super) fn made(&mut self, length: usize) {
        self.next_look = length + FIRST_LOOK;
    }
}

/// The keys whose hashes have these lowest bits, so many of them.
#[derive(Clone, Copy)]
struct Class {
    bits: u32,
    value: u64,
}

impl Class {
    fn has(self, hash: u64) -> bool {
        (hash >> CLASS_SHIFT) & ((1 << self.bits) - 1) == self.value
    }

    /// The two halves of it.
    fn halves(self) -> [Self; 2] {
        let bits = self.bits + 1;
        [Self { bits, value: self.value }, Self { bits, value: self.value | 1 << self.bits }]
    }
}

/// Combines the rows of a reducer, class by class.
pub(super) struct CombinePull<K, C, F> {
    shuffled: Shuffled<Hashed<K, C>>,
    reducer: usize,
    task: TaskContext,
    site: Site,
    combine: F,
    left: Vec<Class>,
    pairs: VecPull<(K, C)>,
}

impl<K: KeyData, C: StateData, F: Fn(C, C) -> C> CombinePull<K, C, F> {
    pub(super) fn new(
        shuffled: Shuffled<Hashed<K, C>>,
        reducer: usize,
        task: &TaskContext,
        site: Site,
        combine: F,
    ) -> Self {
        let (left, pairs) = (vec![Class { bits: 0, value: 0 }], VecPull::from(Vec::new()));
        Self { shuffled, reducer, task: task.clone(), site, combine, left, pairs }
    }

    /// Combines the keys of the next class, or of the part of it that there is room for. False if there is none.
    fn pass(&mut self) -> Result<bool> {
        let Some(mut class) = self.left.pop() else { return Ok(false) };
        let (mut table, mut room) = (Combined::new(), Room::of(&self.task));
        let (combine, left) = (&self.combine, &mut self.left);
        let calls = self.site.calls(self.reducer);
        self.shuffled.each(self.reducer, &self.task, &calls, |row: Cow<'_, Hashed<K, C>>| {
            if !class.has(row.0) {
                return;
            }
            let (hash, key, value) = split(row);
            let slot = table.slot(hash, key, || None);
            let value = value.into_owned();
            *slot = Some(match slot.take() {
                Some(before) => combine(before, value),
                None => value,
            });
            while class.bits < CLASS_BITS && room.is_outgrown_by(&table) {
                let [kept, other] = class.halves();
                left.push(other);
                class = kept;
                table.retain(|hash| class.has(hash));
                room.made(table.len());
            }
        })?;
        let pairs: Vec<(K, C)> = rows(table).map(|(_, key, value)| (key, value)).collect();
        self.pairs = VecPull::from(pairs);
        Ok(true)
    }
}

impl<K: KeyData, C: StateData, F: Fn(C, C) -> C> Pull<(K, C)> for CombinePull<K, C, F> {
    fn next(&mut self) -> Result<Option<Batch<(K, C)>>> {
        loop {
            if let Some(batch) = self.pairs.next()? {
                return Ok(Some(batch));
            }
            if !self.pass()? {
                return Ok(None);
            }
        }
    }

    fn whole(&mut self) -> Result<Option<Vec<(K, C)>>> {
        // Only the class of all keys has no bits: it is there until the first pass.
        let is_untouched = matches!(self.left[..], [Class { bits: 0, .. }]);
        if is_untouched && self.pass()? && self.left.is_empty() { self.pairs.whole() } else { Ok(None) }
    }
}
