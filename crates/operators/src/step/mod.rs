//! Operators without state: one record in, none, one or many out.
//!
//! Answers for calling the user's function in a tight loop, and for each record's time going with what is made of it.
//! Holds: records leave in the order in which they came.

mod filter;
mod flat_map;
mod map;
mod try_map;

pub use filter::Filter;
pub use flat_map::FlatMap;
pub use map::Map;
pub use try_map::{TryMap, user_failure};
