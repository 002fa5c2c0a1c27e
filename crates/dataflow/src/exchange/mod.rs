//! How records move between subtasks.
//!
//! Answers for the elements that a channel carries and for choosing the receiver of each record. Not for the channel:
//! the runtime gives one for memory, the cluster one for the network.
//! Holds: the elements of one channel arrive in the order in which they were sent.

mod combine;
mod element;
mod encoding;
mod partitioning;
mod sender;
mod wire;

pub use combine::{Combine, Combiner, MakeCombine};
pub use element::{AnyBatch, ChannelSender, Element};
pub use encoding::{BatchCodec, BatchDecoder, BatchEncoder};
pub use partitioning::{KeySelector, Partitioner, Partitioning, Route};
pub use sender::ExchangeSender;
