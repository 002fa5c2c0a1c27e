//! Every operator, in each of the harness's twelve runs.

use std::sync::Arc;

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{Mode, OnError, Operator, OutputTag, Rejected};
use millstream_model::error::BoxError;
use millstream_model::key::hash::hash_of;
use millstream_model::time::{Timestamp, millis};
use millstream_operators::clock::Clock;
use millstream_operators::event_time::{AssignTimestamps, WatermarkGenerator, WatermarkStrategy};
use millstream_operators::keyed::{KeyedFold, KeyedReduce};
use millstream_operators::step::{Filter, FlatMap, Map, try_filter, try_flat_map, try_map};
use millstream_testkit::harness::{Emitted, Harness, Step, TestClock};

fn at<T>(record: T, time: i64) -> Emitted<T> {
    Emitted { record, time: Some(Timestamp::from_millis(time)) }
}

fn untimed<T>(record: T) -> Emitted<T> {
    Emitted { record, time: None }
}

fn numbers() -> Vec<Step<u64>> {
    vec![Step::RecordAt(1, 10), Step::RecordAt(2, 20), Step::Watermark(15), Step::RecordAt(3, 30), Step::End]
}

#[test]
fn map_keeps_order_and_times() {
    let harness = Harness::new(|_| Box::new(Map::new(Arc::new(|n: u64| n * 2))));
    assert_eq!(harness.run(&numbers()), [at(2, 10), at(4, 20), at(6, 30)]);
    let expected = ["2 at 10", "4 at 20", "watermark 15", "6 at 30", "last watermark", "end"];
    assert_eq!(harness.observe(&numbers()).main, expected);
}

#[test]
fn try_map_keeps_order_and_times() {
    let results = Harness::new(|_| Box::new(try_map(Arc::new(|n: u64| Ok(n + 1))))).run(&numbers());
    assert_eq!(results, [at(2, 10), at(3, 20), at(4, 30)]);
}

/// Odd numbers are refused.
fn even(n: u64) -> Result<u64, BoxError> {
    if n % 2 == 1 { Err(format!("{n} is odd").into()) } else { Ok(n) }
}

#[test]
fn fallible_steps_leave_out_the_records_they_give_errors_for_and_go_on_behind_them() {
    let maps = Harness::new(|_| Box::new(try_map(Arc::new(even))) as Box<dyn Operator<u64, u64>>);
    assert_eq!(maps.on_error(OnError::Skip).run(&numbers()), [at(2, 20)]);
    let keep = |n: &u64| even(*n).map(|n| n > 0);
    let filters = Harness::new(move |_| Box::new(try_filter(Arc::new(keep))) as Box<dyn Operator<u64, u64>>);
    assert_eq!(filters.on_error(OnError::Skip).run(&numbers()), [at(2, 20)]);
    let twice = |n: u64| even(n).map(|n| [n, n]);
    let flat = Harness::new(move |_| Box::new(try_flat_map(Arc::new(twice))) as Box<dyn Operator<u64, u64>>);
    assert_eq!(flat.on_error(OnError::Skip).run(&numbers()), [at(2, 20), at(2, 20)]);
}

#[test]
fn rejected_records_go_to_the_side_output_with_their_error_and_time() {
    let tag = OutputTag::<Rejected<u64>>::new("odd");
    let make = |_: &TestClock, sides: &SharedSides| {
        Box::new(try_map(Arc::new(even)).with_sides(sides.clone())) as Box<dyn Operator<u64, u64>>
    };
    let harness = Harness::with_sides(make).side(&tag).on_error(OnError::side_output(&tag));
    let outputs = harness.observe(&numbers());
    assert_eq!(outputs.main, ["2 at 20", "watermark 15", "last watermark", "end"]);
    let rejected = |n: u64, time: i64| {
        format!("Rejected {{ record: {n}, error: \"{n} is odd\", position: None }} at {time}")
    };
    let expected =
        [rejected(1, 10), "watermark 15".into(), rejected(3, 30), "last watermark".into(), "end".into()];
    assert_eq!(outputs.sides["odd"], expected);
}

#[test]
fn filter_keeps_the_times_of_what_it_keeps() {
    let harness = Harness::new(|_| Box::new(Filter::new(Arc::new(|n: &u64| n % 2 == 1)))).hashed(hash_of);
    assert_eq!(harness.run(&numbers()), [at(1, 10), at(3, 30)]);
}

#[test]
fn flat_map_gives_each_result_the_time_of_its_record() {
    let harness = Harness::new(|_| Box::new(FlatMap::new(Arc::new(|n: u64| 1..n))));
    assert_eq!(harness.run(&numbers()), [at(1, 20), at(1, 30), at(2, 30)]);
    assert_eq!(harness.run(&[Step::Record(2), Step::Record(3)]), [untimed(1), untimed(1), untimed(2)]);
}

fn sums() -> Harness<(u32, u64), (u32, u64)> {
    Harness::new(|_| {
        let (select, add) = (|r: &(u32, u64)| r.0, |a: (u32, u64), b: (u32, u64)| (a.0, a.1 + b.1));
        Box::new(KeyedReduce::new(Arc::new(select), Arc::new(add)))
    })
}

fn pairs() -> Vec<Step<(u32, u64)>> {
    vec![
        Step::Record((1, 5)),
        Step::Record((2, 7)),
        Step::Record((1, 1)),
        Step::Watermark(0),
        Step::Record((2, 2)),
        Step::End,
    ]
}

#[test]
fn a_streaming_reduction_emits_every_update_with_and_without_known_hashes() {
    let updates = [untimed((1, 5)), untimed((2, 7)), untimed((1, 6)), untimed((2, 9))];
    assert_eq!(sums().run(&pairs()), updates);
    assert_eq!(sums().hashed(|pair| hash_of(&pair.0)).run(&pairs()), updates);
}

#[test]
fn a_batch_reduction_emits_each_key_once_at_the_end_and_nothing_again_after_a_restore() {
    let last = [untimed((1, 6)), untimed((2, 9))];
    assert_eq!(sums().mode(Mode::Batch).in_any_order().run(&pairs()), last);
    assert_eq!(sums().mode(Mode::Batch).hashed(|pair| hash_of(&pair.0)).in_any_order().run(&pairs()), last);
}

#[test]
fn a_fold_counts_by_its_own_accumulator() {
    let harness = Harness::new(|_| {
        Box::new(KeyedFold::new(
            |pair: &(u32, u64)| pair.0,
            |_: &(u32, u64)| 1u64,
            |count: &mut u64, _: (u32, u64)| *count += 1,
            |key: u32, count: &u64| format!("{key}: {count}"),
        ))
    });
    let counts = ["1: 1", "2: 1", "1: 2", "2: 2"].map(|count| untimed(count.to_owned()));
    assert_eq!(harness.run(&pairs()), counts);
}

#[test]
fn assigned_times_replace_those_of_the_source() {
    let harness = Harness::new(|clock| {
        let strategy = WatermarkStrategy::bounded_out_of_orderness(millis(5))
            .with_timestamp_assigner(|n: &u64, before| Timestamp::from_millis(before.millis() + *n as i64));
        let clock = clock.clone();
        Box::new(AssignTimestamps::new(strategy).with_clock(Clock::new(move || clock.now())))
    });
    let harness = harness.makes_watermarks();
    assert_eq!(harness.run(&numbers()), [at(1, 11), at(2, 22), at(3, 33)]);
    let expected = [
        "1 at 11",
        "watermark 5",
        "2 at 22",
        "watermark 16",
        "3 at 33",
        "watermark 27",
        "last watermark",
        "end",
    ];
    assert_eq!(harness.observe(&numbers()).main, expected, "the source's watermark 15 is replaced");
}

#[test]
fn in_batch_mode_there_is_no_watermark_but_the_last() {
    let harness = Harness::new(|_| {
        let strategy = WatermarkStrategy::monotonous()
            .with_timestamp_assigner(|n: &u64, _| Timestamp::from_millis(*n as i64));
        Box::new(AssignTimestamps::new(strategy))
    });
    let outputs = harness.mode(Mode::Batch).observe(&numbers());
    assert_eq!(outputs.main, ["1 at 1", "2 at 2", "3 at 3", "last watermark", "end"]);
}

/// A record that is a multiple of ten says that event time has come to its own time.
#[derive(Default)]
struct Punctuated(Option<Timestamp>);

impl WatermarkGenerator<u64> for Punctuated {
    fn on_event(&mut self, record: &u64, time: Timestamp) {
        if record.is_multiple_of(10) {
            self.0 = Some(time);
        }
    }

    fn current_watermark(&mut self) -> Option<Timestamp> {
        self.0
    }
}

#[test]
fn a_generator_of_ones_own_makes_the_watermarks_and_one_that_goes_back_is_dropped() {
    let harness = Harness::new(|_| {
        Box::new(AssignTimestamps::new(WatermarkStrategy::for_generator(Punctuated::default)))
    });
    let records = [(1, 1), (10, 10), (11, 11), (20, 3), (30, 30)];
    let mut script: Vec<_> = records.map(|(record, time)| Step::RecordAt(record, time)).into();
    script.push(Step::End);
    let expected = [
        "1 at 1",
        "10 at 10",
        "watermark 10",
        "11 at 11",
        "20 at 3",
        "30 at 30",
        "watermark 30",
        "last watermark",
        "end",
    ];
    assert_eq!(harness.makes_watermarks().observe(&script).main, expected);
}

#[test]
fn idleness_is_told_in_every_run_in_which_the_operator_is_not_opened_anew() {
    let harness = Harness::new(|clock| {
        let strategy = WatermarkStrategy::monotonous()
            .with_timestamp_assigner(|n: &u64, _| Timestamp::from_millis(*n as i64))
            .with_idleness(millis(10));
        let clock = clock.clone();
        Box::new(AssignTimestamps::new(strategy).with_clock(Clock::new(move || clock.now())))
    });
    let script =
        [Step::Record(5), Step::Clock(10), Step::Clock(20), Step::Clock(30), Step::Record(4), Step::End];
    let expected = ["5 at 5", "watermark 4", "idle", "4 at 4", "watermark 4", "last watermark", "end"];
    assert_eq!(harness.makes_watermarks().observe(&script).main, expected);
}

#[test]
fn a_reduction_goes_on_at_another_parallelism() {
    let before: Vec<_> = (0..20).map(|key| Step::Record((key, 1))).collect();
    let after = [(0..20).map(|key| Step::Record((key, 10))).collect(), vec![Step::End]].concat();
    let harness = sums().mode(Mode::Batch).hashed(|pair| hash_of(&pair.0));
    let mut expected: Vec<_> = (0..20).map(|key| untimed((key, 11))).collect();
    expected.sort_by_cached_key(|result| format!("{result:?}"));
    assert_eq!(harness.rescaled(&before, &after), expected);
}
