//! A sample of the keys of pairs, of a known size, in which each key has the same chance to be.
//!
//! Answers for calling as few of the user's functions as can be: where each step makes one record of one, the records that
//! are not taken are not made. Not for what is made of the sample.
//! Holds: for the same seed and the same records it is the same sample.

use pyo3::prelude::*;
use pyo3::types::PyList;

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
        Self { of: Some(of), name, size, random: Random(seed) }
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

/// SplitMix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Above 0 and below 1.
    fn fraction(&mut self) -> f64 {
        ((self.bits() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        ((self.fraction() * end as f64) as usize).min(end - 1)
    }
}

/// How many records lie between two that are taken once the sample is full: Li's algorithm L.
struct Jumps {
    size: f64,
    weight: f64,
}

impl Jumps {
    fn new(size: usize, random: &mut Random) -> Self {
        let size = size as f64;
        Self { size, weight: (random.fraction().ln() / size).exp() }
    }

    fn next(&mut self, random: &mut Random) -> u64 {
        let jump = (random.fraction().ln() / (1.0 - self.weight).ln()).floor();
        self.weight *= (random.fraction().ln() / self.size).exp();
        // What is too large for a number is as far as the largest.
        jump as u64
    }
}
