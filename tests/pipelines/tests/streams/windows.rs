//! Windows of ten milliseconds in event time, one in processing time, late records, batch mode.

use millstream::connectors::collect::Collect;
use millstream::connectors::discard::Discard;
use millstream::time::{Timestamp, days, millis};
use millstream::{
    AggregateFunction, BoxError, DataStream, KeyedStream, Mode, OutputTag, ProcessWindowFunction,
    StreamEnvironment, TimeWindow, TumblingEventTime, TumblingProcessingTime, WatermarkStrategy,
    WindowOutput, WindowedStream,
};

use super::event_time::one_by_one;
use super::{refusal, sorted};

/// A key, a time and a value.
type Row = (char, i64, u32);

const ROWS: [Row; 7] =
    [('a', 1, 1), ('a', 5, 2), ('a', 12, 4), ('a', 3, 8), ('a', 25, 16), ('a', 4, 32), ('a', 14, 64)];

fn keyed(env: &StreamEnvironment, rows: &[Row]) -> KeyedStream<char, Row> {
    let strategy =
        WatermarkStrategy::monotonous().with_timestamp_assigner(|row: &Row, _| Timestamp::from_millis(row.1));
    let rows = env.from_collection(rows.to_vec()).rebalance();
    rows.assign_timestamps_and_watermarks(strategy).key_by(|row| row.0).boxed()
}

fn tens(rows: &KeyedStream<char, Row>) -> WindowedStream<char, Row> {
    rows.window(TumblingEventTime::of(millis(10)))
}

fn add(held: Row, row: Row) -> Row {
    (held.0, held.1, held.2 + row.2)
}

fn values(stream: &DataStream<Row>) -> Vec<u32> {
    stream.execute_and_collect("windows").unwrap().into_iter().map(|row| row.2).collect()
}

#[test]
fn a_window_gives_one_result_a_key_when_event_time_passes_its_end_and_drops_late_records() {
    assert_eq!(values(&tens(&keyed(&one_by_one(), &ROWS)).reduce(add)), [3, 4, 16]);
}

#[test]
fn a_record_within_the_allowed_lateness_gives_a_new_result() {
    let windows = tens(&keyed(&one_by_one(), &ROWS)).allowed_lateness(millis(10));
    assert_eq!(values(&windows.reduce(add)), [3, 11, 4, 68, 16]);
}

#[test]
fn records_behind_the_allowed_lateness_go_to_the_side_output_with_their_times() {
    let late = OutputTag::<Row>::new("late");
    let windows =
        tens(&keyed(&one_by_one(), &ROWS)).allowed_lateness(millis(10)).side_output_late_data(&late);
    let sums = windows.reduce(add);
    let (sink, on_time) = Collect::new();
    sums.sink_to(sink);
    assert_eq!(sums.side_output(&late).execute_and_collect("late").unwrap(), [('a', 4, 32)]);
    assert_eq!(on_time.take().into_iter().map(|row| row.2).collect::<Vec<_>>(), [3, 11, 4, 68, 16]);
}

/// The mean of the values.
struct Mean;

impl AggregateFunction<Row> for Mean {
    type Acc = (u32, u32);
    type Out = f64;

    fn create_accumulator(&self) -> (u32, u32) {
        (0, 0)
    }

    fn add(&self, held: &mut (u32, u32), row: Row) {
        *held = (held.0 + row.2, held.1 + 1);
    }

    fn get_result(&self, held: &(u32, u32)) -> f64 {
        f64::from(held.0) / f64::from(held.1)
    }

    fn merge(&self, left: (u32, u32), right: (u32, u32)) -> (u32, u32) {
        (left.0 + right.0, left.1 + right.1)
    }
}

#[test]
fn an_aggregate_gives_its_result_and_gives_it_anew_for_a_late_record() {
    let found = tens(&keyed(&one_by_one(), &ROWS)).aggregate(Mean).execute_and_collect("means").unwrap();
    assert_eq!(found, [1.5, 4.0, 16.0]);
    let windows = tens(&keyed(&one_by_one(), &ROWS)).allowed_lateness(millis(10));
    let found = windows.aggregate(Mean).execute_and_collect("means").unwrap();
    assert_eq!(found, [1.5, 11.0 / 3.0, 4.0, 34.0, 16.0]);
}

/// Lists the values of a window.
struct Listing;

impl ProcessWindowFunction<char, Row, String> for Listing {
    fn process(
        &self,
        key: &char,
        window: &TimeWindow,
        rows: &[Row],
        output: &mut WindowOutput<'_, String>,
    ) -> Result<(), BoxError> {
        if rows.iter().any(|row| row.2 == 13) {
            return Err("13 brings bad luck".into());
        }
        let values: Vec<u32> = rows.iter().map(|row| row.2).collect();
        output.emit(format!("{key} {}..{} {values:?}", window.start.millis(), window.end.millis()));
        Ok(())
    }
}

#[test]
fn a_process_sees_the_key_the_window_and_its_records_in_order() {
    let found = tens(&keyed(&one_by_one(), &ROWS)).process(Listing).execute_and_collect("lists").unwrap();
    assert_eq!(found, ["a 0..10 [1, 2]", "a 10..20 [4]", "a 20..30 [16]"]);
    let windows = tens(&keyed(&one_by_one(), &ROWS)).allowed_lateness(millis(10));
    let found = windows.process(Listing).execute_and_collect("lists").unwrap();
    let expected =
        ["a 0..10 [1, 2]", "a 0..10 [1, 2, 8]", "a 10..20 [4]", "a 10..20 [4, 64]", "a 20..30 [16]"];
    assert_eq!(found, expected);
}

#[test]
fn an_error_of_a_window_function_names_the_operator() {
    let env = one_by_one();
    tens(&keyed(&env, &[('a', 1, 13)])).process(Listing).name("lists").sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("operator `lists`") && error.contains("13 brings bad luck"), "{error}");
}

#[test]
fn windows_may_begin_with_an_offset() {
    let windows = keyed(&one_by_one(), &ROWS).window(TumblingEventTime::of(millis(10)).offset(millis(5)));
    let found = windows.process(Listing).execute_and_collect("offset").unwrap();
    assert_eq!(found, ["a -5..5 [1]", "a 5..15 [2, 4]", "a 25..35 [16]"]);
}

#[test]
fn results_have_the_time_of_the_last_moment_of_their_window_for_windows_behind_them() {
    let sums = tens(&keyed(&one_by_one(), &ROWS)).reduce(add);
    let wider = sums.key_by(|row| row.0).window(TumblingEventTime::of(millis(20)));
    assert_eq!(values(&wider.reduce(add)), [7, 16]);
}

#[test]
fn a_window_by_the_clock_gives_what_is_in_it_at_the_end_of_the_input() {
    let env = StreamEnvironment::new();
    let rows = env.from_collection(ROWS.to_vec()).key_by(|row| row.0).boxed();
    // From the epoch to long after today: no clock passes its end during the test.
    let window = || rows.window(TumblingProcessingTime::of(days(40_000)));
    let (sums, means) = (Collect::new(), Collect::new());
    window().reduce(add).sink_to(sums.0);
    window().aggregate(Mean).sink_to(means.0);
    let lists = window().process(Listing).execute_and_collect("clock").unwrap();
    assert!(lists[0].ends_with("[1, 2, 4, 8, 16, 32, 64]") && lists.len() == 1, "{lists:?}");
    assert_eq!(sums.1.take(), [('a', 1, 127)]);
    assert_eq!(means.1.take(), [127.0 / 7.0]);
}

#[test]
fn a_window_by_the_clock_gives_its_records_when_the_clock_has_passed_it() {
    use millstream::connectors::generator::Generator;
    let env = StreamEnvironment::new();
    let numbers = env.source(Generator::new(|n| ('a', n as i64, 1), None).rate(2_000.0));
    let counts = numbers.key_by(|row: &Row| row.0).window(TumblingProcessingTime::of(millis(5))).reduce(add);
    let (sink, found) = Collect::new();
    counts.sink_to(sink);
    let job = env.start("clock").unwrap();
    let mut windows: Vec<Row> = Vec::new();
    while windows.len() < 3 {
        windows.extend(found.take());
        std::thread::yield_now();
    }
    job.stop();
    assert!(job.wait().unwrap().stopped);
    windows.extend(found.take());
    // Each window begins with the number at which the one before ended: nothing is lost, nothing twice.
    let mut next = 0;
    for (_, first, count) in windows {
        assert_eq!(first, next);
        next += i64::from(count);
    }
}

#[test]
fn in_batch_mode_no_record_is_late_and_each_window_gives_one_result_a_key() {
    let env = one_by_one();
    env.set_mode(Mode::Batch);
    let rows = [&ROWS[..], &[('b', 2, 100), ('b', 1, 200)]].concat();
    let windows = keyed(&env, &rows).window(TumblingEventTime::of(millis(10))).process(Listing);
    let expected = ["a 0..10 [1, 2, 8, 32]", "a 10..20 [4, 64]", "a 20..30 [16]", "b 0..10 [100, 200]"];
    assert_eq!(sorted(&windows), expected);
}

#[test]
fn records_without_times_are_refused_with_what_to_do() {
    let env = StreamEnvironment::new();
    let rows = env.from_collection(ROWS.to_vec()).key_by(|row| row.0);
    rows.window(TumblingEventTime::of(millis(10))).reduce(add).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("given a record without an event time"), "{error}");
    assert!(error.contains(".assign_timestamps_and_watermarks("), "{error}");
}
