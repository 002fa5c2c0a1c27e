//! Event time: whose times, which watermarks, and inputs that fall silent.

use std::time::Duration;

use millstream::connectors::collect::Collect;
use millstream::connectors::generator::Generator;
use millstream::time::{Timestamp, millis};
use millstream::{
    BoxError, DataStream, ProcessContext, ProcessFunction, StreamEnvironment, TumblingEventTime,
    WatermarkGenerator, WatermarkStrategy,
};

/// An environment in which every record behind an exchange is a batch of its own, so that watermarks stand between.
pub(crate) fn one_by_one() -> StreamEnvironment {
    let env = StreamEnvironment::new();
    env.set_records_in_flight(1);
    env
}

/// Tells of each record its time and how far event time had come.
struct Tell;

impl ProcessFunction<i64, (i64, Option<i64>, i64)> for Tell {
    fn process(
        &mut self,
        record: i64,
        context: &mut ProcessContext<'_, (i64, Option<i64>, i64)>,
    ) -> Result<(), BoxError> {
        context.emit((
            record,
            context.timestamp().map(Timestamp::millis),
            context.current_watermark().millis(),
        ));
        Ok(())
    }
}

const BEFORE: i64 = i64::MIN;

fn told(strategy: WatermarkStrategy<i64>, records: &[i64]) -> Vec<(i64, Option<i64>, i64)> {
    let env = one_by_one();
    let records = env.from_collection(records.to_vec()).rebalance();
    records.assign_timestamps_and_watermarks(strategy).process(|| Tell).execute_and_collect("told").unwrap()
}

fn own_time(strategy: WatermarkStrategy<i64>) -> WatermarkStrategy<i64> {
    strategy.with_timestamp_assigner(|record, _| Timestamp::from_millis(*record))
}

#[test]
fn monotonous_times_have_watermarks_right_behind_them() {
    let found = told(own_time(WatermarkStrategy::monotonous()), &[10, 20, 30]);
    assert_eq!(found, [(10, Some(10), BEFORE), (20, Some(20), 9), (30, Some(30), 19)]);
}

#[test]
fn out_of_order_times_have_watermarks_that_keep_their_distance_and_never_go_back() {
    let found = told(own_time(WatermarkStrategy::bounded_out_of_orderness(millis(5))), &[10, 30, 12, 31]);
    assert_eq!(found, [(10, Some(10), BEFORE), (30, Some(30), 4), (12, Some(12), 24), (31, Some(31), 24)]);
}

#[test]
fn without_watermarks_event_time_stands_still() {
    let found = told(own_time(WatermarkStrategy::no_watermarks()), &[10, 20]);
    assert_eq!(found, [(10, Some(10), BEFORE), (20, Some(20), BEFORE)]);
}

/// A record that ends with a zero says that event time has come to it.
#[derive(Default)]
struct Punctuated(Option<Timestamp>);

impl WatermarkGenerator<i64> for Punctuated {
    fn on_event(&mut self, record: &i64, time: Timestamp) {
        if record % 10 == 0 {
            self.0 = Some(time);
        }
    }

    fn current_watermark(&mut self) -> Option<Timestamp> {
        self.0
    }
}

#[test]
fn a_generator_of_ones_own_decides_on_watermarks() {
    let found = told(own_time(WatermarkStrategy::for_generator(Punctuated::default)), &[9, 10, 11, 12]);
    assert_eq!(found, [(9, Some(9), BEFORE), (10, Some(10), BEFORE), (11, Some(11), 10), (12, Some(12), 10)]);
}

#[test]
fn times_can_be_assigned_anew_out_of_those_there_were() {
    let env = one_by_one();
    let timed = env
        .from_collection([1, 2])
        .assign_timestamps_and_watermarks(own_time(WatermarkStrategy::no_watermarks()));
    let later = WatermarkStrategy::no_watermarks()
        .with_timestamp_assigner(|_: &i64, before: Timestamp| before + millis(100));
    let found =
        timed.assign_timestamps_and_watermarks(later).process(|| Tell).execute_and_collect("anew").unwrap();
    assert_eq!(found, [(1, Some(101), BEFORE), (2, Some(102), BEFORE)]);
}

/// Windows of ten milliseconds over the numbers of a generator, which are their own times, and a silent stream.
fn with_silence(silence: impl FnOnce(&DataStream<i64>) -> DataStream<i64>) -> DataStream<i64> {
    let env = one_by_one();
    let numbers = env.source(Generator::new(|n| n as i64, None).rate(2_000.0));
    let numbers = numbers.assign_timestamps_and_watermarks(own_time(WatermarkStrategy::monotonous()));
    let silent = env.source(Generator::new(|n| n as i64, None).rate(1.0)).filter(|_| false);
    let all = numbers.union(&silence(&silent));
    all.key_by(|_| 0u8).window(TumblingEventTime::of(millis(10))).reduce(|a, b| a + b)
}

#[test]
fn event_time_goes_on_without_an_input_that_is_idle() {
    let windows = with_silence(|silent| {
        let strategy = WatermarkStrategy::monotonous().with_idleness(Duration::from_millis(10));
        silent.assign_timestamps_and_watermarks(own_time(strategy))
    });
    let (sink, found) = Collect::new();
    windows.sink_to(sink);
    let job = windows.environment().start("idle").unwrap();
    let mut sums = Vec::new();
    while sums.len() < 3 {
        sums.extend(found.take());
        std::thread::yield_now();
    }
    job.cancel();
    assert!(job.wait().unwrap_err().is_cancelled());
    assert_eq!(sums[..3], [45, 145, 245]);
}

#[test]
fn the_least_watermark_of_several_inputs_counts() {
    let env = one_by_one();
    let strategy = || own_time(WatermarkStrategy::monotonous());
    let fast = env.from_collection([1_000, 2_000]).assign_timestamps_and_watermarks(strategy());
    let slow = env.from_collection([1, 2]).assign_timestamps_and_watermarks(strategy());
    let found = fast.union(&slow).process(|| Tell).execute_and_collect("least").unwrap();
    let slow_seen: Vec<_> = found.iter().filter(|told| told.0 < 100).collect();
    assert!(slow_seen.iter().all(|told| told.2 < told.0), "none was late: {found:?}");
}
