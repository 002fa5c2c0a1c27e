//! Operators without state: one record in, none, one or many out.
//!
//! Answers for calling the user's function in a tight loop, and for each record's time going with what is made of it.
//! Holds: records leave in the order in which they came.

mod fallible;
mod filter;
mod flat_map;
mod map;

pub use crate::rejects::user_failure;
pub use fallible::{TryFlatMap, try_filter, try_flat_map, try_map};
pub use filter::Filter;
pub use flat_map::FlatMap;
pub use map::Map;
