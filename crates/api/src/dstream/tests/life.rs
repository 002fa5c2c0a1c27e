//! Start, stop, failure, and what is told of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use millstream_connectors::generator::Generator;
use millstream_connectors::sequence::NumberSequence;
use millstream_model::error::Failure;

use super::*;

fn words_of(result: Result<(), Failure>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_program_without_output_operations_is_refused() {
    let (batches, _) = program();
    queued(&batches, &[&[1]]).map(|n| n + 1);
    let error = batches.start().unwrap_err().to_string();
    assert!(error.starts_with("no output operations registered"), "{error}");
    assert!(error.contains("print, foreach_rdd or save_as_text_files"), "{error}");
}

#[test]
fn an_interval_of_nothing_is_refused() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let batches = StreamingContext::new(&context, Duration::ZERO);
    queued(&batches, &[&[1]]).window(seconds(1), seconds(1)).print(1);
    let error = batches.start().unwrap_err().to_string();
    assert!(error.starts_with("the batch interval is 0ns"), "{error}");
}

#[test]
fn a_program_is_started_once_and_not_again_after_its_stop() {
    let (batches, _) = program();
    queued(&batches, &[&[1]]).print(0);
    assert_eq!(batches.status().phase, Phase::Ready);
    assert!(words_of(batches.await_termination()).contains("was not started"));
    batches.start().unwrap();
    assert_eq!(batches.status().phase, Phase::Running);
    assert!(batches.start().unwrap_err().to_string().contains("started already"));
    batches.stop(Stop::Now).unwrap();
    assert_eq!(batches.status().phase, Phase::Stopped);
    assert!(batches.start().unwrap_err().to_string().contains("cannot be started again"));
    batches.await_termination().unwrap();
}

#[test]
fn a_stop_before_the_start_is_no_error() {
    let (batches, _) = program();
    batches.stop(Stop::Gracefully).unwrap();
    assert!(batches.start().is_err());
}

#[test]
fn what_is_added_after_the_start_ends_the_program() {
    let (batches, clock) = program();
    let numbers = queued(&batches, &[&[1]]);
    numbers.print(0);
    batches.start().unwrap();
    numbers.print(0);
    clock.advance(seconds(1));
    let error = words_of(batches.await_termination());
    assert!(error.starts_with("an output operation was added after start()"), "{error}");
}

#[test]
fn a_panic_in_a_batch_names_the_batch_the_operation_and_the_record() {
    let (batches, clock) = program();
    let numbers = queued(&batches, &[&[1, 2], &[3, 4, 5, 6]]);
    numbers.foreach_rdd(|_| Ok(()));
    numbers.map(|n| if n == 6 { panic!("six is too much") } else { n }).print(10);
    batches.start().unwrap();
    clock.advance(seconds(3));
    let error = words_of(batches.await_termination());
    assert!(
        error.starts_with("output operation 2 of 2, `print`, failed in the batch of 2000 ms (1970-"),
        "{error}"
    );
    assert!(
        error.contains("operator `map` (uid rdd-")
            && error.contains("subtask 2 of 2) failed at its record 2"),
        "{error}"
    );
    assert!(error.contains("caused by: panicked: six is too much"), "{error}");
    assert_eq!(words_of(batches.await_termination()), error, "asked again, it says the same");
    assert_eq!(words_of(batches.stop(Stop::Now)), error);
    assert_eq!(batches.status().completed_batches, 1, "no other batch is begun");
}

#[test]
fn an_error_or_a_panic_of_a_function_of_rdds_ends_the_program_too() {
    let failed = |make: fn(&DStream<i32>)| {
        let (batches, clock) = program();
        make(&queued(&batches, &[&[1]]));
        batches.start().unwrap();
        clock.advance(seconds(1));
        words_of(batches.await_batches(1))
    };
    let error = failed(|numbers| numbers.foreach_rdd(|_| Err(Failure::external("the table is locked"))));
    assert!(error.contains("`foreach_rdd`, failed in the batch of 1000 ms"), "{error}");
    assert!(error.ends_with("caused by: the table is locked"), "{error}");
    let error = failed(|numbers| numbers.foreach_rdd(|_| panic!("no table")));
    assert!(error.ends_with("caused by: panicked: no table"), "{error}");
    let error =
        failed(|numbers| numbers.transform(|_| -> crate::rdd::Rdd<i32> { panic!("no idea") }).print(1));
    assert!(error.ends_with("caused by: panicked: no idea"), "{error}");
}

#[test]
fn waiting_for_the_end_can_be_bounded() {
    let (batches, _) = program();
    queued(&batches, &[&[1]]).print(0);
    batches.start().unwrap();
    let waited = batches.await_termination_or_timeout(Duration::from_millis(1)).unwrap();
    assert_eq!(waited, Termination::TimedOut);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| batches.await_termination_or_timeout(seconds(3600)).unwrap());
        batches.stop(Stop::Now).unwrap();
        assert_eq!(waiting.join().unwrap(), Termination::Ended);
    });
}

#[test]
fn waiting_for_batches_that_never_come_ends_with_the_program() {
    let (batches, clock) = program();
    queued(&batches, &[&[1]]).print(0);
    batches.start().unwrap();
    clock.advance(seconds(2));
    batches.await_batches(2).unwrap();
    batches.stop(Stop::Now).unwrap();
    assert!(words_of(batches.await_batches(3)).contains("after 2 of the 3 batches"));
}

#[test]
fn an_operation_may_ask_for_the_stop_of_its_own_program() {
    let (batches, clock) = program();
    let own = batches.clone();
    queued(&batches, &[&[1], &[2], &[3]]).foreach_rdd_with_time(move |_, time| {
        if time.millis() == 2000 { own.stop(Stop::Now) } else { Ok(()) }
    });
    batches.start().unwrap();
    clock.advance(seconds(3));
    batches.await_termination().unwrap();
    assert_eq!(batches.status().completed_batches, 2);
}

#[test]
fn a_graceful_stop_processes_what_is_queued_and_a_stop_now_drops_it() {
    for (how, processed) in [(Stop::Gracefully, 4), (Stop::Now, 1)] {
        let (batches, clock) = program();
        let (go, gate) = channel::<()>();
        queued(&batches, &[&[1]]).foreach_rdd(move |_| {
            let _open = gate.recv();
            Ok(())
        });
        batches.start().unwrap();
        clock.advance(seconds(4));
        let first = |status: &StreamingStatus| status.processing.map(|batch| batch.time.millis());
        batches
            .batches()
            .progress
            .wait_for_status(|status| status.queued_batches == 3 && first(status) == Some(1000));
        std::thread::scope(|scope| {
            let stopped = scope.spawn(|| batches.stop(how).unwrap());
            batches.batches().progress.wait_for_status(|status| status.phase == Phase::Stopping);
            drop(go);
            stopped.join().unwrap();
        });
        assert_eq!(batches.status().completed_batches, processed);
    }
}

#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, words: String) {
        self.0.lock().unwrap().push(words);
    }
}

impl StreamingListener for Diary {
    fn on_batch_submitted(&self, batch: &BatchInfo) {
        self.note(format!("submitted {}", batch.time.millis()));
    }

    fn on_batch_started(&self, batch: &BatchInfo) {
        self.note(format!("started {}", batch.time.millis()));
    }

    fn on_batch_completed(&self, batch: &BatchInfo) {
        self.note(format!("completed {}", batch.time.millis()));
    }

    fn on_receiver_started(&self, receiver: &str) {
        self.note(format!("{receiver} started"));
    }

    fn on_receiver_stopped(&self, receiver: &str) {
        self.note(format!("{receiver} stopped"));
    }

    fn on_receiver_error(&self, receiver: &str, failure: &Failure) {
        self.note(format!("{receiver} failed: {failure}"));
    }
}

#[test]
fn listeners_are_told_of_each_batch() {
    let (batches, clock) = program();
    let diary = Diary::default();
    batches.add_listener(diary.clone());
    queued(&batches, &[&[1]]).print(0);
    batches.start().unwrap();
    for second in 1..=2 {
        clock.advance(seconds(1));
        batches.await_batches(second).unwrap();
    }
    let expected = [1000, 2000]
        .map(|time| [format!("submitted {time}"), format!("started {time}"), format!("completed {time}")]);
    assert_eq!(*diary.0.lock().unwrap(), expected.concat());
}

#[test]
fn listeners_are_told_of_receivers_how_they_end_too() {
    let (batches, _clock) = program();
    let diary = Diary::default();
    batches.add_listener(diary.clone());
    batches.receiver_stream(NumberSequence::new(1_u64, 3)).print(0);
    batches.start().unwrap();
    batches.wait_for_receiver(0, |receiver| receiver.records_received == 3);
    batches.stop(Stop::Now).unwrap();
    assert_eq!(*diary.0.lock().unwrap(), ["NumberSequence started", "NumberSequence stopped"]);

    let (batches, _clock) = program();
    let diary = Diary::default();
    batches.add_listener(diary.clone());
    let broken = Generator::new(|n| if n == 2 { panic!("no more") } else { n }, Some(3));
    batches.receiver_stream(broken).print(0);
    batches.start().unwrap();
    let error = words_of(batches.await_termination());
    assert_eq!(error, "the receiver Generator failed\n  caused by: panicked: no more");
    assert_eq!(
        *diary.0.lock().unwrap(),
        ["Generator started".to_owned(), format!("Generator failed: {error}")]
    );
}

#[test]
fn two_programs_may_run_on_one_context() {
    let context = Context::builder().parallelism(2).build().unwrap();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let make = || StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).build();
    let (one, other) = (make(), make());
    let (each, sums) = channel();
    for batches in [&one, &other] {
        let each = each.clone();
        let sums = queued(batches, &[&[1, 2], &[3, 4]]).map(|n| (n % 2, n)).reduce_by_key(|a, b| a + b);
        sums.foreach_rdd(move |rdd| {
            each.send(rdd.map(|(_, n)| n).reduce(|a, b| a + b)?).unwrap();
            Ok(())
        });
        batches.start().unwrap();
    }
    clock.advance(seconds(2));
    one.await_batches(2).unwrap();
    other.await_batches(2).unwrap();
    let mut sums: Vec<i32> = sums.try_iter().collect();
    sums.sort();
    assert_eq!(sums, [3, 3, 7, 7]);
}
