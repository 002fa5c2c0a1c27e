//! What was late before a job was restored is late after it.

use std::path::Path;
use std::time::Duration;

use millstream::connectors::collect::{Collect, CollectHandle};
use millstream::state::keyed::KeyedStore;
use millstream::time::{Timestamp, millis};
use millstream::{
    AggregateFunction, BoxError, CheckpointSettings, JobHandle, KeyedContext, KeyedProcessFunction,
    OutputTag, RestoreFrom, StreamEnvironment, TumblingEventTime, WatermarkStrategy,
};

use crate::gate::Gate;

/// The times of the records: windows of ten are over with the second; the third is late, the fourth ends one more window.
const TIMES: [i64; 4] = [1, 25, 3, 40];

struct Running {
    job: JobHandle,
    /// The times in each window.
    windows: CollectHandle<Vec<i64>>,
    late: CollectHandle<i64>,
    /// Each record's time, and whether event time had passed it when it came.
    seen: CollectHandle<(i64, bool)>,
}

/// Says whether a record is late.
struct Judge;

impl KeyedProcessFunction<u8, i64, (i64, bool)> for Judge {
    fn open(&mut self, _: &mut KeyedStore<u8>) -> Result<(), BoxError> {
        Ok(())
    }

    fn process(
        &mut self,
        time: i64,
        context: &mut KeyedContext<'_, u8, (i64, bool)>,
    ) -> Result<(), BoxError> {
        context.emit((time, context.current_watermark() >= Timestamp::from_millis(time)));
        Ok(())
    }
}

fn start(folder: &Path, parallelism: u32, restore: RestoreFrom, records: u64) -> Running {
    let env = StreamEnvironment::new();
    env.set_records_in_flight(1).set_parallelism(parallelism);
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(5),
        restore,
        ..CheckpointSettings::in_folder(folder)
    });
    let (gate, late_ones) = (Gate::new(0, records), OutputTag::<i64>::new("late"));
    let strategy = WatermarkStrategy::monotonous()
        .with_timestamp_assigner(|time: &i64, _| Timestamp::from_millis(*time));
    let times = env.source(gate).parallelism(1).map(|n| TIMES[n as usize]).parallelism(1);
    let times = times.assign_timestamps_and_watermarks(strategy).parallelism(1).key_by(|_| 0u8);
    let windows = times.window(TumblingEventTime::of(millis(10))).side_output_late_data(&late_ones);
    let windows = windows.aggregate(Times).uid("windows");
    let (sink, late) = Collect::new();
    windows.side_output(&late_ones).sink_to(sink).parallelism(1);
    let (sink, emitted) = Collect::new();
    windows.sink_to(sink).parallelism(1);
    let (sink, seen) = Collect::new();
    times.process(|| Judge).uid("judge").sink_to(sink).parallelism(1);
    let job = env.start("late").unwrap();
    Running { job, windows: emitted, late, seen }
}

/// The times in a window.
struct Times;

impl AggregateFunction<i64> for Times {
    type Acc = Vec<i64>;
    type Out = Vec<i64>;

    fn create_accumulator(&self) -> Vec<i64> {
        Vec::new()
    }

    fn add(&self, held: &mut Vec<i64>, time: i64) {
        held.push(time);
    }

    fn get_result(&self, held: &Vec<i64>) -> Vec<i64> {
        held.clone()
    }

    fn merge(&self, mut left: Vec<i64>, right: Vec<i64>) -> Vec<i64> {
        left.extend(right);
        left
    }
}

/// The first so many results.
fn first<T: Clone>(results: &CollectHandle<T>, count: usize) -> Vec<T> {
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(results.take());
        std::thread::yield_now();
    }
    found
}

#[test]
fn a_record_that_comes_after_a_restore_is_late_by_what_event_time_had_reached_before() {
    for parallelism in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let before = start(folder.path(), 1, RestoreFrom::Nothing, 2);
        assert_eq!(first(&before.windows, 1), [vec![1]]);
        assert_eq!(first(&before.seen, 2), [(1, false), (25, false)]);
        let savepoint = before.job.savepoint().unwrap();
        before.job.cancel();
        assert!(before.job.wait().unwrap_err().is_cancelled());

        let after = start(folder.path(), parallelism, RestoreFrom::Named(savepoint), 4);
        assert_eq!(first(&after.windows, 1), [vec![25]], "the window of 3 is gone, that of 25 is not");
        assert_eq!(first(&after.late, 1), [3]);
        assert_eq!(first(&after.seen, 2), [(3, true), (40, false)]);
        after.job.cancel();
        assert!(after.job.wait().unwrap_err().is_cancelled());
    }
}
