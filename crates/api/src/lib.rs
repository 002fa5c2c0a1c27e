//! Distributed stream and batch processing: DataStream, Rdd and DStream on one engine.
//!
//! A stream program begins with a [`StreamEnvironment`].
//!
//! ```
//! use millstream::StreamEnvironment;
//!
//! let env = StreamEnvironment::new();
//! let lines = env.from_collection(["to be or".to_string(), "not to be".to_string()]);
//! let counts = lines
//!     .flat_map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
//!     .key_by(|word| word.clone())
//!     .count()
//!     .execute_and_collect("word count")?;
//! assert!(counts.contains(&("be".to_string(), 2)));
//! # Ok::<(), millstream::Failure>(())
//! ```
//!
//! A batch program begins with a [`rdd::Context`], and one that answers a stream in micro-batches, an Rdd for each, with a
//! [`StreamingContext`].
//!
//! Answers for what a user of the library imports. Not for anything that happens once a job runs.

pub mod dstream;
mod interrupt;
pub mod rdd;
pub mod settings;
pub mod stream;

pub use dstream::{DStream, StreamingContext};
pub use interrupt::{StopOnCtrlC, stop_on_ctrl_c};
pub use millstream_connectors as connectors;
pub use millstream_dataflow::operator::{Mode, OnError, OutputTag, Rejected};
pub use millstream_dataflow::{batch, operator, sink, source, state};
pub use millstream_model::error::{BoxError, Failure, Fault, Position, Result, Retry, Unit};
pub use millstream_model::id::{CheckpointId, OperatorUid, Subtask};
pub use millstream_model::key::{KeyGroupRange, MaxParallelism};
pub use millstream_model::record::Record;
pub use millstream_model::text::Text;
pub use millstream_model::time;
pub use millstream_operators::event_time::{WatermarkGenerator, WatermarkStrategy};
pub use millstream_operators::keyed::{
    KeyedContext, KeyedProcessFunction, OnTimerContext, ProcessContext, ProcessFunction,
};
pub use millstream_operators::window::{
    AggregateFunction, ProcessWindowFunction, TimeWindow, TumblingEventTime, TumblingProcessingTime,
    WindowAssigner, WindowOutput,
};
pub use millstream_runtime::network::Compression as NetworkCompression;
pub use millstream_runtime::{
    CheckpointMode, CheckpointSettings, JobHandle, JobResult, JobSettings, JobStatus, Metrics,
    OperatorCounts, Restart, RestoreFrom, UnmatchedState,
};
pub use millstream_storage as storage;
pub use stream::{DataStream, KeyedStream, SinkStream, StreamEnvironment, WindowedStream};
