//! Programs that are left and taken up again. (Real kills: `tests/pipelines/tests/killed_batches.rs`.)

use std::fs;
use std::path::Path;

use millstream_model::error::Result;

use super::*;

type Each = std::sync::mpsc::Sender<(i64, Vec<(String, u64)>)>;

/// A program that counts words of files, on this clock; each batch tells its second and its counts.
fn counting(folder: &Path, clock: &ManualClock, each: Each) -> Result<StreamingContext> {
    counting_in(2, folder, clock, each)
}

fn counting_in(slots: usize, folder: &Path, clock: &ManualClock, each: Each) -> Result<StreamingContext> {
    let context = Context::builder().parallelism(slots).build()?;
    let batches = StreamingContext::builder(&context, seconds(1)).manual_clock(clock).build();
    let words = batches.text_file_stream(folder.join("in")).map(|line| (line.to_string(), 1u64));
    let totals = words.update_state_by_key(|new: Vec<u64>, total: Option<u64>| {
        Some(total.unwrap_or(0) + new.iter().sum::<u64>())
    });
    // With an inverse the same sums are a window of all batches.
    let window =
        words.reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, seconds(3600), seconds(1));
    let both = totals.join(&window).map(|(word, (total, sum))| {
        assert_eq!(total, sum, "{word}");
        (word, total)
    });
    both.foreach_rdd_with_time(move |rdd, time| {
        let mut counts = rdd.collect()?;
        counts.sort();
        let _told = each.send((time.millis() / 1000, counts));
        Ok(())
    });
    Ok(batches)
}

fn put(folder: &Path, name: &str, text: &str) {
    let open = folder.join("in").join(format!(".{name}"));
    fs::write(&open, text).unwrap();
    fs::rename(open, folder.join("in").join(name)).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    folder
}

fn counts(pairs: &[(&str, u64)]) -> Vec<(String, u64)> {
    pairs.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
}

#[test]
fn a_program_goes_on_with_its_state_and_the_times_that_have_passed() {
    let folder = folder();
    let at = folder.path();
    let (clock, checkpoints) = (ManualClock::new(Timestamp::from_millis(0)), at.join("checkpoints"));
    let (each, seen) = channel();
    let first = StreamingContext::get_or_create(&checkpoints, || counting(at, &clock, each.clone())).unwrap();
    first.start().unwrap();
    put(at, "one", "a\nb\na\n");
    clock.advance(seconds(2));
    first.await_batches(2).unwrap();
    first.stop(Stop::Now).unwrap();
    drop(first);
    assert_eq!(seen.try_iter().last(), Some((2, counts(&[("a", 2), ("b", 1)]))));

    put(at, "two", "b\nc\n");
    clock.advance(seconds(3));
    // With other task slots: what is carried is dealt out anew.
    let again = StreamingContext::get_or_create(&checkpoints, || counting_in(3, at, &clock, each)).unwrap();
    again.start().unwrap();
    again.await_batches(3).unwrap();
    let after = counts(&[("a", 2), ("b", 2), ("c", 1)]);
    assert_eq!(
        seen.try_iter().collect::<Vec<_>>(),
        [(3, after.clone()), (4, after.clone()), (5, after)],
        "what came meanwhile is in the first batch"
    );
}

#[test]
fn a_batch_that_failed_is_processed_again_with_the_files_it_had() {
    let folder = folder();
    let at = folder.path();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let program = |fails: bool| {
        let clock = &clock;
        move || {
            let context = Context::builder().parallelism(2).build()?;
            let batches = StreamingContext::builder(&context, seconds(1)).manual_clock(clock).build();
            let lines = batches.text_file_stream(at.join("in"));
            lines.save_as_text_files(at.join("out").to_str().unwrap(), "");
            lines.foreach_rdd(move |_| {
                if fails { Err(millstream_model::error::Failure::user("the lamp is out")) } else { Ok(()) }
            });
            Ok(batches)
        }
    };
    let first = StreamingContext::get_or_create(at.join("checkpoints"), program(true)).unwrap();
    first.start().unwrap();
    put(at, "one", "a\n");
    clock.advance(seconds(1));
    assert!(first.await_termination().unwrap_err().to_string().contains("the lamp is out"));
    drop(first);
    // What is left of the batch is taken away first.
    fs::write(at.join("out-1000/part-00007"), "left").unwrap();
    put(at, "two", "b\n");
    let again = StreamingContext::get_or_create(at.join("checkpoints"), program(false)).unwrap();
    again.start().unwrap();
    again.await_batches(1).unwrap();
    clock.advance(seconds(1));
    again.await_batches(2).unwrap();
    let read = |name: &str| fs::read_to_string(at.join(name)).unwrap();
    assert_eq!((read("out-1000/part-00000"), read("out-2000/part-00000")), ("a\n".into(), "b\n".into()));
    assert!(!at.join("out-1000/part-00007").exists());
}

#[test]
fn without_get_or_create_a_program_begins_anew() {
    let folder = folder();
    let at = folder.path();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    for name in ["one", "two"] {
        let (each, seen) = channel();
        let program = counting(at, &clock, each).unwrap();
        program.checkpoint(at.join("checkpoints"));
        program.start().unwrap();
        put(at, name, "a\n");
        clock.advance(seconds(1));
        program.await_batches(1).unwrap();
        program.stop(Stop::Now).unwrap();
        assert_eq!(seen.try_iter().last().unwrap().1, counts(&[("a", 1)]));
    }
}

/// Whether it starts; if so, it is stopped again.
fn started(batches: &StreamingContext) -> std::result::Result<(), String> {
    batches.start().map_err(|failure| failure.to_string())?;
    batches.stop(Stop::Now).map_err(|failure| failure.to_string())
}

#[test]
fn another_program_is_refused_with_what_both_have() {
    let folder = folder();
    let at = folder.path();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let run = |interval: u64, input: &str, stateful: bool| {
        let batches = StreamingContext::get_or_create(at.join("checkpoints"), || {
            let context = Context::builder().parallelism(1).build()?;
            let batches = StreamingContext::builder(&context, seconds(interval)).manual_clock(&clock).build();
            let pairs = batches.text_file_stream(at.join(input)).map(|line| (line.to_string(), 1u64));
            if stateful {
                pairs.update_state_by_key(|_: Vec<u64>, _: Option<u64>| Some(1u64)).print(0);
            } else {
                pairs.print(0);
            }
            Ok(batches)
        });
        started(&batches.unwrap())
    };
    fs::create_dir(at.join("other")).unwrap();
    run(1, "in", true).unwrap();
    assert!(run(2, "in", true).unwrap_err().contains("its batches are 1000 ms long, here 2000 ms"));
    let error = run(1, "other", true).unwrap_err();
    assert!(error.contains("its inputs are the files that appear in"), "{error}");
    let error = run(1, "in", false).unwrap_err();
    assert!(
        error.contains("its operations that carry something on are update_state_by_key, here"),
        "{error}"
    );
    run(1, "in", true).unwrap();
}

#[test]
fn a_queue_cannot_be_taken_up_again() {
    let folder = folder();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let run = || {
        let batches = StreamingContext::get_or_create(folder.path().join("checkpoints"), || {
            let context = Context::builder().parallelism(1).build()?;
            let batches = StreamingContext::builder(&context, seconds(1)).manual_clock(&clock).build();
            queued(&batches, &[&[1]]).print(0);
            Ok(batches)
        });
        started(&batches.unwrap())
    };
    run().unwrap();
    let error = run().unwrap_err();
    assert!(error.contains("a queue of Rdds cannot be taken up again"), "{error}");
}

#[test]
fn two_programs_cannot_have_one_folder() {
    let folder = folder();
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let (each, _seen) = channel();
    let checkpoints = folder.path().join("checkpoints");
    let make =
        || StreamingContext::get_or_create(&checkpoints, || counting(folder.path(), &clock, each.clone()));
    let first = make().unwrap();
    first.start().unwrap();
    let error = make().unwrap().start().unwrap_err().to_string();
    assert!(error.contains("is in use by process"), "{error}");
}
