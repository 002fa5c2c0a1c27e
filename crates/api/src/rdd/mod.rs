//! Batches as Spark's users know them: a [`Context`] makes an [`Rdd`], transformations describe others, and actions run
//! them.
//!
//! ```
//! use millstream::rdd::Context;
//!
//! let context = Context::builder().parallelism(2).build()?;
//! let mut counts = context
//!     .parallelize(vec!["to be", "or not", "to be"])
//!     .flat_map(|line| line.split(' ').map(str::to_string))
//!     .map(|word| (word, 1u64))
//!     .reduce_by_key(|a, b| a + b)
//!     .collect()?;
//! counts.sort();
//! assert_eq!(counts[0], ("be".to_string(), 2));
//! # Ok::<(), millstream_model::error::Failure>(())
//! ```
//!
//! Answers for names, types and laziness. Not for running: that is the runtime's stage engine.
//! Holds: nothing is computed before an action asks for it.

mod action;
mod buckets;
mod combine;
mod context;
mod debug;
mod flat;
mod group;
mod hashed;
mod in_memory;
mod join;
#[cfg(feature = "kafka")]
mod kafka;
mod merge;
mod narrow;
mod node;
mod partition;
mod passes;
mod persist;
mod records;
mod sample;
mod save;
mod shared;
pub(crate) mod shelved;
mod shuffled;
mod site;
mod sort;
#[cfg(test)]
mod tests;
mod text;

pub use context::{Context, ContextBuilder};
pub use group::Cogrouped;
pub use millstream_dataflow::lineage::{DatasetId, StorageLevel};
pub use millstream_runtime::stage::{Accumulator, CachedSize, Counters, Speculation};
pub use node::Rdd;
pub use records::Records;
pub use shared::Broadcast;
