//! Windows: records of a key that belong together by time.
//!
//! Answers for tumbling windows in event and processing time, for what is kept of each, and for late records. Not for
//! watermarks.
//! Holds: a window emits when time passes its end, and again for each late record it still takes; a record that comes
//! when its window is gone is counted, and emitted to a side output if there is one.

mod assigner;
mod function;
mod late;
mod operator;
mod panes;

pub use assigner::{TimeWindow, TumblingEventTime, TumblingProcessingTime, WindowAssigner};
pub use function::{
    AggregateFunction, Aggregating, ProcessWindowFunction, Processing, Reducing, WindowFunction, WindowOutput,
};
pub use late::LateCounter;
pub use operator::WindowAggregate;
