//! An address as a split.

use millstream_dataflow::source::{NextSplit, Split, SplitEnumerator};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use serde::{Deserialize, Serialize};

/// The address, with how many records came there: they cannot be asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// `host:port`.
    pub address: String,
    /// How many records came so far.
    pub lines: u64,
}

impl Split for Peer {
    fn id(&self) -> String {
        self.address.clone()
    }
}

/// Hands the address out, once.
pub(super) struct Peers(Vec<Peer>);

impl Peers {
    pub(super) fn new(address: &str, restored: Option<Vec<u8>>) -> Result<Self> {
        let waiting = match restored {
            None => vec![Peer { address: address.to_owned(), lines: 0 }],
            Some(bytes) => from_bytes(&bytes)
                .map_err(|e| Failure::user("the checkpoint's peer does not fit this source").because(e))?,
        };
        Ok(Self(waiting))
    }
}

impl SplitEnumerator<Peer> for Peers {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<Peer>> {
        Ok(self.0.pop().map_or(NextSplit::NoMore, NextSplit::Split))
    }

    fn add_back(&mut self, splits: Vec<Peer>) {
        self.0.extend(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.0).map_err(|error| Failure::internal("a peer cannot be encoded").because(error))
    }
}
