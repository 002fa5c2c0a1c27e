//! One state of all keys: a value, or none, per slot.
//!
//! Answers for slots in chunks, so that a change during a snapshot copies one chunk. Not for which key has which slot.
//! Holds: a frozen column shows the moment it was frozen at.

use std::sync::Arc;

use super::super::share::Shareable;

/// Slots per chunk: few enough that copying one is not noticed, many enough that sharing all is.
const CHUNK: usize = 256;

#[derive(Debug)]
pub(super) struct Column<T> {
    chunks: Vec<Shareable<Vec<Option<T>>>>,
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Column<T> {
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.chunks.get(slot / CHUNK)?.get().get(slot % CHUNK)?.as_ref()
    }

    pub(super) fn freeze(&mut self) -> FrozenColumn<T> {
        FrozenColumn { chunks: self.chunks.iter_mut().map(Shareable::share).collect() }
    }
}

impl<T: Clone> Column<T> {
    #[inline]
    pub(super) fn slot_mut(&mut self, slot: u32) -> &mut Option<T> {
        let slot = slot as usize;
        while self.chunks.len() <= slot / CHUNK {
            self.chunks.push(Shareable::default());
        }
        let chunk = self.chunks[slot / CHUNK].get_mut();
        if chunk.len() <= slot % CHUNK {
            chunk.resize_with(slot % CHUNK + 1, || None);
        }
        &mut chunk[slot % CHUNK]
    }
}

/// A column as it was at one moment.
#[derive(Debug)]
pub(super) struct FrozenColumn<T> {
    chunks: Vec<Arc<Vec<Option<T>>>>,
}

impl<T> FrozenColumn<T> {
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        let slot = slot as usize;
        self.chunks.get(slot / CHUNK)?.get(slot % CHUNK)?.as_ref()
    }
}
