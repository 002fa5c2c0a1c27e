//! Where the records of a pipeline come from.

use std::collections::VecDeque;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyInt, PyIterator};

use super::combine::{Cogroup, CombineByKey};
use super::keep::Keep;
use super::lines::Lines;
use super::sample::Sample;
use super::sort::Sort;
use super::{Pipeline, fault};
use crate::column::{Block, Chunk};
use crate::host::Host;
use crate::plan::BlockRef;

/// One of the ways in which records are made.
pub(super) enum Source {
    Range {
        next: i64,
        step: i64,
        left: u64,
    },
    Blocks(Blocks),
    Lines(Box<Lines>),
    Keep(Box<Keep>),
    Chain(VecDeque<Pipeline>),
    Combine(Box<CombineByKey>),
    Cogroup(Box<Cogroup>),
    Sample(Box<Sample>),
    Sort(Box<Sort>),
    /// What a function of a whole partition gave, with its name.
    Iterator(Py<PyIterator>, String),
    Nested(Box<Pipeline>),
}

impl Source {
    #[inline]
    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Range { next, step, left } => {
                if *left == 0 {
                    return Ok(None);
                }
                let number = *next;
                *left -= 1;
                *next = next.wrapping_add(*step);
                Ok(Some(PyInt::new(py, number).into_any()))
            }
            Self::Blocks(blocks) => blocks.next(py),
            Self::Lines(lines) => lines.next(py),
            Self::Keep(keep) => keep.next(py),
            Self::Chain(parts) => {
                while let Some(first) = parts.front_mut() {
                    if let Some(record) = first.next(py)? {
                        return Ok(Some(record));
                    }
                    parts.pop_front();
                }
                Ok(None)
            }
            Self::Combine(combine) => combine.next(py),
            Self::Cogroup(cogroup) => cogroup.next(py),
            Self::Sample(sample) => sample.next(py),
            Self::Sort(sort) => sort.next(py),
            Self::Iterator(iterator, name) => match iterator.bind(py).clone().next() {
                Some(record) => record.map(Some).map_err(|error| fault::named(py, error, name)),
                None => Ok(None),
            },
            Self::Nested(pipeline) => pipeline.next(py),
        }
    }

    /// Passes over so many records; how many there were.
    pub(super) fn skip(&mut self, py: Python<'_>, count: u64) -> PyResult<u64> {
        match self {
            Self::Range { next, step, left } => {
                let skipped = count.min(*left);
                *left -= skipped;
                *next = next.wrapping_add(step.wrapping_mul(skipped.cast_signed()));
                Ok(skipped)
            }
            Self::Blocks(blocks) => blocks.skip(py, count),
            Self::Nested(pipeline) => pipeline.skip(py, count),
            source => {
                for skipped in 0..count {
                    if source.next(py)?.is_none() {
                        return Ok(skipped);
                    }
                }
                Ok(count)
            }
        }
    }
}

/// The records of blocks, one block after the other.
pub(super) struct Blocks {
    host: Host,
    waiting: VecDeque<BlockRef>,
    open: Option<Block>,
    chunk: Chunk,
    row: usize,
}

impl Blocks {
    pub(super) fn fetched(host: Host, blocks: Vec<BlockRef>) -> Self {
        Self { host, waiting: blocks.into(), open: None, chunk: Chunk::default(), row: 0 }
    }

    pub(super) fn at_hand(host: Host, bytes: Arc<Vec<u8>>) -> Self {
        Self { open: Some(Block::new(bytes)), ..Self::fetched(host, Vec::new()) }
    }

    #[inline]
    fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        while self.row == self.chunk.rows() {
            match self.next_chunk(py)? {
                Some(chunk) => (self.chunk, self.row) = (chunk, 0),
                None => return Ok(None),
            }
        }
        self.row += 1;
        self.chunk.get(py, self.row - 1).map(Some)
    }

    fn skip(&mut self, py: Python<'_>, count: u64) -> PyResult<u64> {
        let mut left = usize::try_from(count).unwrap_or(usize::MAX);
        loop {
            let here = left.min(self.chunk.rows() - self.row);
            self.row += here;
            left -= here;
            if left == 0 {
                return Ok(count);
            }
            match self.next_chunk(py)? {
                Some(chunk) => (self.chunk, self.row) = (chunk, 0),
                None => return Ok(count - left as u64),
            }
        }
    }

    /// The next rows as they were written.
    pub(super) fn next_chunk(&mut self, py: Python<'_>) -> PyResult<Option<Chunk>> {
        loop {
            if let Some(open) = &mut self.open {
                if let Some(chunk) = open.next(py)? {
                    return Ok(Some(chunk));
                }
                self.open = None;
            }
            let Some(block) = self.waiting.pop_front() else { return Ok(None) };
            self.open = Some(Block::new(self.host.fetch(py, block)?));
        }
    }
}
