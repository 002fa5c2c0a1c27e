//! An address with how far its events are read.

use millstream_dataflow::source::Split;
use serde::{Deserialize, Serialize};

use crate::flume::log::LogPlace;

/// An address, of this job's where it listens, of an agent where it pulls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlumeSplit {
    /// The address, as the program has it.
    pub address: String,
    /// The place of its log up to which events are read; `None` before any was.
    pub place: Option<LogPlace>,
}

impl Split for FlumeSplit {
    fn id(&self) -> String {
        self.address.clone()
    }
}
