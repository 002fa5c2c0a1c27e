//! Streams cut into batches, as Spark's users know them: a [`StreamingContext`] makes a [`DStream`], transformations
//! describe others, output operations have each batch computed as an [`Rdd`](crate::rdd::Rdd) job.
//!
//! ```no_run
//! use millstream::dstream::StreamingContext;
//! use millstream::rdd::Context;
//! use millstream::time::seconds;
//!
//! let batches = StreamingContext::new(&Context::new()?, seconds(1));
//! let lines = batches.socket_text_stream("localhost", 9999);
//! let words = lines.flat_map(|line| line.into_split(' '));
//! words.map(|word| (word, 1u64)).reduce_by_key(|a, b| a + b).print(10);
//! batches.start()?.await_termination()
//! # ; Ok::<(), millstream::Failure>(())
//! ```
//!
//! What a receiver takes in it holds in memory, up to a limit, until the batch is done; at the limit it reads no further.
//! When batches take longer than their interval they queue up, which [`StreamingContext::status`] and a
//! [`StreamingListener`] tell, and receivers are slowed.
//!
//! What is promised across a kill of the process: sockets and other receivers at most once, as nothing of what they took
//! in is kept outside of the process. Within a run each record that was taken in, and each file that was found, is
//! processed exactly once, a failed task being tried again; an output operation may see a partition twice then.
//!
//! Answers for names, types, batch times, and for what is kept from batch to batch. Not for running a batch: that is the
//! Rdds'.
//! Holds: batches are processed one at a time in the order of their times; memory behind a batch that is done is let go
//! unless a window, a state or [`StreamingContext::remember`] asks for it.

mod backlog;
mod batches;
mod builder;
mod clock;
mod context;
mod graph;
mod input;
mod inverse;
mod listener;
mod node;
mod output;
mod pairs;
mod progress;
mod state;
mod status;
mod stream;
#[cfg(test)]
mod tests;
mod timeline;
mod window;

pub use builder::StreamingContextBuilder;
pub use clock::ManualClock;
pub use context::StreamingContext;
pub use input::{QueueMode, RddQueue};
pub use listener::StreamingListener;
pub use progress::{Stop, Termination};
pub use status::{BatchInfo, Phase, ReceiverStatus, StreamingStatus};
pub use stream::DStream;
