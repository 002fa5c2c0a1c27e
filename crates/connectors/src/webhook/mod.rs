//! Batches of records to an HTTP server, each posted until it is answered.
//!
//! Answers for what is posted, for when that is tried again, and for when it is given up. Not for what the server does with
//! it: one that stores what it takes may get a batch twice.
//! Holds: at least once. A checkpoint is complete only when all that stands before it was answered with a success; neither
//! headers nor the path of the address are in any message.

mod answer;
mod body;
mod client;
mod patience;
pub mod settings;
mod sink;
#[cfg(test)]
mod tests;
mod transport;
mod writer;

pub use sink::Webhook;
