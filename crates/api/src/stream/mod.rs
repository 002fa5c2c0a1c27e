//! Streams: what Flink's users know as the DataStream API.
//!
//! Answers for building a job graph by calls that read like `Iterator`, and for running it. Not for what operators do
//! (crate `millstream-operators`) nor for how they run (crate `millstream-runtime`).
//! Holds: a wrong program is refused by the compiler where its types can tell, and by `execute` before anything runs
//! where they cannot.

mod data_stream;
mod environment;
mod keyed_stream;
mod operator_settings;
mod own_operator;
mod partitioning;
mod windowed_stream;

pub use data_stream::DataStream;
pub use environment::StreamEnvironment;
pub use keyed_stream::{KeyFn, KeyedStream};
pub use operator_settings::SinkStream;
pub use windowed_stream::WindowedStream;
