//! The bytes of a Parquet file: those of one row group are fetched before it is decoded.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes};
use millstream_model::error::{Failure, Result};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use crate::file::Input;

/// A file, with what was fetched of it.
#[derive(Clone)]
pub(super) struct Chunks {
    input: Arc<dyn Input>,
    length: u64,
    fetched: Arc<Mutex<Vec<(u64, Bytes)>>>,
    /// What the place said when it could not be read: more than the decoder hands on.
    failed: Arc<Mutex<Option<Failure>>>,
}

/// Chunks that lie no further apart are fetched at once.
const GAP: u64 = 1 << 20;

impl Chunks {
    pub(super) fn of(input: Arc<dyn Input>) -> Result<Self> {
        let length = input.length()?;
        Ok(Self { input, length, fetched: Arc::default(), failed: Arc::default() })
    }

    /// Fetches these, and forgets what was fetched before.
    pub(super) fn fetch(&self, mut ranges: Vec<Range<u64>>) -> Result<()> {
        ranges.sort_by_key(|range| range.start);
        let mut together: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match together.last_mut() {
                Some(last) if range.start <= last.end + GAP => last.end = last.end.max(range.end),
                _ => together.push(range),
            }
        }
        let mut fetched = Vec::with_capacity(together.len());
        for range in together {
            fetched.push((range.start, Bytes::from(self.input.range(range)?)));
        }
        *self.fetched.lock().unwrap_or_else(PoisonError::into_inner) = fetched;
        Ok(())
    }

    /// The failure of the place behind an error of the decoder.
    pub(super) fn failed(&self) -> Option<Failure> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What was fetched from a byte on.
    fn known(&self, start: u64) -> Option<Bytes> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let (begin, bytes) = fetched.iter().rev().find(|(begin, _)| *begin <= start)?;
        let at = usize::try_from(start - begin).ok()?;
        (at < bytes.len()).then(|| bytes.slice(at..))
    }

    fn range(&self, range: Range<u64>) -> parquet::errors::Result<Bytes> {
        if range.end > self.length || range.start > range.end {
            let length = self.length;
            return Err(ParquetError::EOF(format!(
                "byte {} is wanted, and the file has {length}",
                range.end
            )));
        }
        self.input.range(range).map(Bytes::from).map_err(|failure| {
            let text = failure.what().to_owned();
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            ParquetError::General(text)
        })
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Chunks {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        match self.known(start) {
            Some(bytes) => Ok(bytes.reader()),
            None => Ok(self.range(start..self.length)?.reader()),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        match self.known(start).filter(|bytes| bytes.len() >= length) {
            Some(bytes) => Ok(bytes.slice(..length)),
            None => self.range(start..start.saturating_add(length as u64)),
        }
    }
}
