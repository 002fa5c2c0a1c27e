//! A place in a log.

use serde::{Deserialize, Serialize};

/// A place between two events of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LogPlace {
    /// Where an entry begins, in bytes from the begin of the log's first file ever.
    pub offset: u64,
    /// How many events of that entry stand before the place.
    pub events: u32,
}
