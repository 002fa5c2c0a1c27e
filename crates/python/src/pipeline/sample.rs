//! A sample of the keys of pairs, of a known size, in which each key has the same chance to be.
//!
//! Answers for calling as few of the user's functions as can be: where each step makes one record of one, the records that
//! are not taken are not made. Not for what is made of the sample.
//! Holds: for the same seed and the same records it is the same sample.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::jumps::{Jumps, Random};
use super::{Pipeline, fault, parts};

/// A sampler that has not been asked yet.
pub(super) struct Sample {
    of: Option<Pipeline>,
    name: String,
    size: usize,
    random: Random,
}

impl Sample {
    pub(super) fn new(of: Pipeline, name: String, size: u64, seed: u64) -> Self {
        let size = usize::try_from(size).unwrap_or(usize::MAX).max(1);
        Self { of: Some(of), name, size, random: Random::new(seed) }
    }

    /// One record: how many pairs there are, and a list of the keys that were taken.
    pub(super) fn next<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(mut of) = self.of.take() else { return Ok(None) };
        let mut taken = Vec::new();
        while taken.len() < self.size
            && let Some(key) = self.key(py, &mut of)?
        {
            taken.push(key);
        }
        let mut seen = taken.len() as u64;
        let mut jumps = Jumps::new(self.size, &mut self.random);
        while taken.len() == self.size {
            let jump = jumps.next(&mut self.random);
            let skipped = of.skip(py, jump)?;
            seen += skipped;
            if skipped < jump {
                break;
            }
            let Some(key) = self.key(py, &mut of)? else { break };
            seen += 1;
            let at = self.random.below(self.size);
            taken[at] = key;
        }
        (seen, PyList::new(py, taken)?).into_pyobject(py).map(|record| Some(record.into_any()))
    }

    fn key<'py>(&self, py: Python<'py>, of: &mut Pipeline) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(record) = of.next(py)? else { return Ok(None) };
        match parts(&record) {
            Ok((key, _)) => Ok(Some(key)),
            Err(error) => Err(fault::at_record(py, error, &self.name, &record)),
        }
    }
}
