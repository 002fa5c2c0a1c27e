//! How records move between subtasks.
//!
//! Answers for the elements that a channel carries and for choosing the receiver of each record. Not for the channel:
//! the runtime gives one for memory, the cluster one for the network.
//! Holds: the elements of one channel arrive in the order in which they were sent.

mod combine;
mod element;
mod partitioning;
mod sender;

pub use combine::{Combine, Combiner, MakeCombine};
pub use element::{AnyBatch, ChannelSender, Element};
pub use partitioning::{KeySelector, Partitioner, Partitioning, Route};
pub use sender::ExchangeSender;
