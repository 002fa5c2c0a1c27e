//! What is kept of the windows that are open: a table of keys for each.
//!
//! Answers for finding a window's table, and for snapshot and restore, also at another parallelism. Not for when a
//! window emits.
//! Holds: an entry of a snapshot is a window's begin, a key and what is kept for both, in the key's group.

use std::hash::Hash;

use millstream_dataflow::operator::OperatorContext;
use millstream_dataflow::state::encoding::{Decoder, EncodeError, Encoder};
use millstream_dataflow::state::error::GroupError;
use millstream_dataflow::state::snapshot::{KeyedMeta, KeyedPart};
use millstream_dataflow::state::table::KeyedTable;
use millstream_dataflow::state::{KeyData, StateData, StateKind};
use millstream_model::error::Result;
use millstream_model::key::hash::hash_of;
use millstream_model::key::{KeyGroup, KeyGroupRange, MaxParallelism, key_group_of};

use crate::keyed::key_functions;

/// The open windows of one subtask, by their begins.
pub(super) struct Panes<K, Acc> {
    range: KeyGroupRange,
    max: MaxParallelism,
    /// In the order of their begins.
    tables: Vec<(i64, KeyedTable<K, Acc>)>,
    /// Where the table stands that was found last: most records are of the window of the one before.
    last: usize,
}

impl<K: KeyData + Hash, Acc: StateData> Panes<K, Acc> {
    fn meta() -> KeyedMeta {
        KeyedMeta::new::<K, (i64, Acc)>("panes", StateKind::Table)
    }

    /// The windows that the checkpoint has.
    pub(super) fn open(context: &mut OperatorContext<'_>) -> Result<Self> {
        let (range, max) = (context.groups, context.max_parallelism);
        let mut panes = Self { range, max, tables: Vec::new(), last: 0 };
        if let Some(state) = context.restore.claim_keyed(&Self::meta())? {
            state.read(|group, bytes| panes.restore_group(group, bytes))?;
        }
        Ok(panes)
    }

    /// The table of the window that begins at `start`.
    #[inline]
    pub(super) fn table(&mut self, start: i64) -> &mut KeyedTable<K, Acc> {
        if self.tables.get(self.last).is_none_or(|(last, _)| *last != start) {
            self.last = self.find_or_insert(start);
        }
        &mut self.tables[self.last].1
    }

    fn find_or_insert(&mut self, start: i64) -> usize {
        match self.tables.binary_search_by_key(&start, |(start, _)| *start) {
            Ok(found) => found,
            Err(place) => {
                let table = KeyedTable::new(self.range, self.max, key_functions());
                self.tables.insert(place, (start, table));
                place
            }
        }
    }

    /// The windows in the order of their begins.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &KeyedTable<K, Acc>)> {
        self.tables.iter().map(|(start, table)| (*start, table))
    }

    /// Lets go of the first windows, as long as `is_gone` is true of their begins.
    pub(super) fn let_go_while(&mut self, is_gone: impl Fn(i64) -> bool) {
        let gone = self.tables.partition_point(|(start, _)| is_gone(*start));
        self.tables.drain(..gone);
        self.last = self.last.saturating_sub(gone);
    }

    pub(super) fn freeze(&mut self) -> KeyedPart {
        let frozen: Vec<_> = self.tables.iter_mut().map(|(start, table)| (*start, table.freeze())).collect();
        let encode = move |group: KeyGroup, encoder: &mut Encoder, out: &mut Vec<u8>| {
            let mut entries = 0;
            for (start, table) in &frozen {
                for (key, held) in table.iter_group(group) {
                    encoder.encode(&(start, key, held), out)?;
                    entries += 1;
                }
            }
            Ok::<u32, EncodeError>(entries)
        };
        KeyedPart::new(Self::meta(), self.range, encode)
    }

    fn restore_group(&mut self, group: KeyGroup, bytes: &[u8]) -> Result<(), GroupError> {
        let Some((announced, mut input)) = bytes.split_first_chunk::<4>() else {
            return Err(GroupError::Count { announced: 0 });
        };
        let announced = u32::from_le_bytes(*announced);
        let mut decoder = Decoder::new();
        for entry in 0..u64::from(announced) {
            let decoded = decoder.decode::<(i64, K, Acc)>(&mut input);
            let (start, key, held) = decoded.map_err(|source| GroupError::Decode { entry, source })?;
            let hash = hash_of(&key);
            let actual = key_group_of(hash, self.max);
            if actual != group {
                return Err(GroupError::Misplaced { actual });
            }
            self.table(start).insert(hash, key, held)?;
        }
        if input.is_empty() { Ok(()) } else { Err(GroupError::Count { announced }) }
    }
}
