//! Windows in each of the harness's twelve runs, and against a simple model.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{Operator, OutputTag};
use millstream_model::error::BoxError;
use millstream_model::key::hash::hash_of;
use millstream_model::time::{Timestamp, millis};
use millstream_operators::clock::Clock;
use millstream_operators::window::{
    AggregateFunction, Aggregating, LateCounter, ProcessWindowFunction, Processing, Reducing, TimeWindow,
    TumblingEventTime, TumblingProcessingTime, WindowAggregate, WindowOutput,
};
use millstream_testkit::harness::{Emitted, Harness, Step, TestClock};

type Pair = (u32, u64);

fn at<T>(record: T, time: i64) -> Emitted<T> {
    Emitted { record, time: Some(Timestamp::from_millis(time)) }
}

fn add(a: Pair, b: Pair) -> Pair {
    (a.0, a.1 + b.1)
}

fn sums(lateness: u64, counter: LateCounter) -> Harness<Pair, Pair> {
    Harness::new(move |_| {
        let windows = TumblingEventTime::of(millis(10));
        let operator = WindowAggregate::new(Arc::new(|r: &Pair| r.0), windows, Reducing(Arc::new(add)));
        Box::new(operator.allowed_lateness(millis(lateness)).late_counter(counter.clone()))
    })
    .in_any_order()
}

fn script() -> Vec<Step<Pair>> {
    vec![
        Step::RecordAt((1, 1), 3),
        Step::RecordAt((2, 10), 9),
        Step::RecordAt((1, 2), 12),
        Step::RecordAt((1, 4), 0),
        Step::Watermark(8),
        Step::RecordAt((1, 8), 5),
        Step::Watermark(9),
        Step::RecordAt((1, 100), 5),
        Step::Watermark(15),
        Step::RecordAt((1, 1000), 5),
        Step::End,
    ]
}

#[test]
fn a_window_emits_when_the_watermark_reaches_its_last_moment_and_drops_later_records() {
    let counter = LateCounter::default();
    let results = sums(0, counter.clone()).run(&script());
    assert_eq!(results, [at((1, 13), 9), at((1, 2), 19), at((2, 10), 9)]);
    assert_eq!(counter.get(), 12 * 2, "two late records in each of the twelve runs");
    assert_eq!(sums(0, counter).hashed(|pair| hash_of(&pair.0)).run(&script()), results);
}

#[test]
fn a_late_record_goes_to_the_side_output_in_every_run_and_stays_late_after_a_restore() {
    let tag = OutputTag::<Pair>::new("late");
    let own = tag.clone();
    let make = move |_: &TestClock, sides: &SharedSides| {
        let windows = TumblingEventTime::of(millis(10));
        let operator = WindowAggregate::new(Arc::new(|r: &Pair| r.0), windows, Reducing(Arc::new(add)));
        Box::new(operator.late_output(sides.clone(), own.clone())) as Box<dyn Operator<Pair, Pair>>
    };
    let outputs = Harness::with_sides(make).side(&tag).in_any_order().observe(&script());
    let expected = [
        "watermark 8",
        "(1, 13) at 9",
        "(2, 10) at 9",
        "watermark 9",
        "watermark 15",
        "(1, 2) at 19",
        "last watermark",
        "end",
    ];
    assert_eq!(outputs.main, expected);
    let late = ["watermark 8", "watermark 9", "(1, 100) at 5", "watermark 15", "(1, 1000) at 5"];
    assert_eq!(outputs.sides["late"], [&late[..], &["last watermark", "end"]].concat());
}

#[test]
fn a_late_record_within_the_allowed_lateness_emits_its_keys_new_result() {
    let counter = LateCounter::default();
    let results = sums(5, counter.clone()).run(&script());
    assert_eq!(results, [at((1, 113), 9), at((1, 13), 9), at((1, 2), 19), at((2, 10), 9)]);
    assert_eq!(counter.get(), 12, "one late record in each of the twelve runs");
}

struct Mean;

impl AggregateFunction<Pair> for Mean {
    type Acc = (u64, u64);
    type Out = f64;

    fn create_accumulator(&self) -> (u64, u64) {
        (0, 0)
    }

    fn add(&self, held: &mut (u64, u64), record: Pair) {
        *held = (held.0 + record.1, held.1 + 1);
    }

    fn get_result(&self, held: &(u64, u64)) -> f64 {
        held.0 as f64 / held.1 as f64
    }

    fn merge(&self, left: (u64, u64), right: (u64, u64)) -> (u64, u64) {
        (left.0 + right.0, left.1 + right.1)
    }
}

#[test]
fn an_aggregate_in_windows_with_an_offset_emits_its_result() {
    let harness = Harness::new(|_| {
        let windows = TumblingEventTime::of(millis(10)).offset(millis(5));
        Box::new(WindowAggregate::new(Arc::new(|r: &Pair| r.0), windows, Aggregating(Arc::new(Mean))))
    });
    let script = [
        Step::RecordAt((1, 1), 4),
        Step::RecordAt((1, 2), 5),
        Step::RecordAt((1, 5), 14),
        Step::Watermark(4),
        Step::End,
    ];
    assert_eq!(harness.run(&script), [at(1.0, 4), at(3.5, 14)]);
}

struct Listing;

impl ProcessWindowFunction<u32, Pair, String> for Listing {
    fn process(
        &self,
        key: &u32,
        window: &TimeWindow,
        records: &[Pair],
        output: &mut WindowOutput<'_, String>,
    ) -> Result<(), BoxError> {
        let values: Vec<u64> = records.iter().map(|record| record.1).collect();
        output.emit(format!("{key} from {}: {values:?}", window.start.millis()));
        Ok(())
    }
}

#[test]
fn a_window_in_processing_time_emits_all_its_records_when_the_clock_has_passed_it() {
    let harness = Harness::new(|clock| {
        let (windows, clock) = (TumblingProcessingTime::of(millis(10)), clock.clone());
        let operator = WindowAggregate::new(Arc::new(|r: &Pair| r.0), windows, Processing(Arc::new(Listing)));
        Box::new(operator.with_clock(Clock::new(move || clock.now())))
    });
    let script = [
        Step::Record((1, 3)),
        Step::Clock(9),
        Step::Record((1, 1)),
        Step::Clock(10),
        Step::Record((1, 2)),
        Step::End,
    ];
    let expected = [at("1 from 0: [3, 1]".to_owned(), 9), at("1 from 10: [2]".to_owned(), 19)];
    assert_eq!(harness.run(&script), expected);
}

#[test]
fn windows_of_shuffled_records_hold_what_a_simple_model_says() {
    // A small generator of one's own makes the same records each time.
    let mut state = 7u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut script, mut model, mut watermark) = (Vec::new(), BTreeMap::<(i64, u32), u64>::new(), -1i64);
    for _ in 0..300 {
        let (key, value, time) = (next(4) as u32, next(100), next(200) as i64 - 20);
        let end = time.div_euclid(10) * 10 + 9;
        script.push(Step::RecordAt((key, value), time));
        if end > watermark {
            *model.entry((end, key)).or_default() += value;
        }
        if next(10) == 0 {
            watermark += next(8) as i64;
            script.push(Step::Watermark(watermark));
        }
    }
    script.insert(0, Step::Watermark(-1));
    script.push(Step::End);
    let mut expected: Vec<_> = model.into_iter().map(|((end, key), sum)| at((key, sum), end)).collect();
    expected.sort_by_cached_key(|result| format!("{result:?}"));
    assert_eq!(sums(0, LateCounter::default()).run(&script), expected);
}

#[test]
fn windows_go_on_at_another_parallelism_and_late_records_stay_late() {
    let counter = LateCounter::default();
    let harness = sums(0, counter.clone()).hashed(|pair| hash_of(&pair.0));
    let before: Vec<_> = (0..20).flat_map(|key| [1, 12].map(|time| Step::RecordAt((key, 1), time))).collect();
    let before = [before, vec![Step::Watermark(9)]].concat();
    let after: Vec<_> = (0..20).flat_map(|key| [2, 13].map(|time| Step::RecordAt((key, 10), time))).collect();
    let after = [after, vec![Step::End]].concat();
    let mut expected: Vec<_> = (0..20).flat_map(|key| [at((key, 1), 9), at((key, 11), 19)]).collect();
    expected.sort_by_cached_key(|result| format!("{result:?}"));
    assert_eq!(harness.rescaled(&before, &after), expected);
    assert_eq!(counter.get(), 20);
}
