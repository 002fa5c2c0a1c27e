//! Spark's `portable_hash`: the hash of a key that is the same in every process.
//!
//! `str` and `bytes` hash as CPython does with `PYTHONHASHSEED=0`, whatever seed this process was started with, so that
//! a key is placed alike by the driver and by all workers, and as PySpark places it.
//!
//! Answers for the placement of keys. Not for tables inside of an interpreter, which hash as they like.
//! Holds: equal keys have equal hashes: `1`, `1.0` and `True` too.

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString, PyTuple};

use crate::calls::utf8;

/// Rounds of SipHash for each word and at the end: what `sys.hash_info.algorithm` names.
#[derive(Clone, Copy)]
struct Rounds {
    word: u8,
    end: u8,
}

static ROUNDS: PyOnceLock<Rounds> = PyOnceLock::new();

fn rounds(py: Python<'_>) -> PyResult<Rounds> {
    let known = ROUNDS.get_or_try_init(py, || {
        let algorithm: String = py.import("sys")?.getattr("hash_info")?.getattr("algorithm")?.extract()?;
        let (word, end) = if algorithm == "siphash24" { (2, 4) } else { (1, 3) };
        Ok::<_, PyErr>(Rounds { word, end })
    });
    known.copied()
}

/// The hash of a key.
pub(crate) fn portable_hash(key: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = key.py();
    if key.is_exact_instance_of::<PyInt>() {
        // What does not fit into 64 bits has its hash from CPython.
        if let Ok(number) = key.extract::<i64>() {
            return Ok(int_hash(number));
        }
    } else if key.is_exact_instance_of::<PyString>() {
        if let Some(text) = utf8(key.cast::<PyString>()?) {
            return Ok(text_hash(rounds(py)?, text));
        }
    } else if key.is_none() {
        return Ok(0);
    } else if let Ok(tuple) = key.cast::<PyTuple>() {
        return tuple_hash(tuple);
    } else if let Ok(bytes) = key.cast::<PyBytes>() {
        return Ok(bytes_hash(rounds(py)?, bytes.as_bytes()));
    }
    key.hash().map(|hash| hash as i64)
}

/// The hash that streams place keys by. Equal keys have equal hashes, in every process and run.
pub(crate) fn stable_hash(key: &Bound<'_, PyAny>) -> PyResult<i64> {
    Ok(mixed(unmixed(key)?))
}

/// Spreads the bits, for key groups are cut out of the middle ones.
fn mixed(hash: i64) -> i64 {
    let mut bits = hash.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)).cast_signed()
}

fn unmixed(key: &Bound<'_, PyAny>) -> PyResult<i64> {
    let is_plain = key.is_exact_instance_of::<PyInt>()
        || key.is_exact_instance_of::<PyString>()
        || key.is_exact_instance_of::<PyFloat>()
        || key.is_exact_instance_of::<PyBool>()
        || key.is_exact_instance_of::<PyBytes>()
        || key.is_none();
    if is_plain {
        return portable_hash(key);
    }
    if key.is_exact_instance_of::<PyTuple>() {
        let tuple = key.cast::<PyTuple>()?;
        let mut hash: i64 = 0x345_678;
        for item in tuple.iter_borrowed() {
            hash = (hash ^ unmixed(&item)?).wrapping_mul(1_000_003);
        }
        return Ok(hash ^ tuple.len() as i64);
    }
    // Hashes of other types may depend on the process.
    let plain = key.py().import("millstream._stream.keys")?.call_method1("plain", (key,))?;
    match plain.extract::<i64>() {
        Ok(hash) if plain.is_exact_instance_of::<PyInt>() => Ok(hash),
        _ => unmixed(&plain),
    }
}

fn int_hash(number: i64) -> i64 {
    const MODULUS: u64 = (1 << 61) - 1;
    let hash = (number.unsigned_abs() % MODULUS) as i64;
    not_minus_one(if number < 0 { -hash } else { hash })
}

/// CPython keeps -1 for "failed".
fn not_minus_one(hash: i64) -> i64 {
    if hash == -1 { -2 } else { hash }
}

fn tuple_hash(tuple: &Bound<'_, PyTuple>) -> PyResult<i64> {
    let mut hash: i64 = 0x345678;
    for item in tuple.iter_borrowed() {
        hash ^= portable_hash(&item)?;
        hash = hash.wrapping_mul(1_000_003) & i64::MAX;
    }
    let width = i64::try_from(tuple.len()).map_err(|_| PyOverflowError::new_err("a tuple without end"))?;
    Ok(not_minus_one(hash ^ width))
}

/// The hash of text is that of the code points in as many bytes as the widest of them takes: 1, 2 or 4.
fn text_hash(rounds: Rounds, text: &str) -> i64 {
    if text.is_ascii() {
        return bytes_hash(rounds, text.as_bytes());
    }
    let widest = text.chars().map(u32::from).max().unwrap_or(0);
    let points = text.chars().map(u32::from);
    let bytes: Vec<u8> = match widest {
        0..=0xff => points.map(|point| point as u8).collect(),
        0x100..=0xffff => points.flat_map(|point| (point as u16).to_ne_bytes()).collect(),
        _ => points.flat_map(u32::to_ne_bytes).collect(),
    };
    bytes_hash(rounds, &bytes)
}

fn bytes_hash(rounds: Rounds, bytes: &[u8]) -> i64 {
    if bytes.is_empty() { 0 } else { not_minus_one(siphash(rounds, bytes) as i64) }
}

/// SipHash with the key 0.
fn siphash(rounds: Rounds, bytes: &[u8]) -> u64 {
    let mut state =
        [0x736f_6d65_7073_6575_u64, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573];
    let mut absorb = |word: u64| {
        state[3] ^= word;
        (0..rounds.word).for_each(|_| round(&mut state));
        state[0] ^= word;
    };
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        absorb(word.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)));
    }
    let rest = words.remainder().iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
    absorb((bytes.len() as u64) << 56 | rest);
    state[2] ^= 0xff;
    (0..rounds.end).for_each(|_| round(&mut state));
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

#[inline]
fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}
