//! A table as it was at one moment.
//!
//! Answers for reading and encoding it on any thread, and for letting go of each group as soon as it is encoded.

use std::sync::Arc;

use millstream_model::key::{KeyGroup, KeyGroupRange};

use super::group::Entries;
use crate::state::encoding::{EncodeError, Encoder};
use crate::state::{KeyData, StateData};

/// A table as it was at one moment; it can be read and encoded on any thread.
#[derive(Debug)]
pub struct FrozenTable<K, V> {
    pub(super) range: KeyGroupRange,
    pub(super) groups: Vec<Option<Arc<Entries<K, V>>>>,
}

impl<K, V> FrozenTable<K, V> {
    fn group(&self, group: KeyGroup) -> Option<&Entries<K, V>> {
        self.groups.get(usize::from(group.0.wrapping_sub(self.range.start)))?.as_deref()
    }

    /// The entries of one group.
    pub fn iter_group(&self, group: KeyGroup) -> impl Iterator<Item = (&K, &V)> {
        self.group(group).into_iter().flat_map(|group| group.iter().map(|(key, value)| (key, value)))
    }
}

impl<K: KeyData, V: StateData> FrozenTable<K, V> {
    /// Appends the bytes of one group, as [`super::KeyedTable::restore_group`] takes them; gives the number of entries.
    ///
    /// # Errors
    /// Where a key or value cannot be written.
    pub fn encode_group(&self, group: KeyGroup, out: &mut Vec<u8>) -> Result<u32, EncodeError> {
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        let entries = self.encode_entries(group, &mut Encoder::new(), out)?;
        out[at..at + 4].copy_from_slice(&entries.to_le_bytes());
        Ok(entries)
    }

    fn encode_entries(
        &self,
        group: KeyGroup,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let mut entries = 0;
        for entry in self.group(group).into_iter().flatten() {
            encoder.encode(entry, out)?;
            entries += 1;
        }
        Ok(entries)
    }

    /// Encodes a group and lets go of it, so that the operator need not copy it any more.
    pub(super) fn take_group(
        &mut self,
        group: KeyGroup,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let entries = self.encode_entries(group, encoder, out)?;
        if let Some(taken) = self.groups.get_mut(usize::from(group.0.wrapping_sub(self.range.start))) {
            *taken = None;
        }
        Ok(entries)
    }
}
