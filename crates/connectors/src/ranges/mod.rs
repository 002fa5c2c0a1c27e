//! Sources that compute their records from numbers: what collections, sequences and generators have in one.
//!
//! Answers for cutting a run of numbers into splits and for walking them, at a rate if one is set. Not for what the
//! records are.
//! Holds: each number is in exactly one split; a split's position is the next number that was not emitted.

mod enumerator;
mod numbers;
mod reader;
mod split;
#[cfg(test)]
mod tests;

pub(crate) use enumerator::{Cut, RangeEnumerator};
pub(crate) use numbers::Numbers;
pub(crate) use reader::RangeReader;
pub use split::RangeSplit;
