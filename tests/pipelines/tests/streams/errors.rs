//! Functions that give errors: what is said, what is left out, and what fails in any case.

use millstream::connectors::collect::Collect;
use millstream::connectors::discard::Discard;
use millstream::connectors::files::TextFiles;
use millstream::state::keyed::KeyedStore;
use millstream::time::{Timestamp, millis};
use millstream::{
    BoxError, JobHandle, JobStatus, KeyedContext, KeyedProcessFunction, OnError, OnTimerContext, OutputTag,
    ProcessContext, ProcessFunction, Rejected, StreamEnvironment, WatermarkStrategy,
};

use super::{refusal, sorted};

/// A file of numbers, the third and the fifth line of which are none.
fn numbers() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.txt");
    std::fs::write(&path, "1\n2\nthree\n4\nfive\n6\n").unwrap();
    (folder, path.display().to_string())
}

fn wait(job: &JobHandle) {
    while job.status() == JobStatus::Running {
        std::thread::yield_now();
    }
}

#[test]
fn an_error_says_who_where_why_and_how_to_go_on() {
    let (_folder, path) = numbers();
    let env = StreamEnvironment::new();
    let lines = env.source(TextFiles::read(path));
    lines.try_map(|line| Ok(line.parse::<u32>()?)).name("parse").sink_to(Discard::new());
    let error = refusal(&env);
    for part in [
        "operator `parse` (uid parse, subtask 1 of 1) failed at",
        "numbers.txt, line 3",
        "invalid digit found in string",
        "to go on without such records: .on_error(OnError::Skip), counted in the metric records_skipped",
    ] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn skipped_records_are_left_out_and_counted() {
    let (_folder, path) = numbers();
    let env = StreamEnvironment::new();
    let (sink, found) = Collect::new();
    let parsed = env.source(TextFiles::read(path)).try_map(|line| Ok(line.parse::<u32>()?));
    parsed.on_error(OnError::Skip).sink_to(sink);
    let job = env.start("skip").unwrap();
    wait(&job);
    let counts = &job.metrics().operators[1];
    assert_eq!((counts.records_in, counts.records_out, counts.records_skipped), (6, 4, 2));
    job.wait().unwrap();
    assert_eq!(found.take(), [1, 2, 4, 6]);
}

#[test]
fn rejected_records_go_to_a_side_output_with_their_error_and_place() {
    let (_folder, path) = numbers();
    let env = StreamEnvironment::new();
    let bad = OutputTag::<Rejected<millstream::Text>>::new("bad lines");
    let parsed = env.source(TextFiles::read(path)).try_map(|line| Ok(line.parse::<u32>()?));
    let parsed = parsed.on_error(OnError::side_output(&bad));
    let (good_sink, good) = Collect::new();
    parsed.sink_to(good_sink);
    let told = parsed.side_output(&bad).map(|bad: Rejected<millstream::Text>| {
        let place = bad.position.map(|position| position.first);
        (bad.record.to_string(), bad.error, place)
    });
    let expected = [("three", 3), ("five", 5)]
        .map(|(record, line)| (record.to_owned(), "invalid digit found in string".to_owned(), Some(line)));
    assert_eq!(told.execute_and_collect("side").unwrap(), expected);
    assert_eq!(good.take(), [1, 2, 4, 6]);
}

#[test]
fn filters_and_flat_maps_can_give_errors_too() {
    let odd = |n: u64| -> Result<u64, BoxError> { if n % 2 == 1 { Err("odd".into()) } else { Ok(n) } };
    let env = StreamEnvironment::new();
    let kept = env.from_sequence(1, 8).try_filter(move |n| Ok(odd(*n)? > 2)).on_error(OnError::Skip);
    assert_eq!(sorted(&kept), [4, 6, 8]);
    let env = StreamEnvironment::new();
    let twice = env.from_sequence(1, 4).try_flat_map(move |n| odd(n).map(|n| [n, n])).on_error(OnError::Skip);
    assert_eq!(sorted(&twice), [2, 2, 4, 4]);
    let env = StreamEnvironment::new();
    env.from_sequence(1, 4).try_filter(move |n| Ok(odd(*n)? > 2)).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("operator `try_filter`") && error.contains("record 1"), "{error}");
}

#[test]
fn a_panic_fails_the_job_even_where_errors_are_skipped() {
    let env = StreamEnvironment::new();
    let halves = env.from_sequence(0, 9).try_map(|n| Ok(if n == 5 { panic!("five") } else { n }));
    halves.on_error(OnError::Skip).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("panicked: five") && error.contains("its record 6"), "{error}");
    assert!(!error.contains("OnError::Skip"), "{error}");
}

/// Emits twice, the second time only where the record is even.
struct HalfWay;

impl ProcessFunction<u64, u64> for HalfWay {
    fn process(&mut self, record: u64, context: &mut ProcessContext<'_, u64>) -> Result<(), BoxError> {
        context.emit(record);
        if record % 2 == 1 {
            return Err("odd".into());
        }
        context.emit(record * 10);
        Ok(())
    }
}

#[test]
fn what_a_process_emitted_before_its_error_stays() {
    let env = StreamEnvironment::new();
    let found = env.from_sequence(1, 4).process(|| HalfWay).on_error(OnError::Skip);
    assert_eq!(found.execute_and_collect("half way").unwrap(), [1, 2, 20, 3, 4, 40]);
}

/// Refuses odd records; its timer always fails.
struct BadTimer {
    has_timer: bool,
}

impl KeyedProcessFunction<u64, u64, u64> for BadTimer {
    fn open(&mut self, _: &mut KeyedStore<u64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn process(&mut self, record: u64, context: &mut KeyedContext<'_, u64, u64>) -> Result<(), BoxError> {
        if record % 2 == 1 {
            return Err("odd".into());
        }
        if self.has_timer {
            context.register_event_time_timer(Timestamp::from_millis(1));
        }
        context.emit(*context.key() * 100 + record);
        Ok(())
    }

    fn on_timer(&mut self, _: Timestamp, _: &mut OnTimerContext<'_, u64, u64>) -> Result<(), BoxError> {
        Err("the bell is broken".into())
    }
}

#[test]
fn a_keyed_process_goes_on_without_records_but_not_without_timers() {
    let keyed = |env: &StreamEnvironment, has_timer| {
        let numbers = env.from_sequence(1, 6);
        let strategy = WatermarkStrategy::bounded_out_of_orderness(millis(0))
            .with_timestamp_assigner(|n: &u64, _| Timestamp::from_millis(*n as i64));
        let keyed = numbers.assign_timestamps_and_watermarks(strategy).key_by(|n| n % 4);
        keyed.process(move || BadTimer { has_timer }).name("ring").on_error(OnError::Skip)
    };
    let env = StreamEnvironment::new();
    assert_eq!(sorted(&keyed(&env, false)), [4, 202, 206]);
    let env = StreamEnvironment::new();
    keyed(&env, true).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("operator `ring`") && error.contains("the bell is broken"), "{error}");
    assert!(!error.contains("OnError::Skip"), "{error}");
}

/// Emits to a side output that is read with another type.
struct WrongSide;

impl ProcessFunction<u64, u64> for WrongSide {
    fn process(&mut self, record: u64, context: &mut ProcessContext<'_, u64>) -> Result<(), BoxError> {
        context.side(&OutputTag::<u64>::new("notes"), record)?;
        Ok(())
    }
}

#[test]
fn a_side_output_read_with_another_type_fails_the_job_even_where_errors_are_skipped() {
    let env = StreamEnvironment::new();
    let odd = env.from_sequence(1, 3).process(|| WrongSide).name("wrong").on_error(OnError::Skip);
    odd.side_output(&OutputTag::<String>::new("notes")).sink_to(Discard::new());
    let error = refusal(&env);
    assert!(error.contains("operator `wrong`"), "{error}");
    assert!(error.contains("side output `notes` is read with another type than `u64`"), "{error}");
}
