//! The one table of a keyed aggregate, from opening to snapshot.

use std::hash::Hash;

use millstream_dataflow::operator::OperatorContext;
use millstream_dataflow::state::snapshot::KeyedMeta;
use millstream_dataflow::state::table::KeyedTable;
use millstream_dataflow::state::{KeyData, OperatorSnapshot, StateData, StateKind};
use millstream_model::error::{Failure, Result};

use super::key_functions;

/// A table that exists once the operator was opened.
pub(super) struct OpenedTable<K, V> {
    name: &'static str,
    table: Option<KeyedTable<K, V>>,
}

impl<K: KeyData + Hash, V: StateData> OpenedTable<K, V> {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, table: None }
    }

    fn meta(&self) -> KeyedMeta {
        KeyedMeta::new::<K, V>(self.name, StateKind::Table)
    }

    /// Makes the table and fills it from the checkpoint.
    pub(super) fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        let mut table = KeyedTable::new(context.groups, context.max_parallelism, key_functions());
        if let Some(state) = context.restore.claim_keyed(&self.meta())? {
            state.read(|group, bytes| table.restore_group(group, bytes))?;
        }
        self.table = Some(table);
        Ok(())
    }

    pub(super) fn get(&mut self) -> Result<&mut KeyedTable<K, V>> {
        self.table.as_mut().ok_or_else(|| Failure::internal("a keyed operator was used before it was opened"))
    }

    pub(super) fn snapshot(&mut self, snapshot: &mut OperatorSnapshot) -> Result<()> {
        let meta = self.meta();
        snapshot.keyed.push(self.get()?.freeze_part(meta));
        Ok(())
    }
}
