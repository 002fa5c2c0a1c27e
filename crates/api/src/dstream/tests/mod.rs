//! Streaming programs on a clock that is moved by hand: a batch each second, the first at second 1.

mod checkpoints;
mod files;
mod life;
mod lineage;
mod output;
mod pressure;
mod sockets;
mod state;
mod transformations;
mod windows;

use std::sync::mpsc::channel;

use millstream_dataflow::state::StateData;
use millstream_model::record::Record;
use millstream_model::time::{Timestamp, seconds};
use millstream_runtime::microbatch::Program;

use super::*;
use crate::rdd::Context;

/// A program on a clock that shows second 0, with two task slots.
fn program() -> (StreamingContext, ManualClock) {
    let context = Context::builder().parallelism(2).build().unwrap();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    (StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).build(), clock)
}

/// A stream of these batches, with nothing behind them.
fn queued<T: Record>(batches: &StreamingContext, records: &[&[T]]) -> DStream<T> {
    let context = batches.context();
    let rdds: Vec<_> = records.iter().map(|records| context.parallelize(records.to_vec())).collect();
    batches.queue_stream(rdds, QueueMode::OneAtATime, None)
}

/// The records that a stream has at each second, sorted, after so many seconds.
fn outcome<U: StateData + Ord>(
    batches: &StreamingContext,
    clock: &ManualClock,
    stream: &DStream<U>,
    steps: u64,
) -> Vec<(i64, Vec<U>)> {
    let (each, outcome) = channel();
    stream.foreach_rdd_with_time(move |rdd, time| {
        let mut records = rdd.collect()?;
        records.sort();
        each.send((time.millis() / 1000, records)).unwrap();
        Ok(())
    });
    batches.start().unwrap();
    clock.advance(seconds(steps));
    batches.await_batches(steps).unwrap();
    batches.stop(Stop::Gracefully).unwrap();
    outcome.try_iter().collect()
}

/// The same for a stream made of one queue of batches.
fn outcome_of<T: Record, U: StateData + Ord>(
    records: &[&[T]],
    steps: u64,
    make: impl FnOnce(&DStream<T>) -> DStream<U>,
) -> Vec<(i64, Vec<U>)> {
    let (batches, clock) = program();
    let stream = make(&queued(&batches, records));
    outcome(&batches, &clock, &stream, steps)
}

impl StreamingContext {
    /// Waits until the receiver of this input is as it should be.
    fn wait_for_receiver(&self, input: usize, wanted: impl Fn(&ReceiverStatus) -> bool) -> ReceiverStatus {
        self.graph.inputs()[input].wait_for_receiver(&wanted).unwrap()
    }
}
