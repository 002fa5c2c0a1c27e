//! The sources made of numbers, and the simple sinks, under the conformance suite.

use std::time::Instant;

use millstream_dataflow::source::{Boundedness, Source};
use millstream_testkit::conformance::{Run, check_idle, check_sink, check_source};

use crate::collect::Collect;
use crate::collection::Collection;
use crate::generator::Generator;
use crate::sequence::NumberSequence;

#[test]
fn a_collection_is_read_exactly_once() {
    for size in [0, 1, 2500] {
        let elements: Vec<u32> = (0..size).collect();
        check_source(|| Collection::new(elements.clone()), &elements);
    }
}

#[test]
fn a_sequence_has_both_its_ends() {
    check_source(|| NumberSequence::new(-3_i64, 1500), &(-3..=1500).collect::<Vec<_>>());
    check_source(|| NumberSequence::new(u64::MAX - 1, u64::MAX), &[u64::MAX - 1, u64::MAX]);
    check_source(|| NumberSequence::new(2_u64, 1), &[]);
}

#[test]
fn a_generator_gives_each_record_once_with_and_without_a_rate() {
    check_source(|| Generator::new(|n| n * 2, Some(3000)), &(0..3000).map(|n| n * 2).collect::<Vec<_>>());
    check_source(|| Generator::new(|n| n, Some(20)).rate(2000.0), &(0..20).collect::<Vec<_>>());
}

#[test]
fn a_generator_takes_its_settings_and_refuses_what_is_none() {
    let ten = || Generator::new(|n| n, None).set("count", "10").set("rate", "2000");
    assert_eq!(ten().boundedness(), Boundedness::Bounded);
    check_source(ten, &(0..10).collect::<Vec<_>>());
    check_idle(&Generator::new(|n| n, None).set("rate", "0.001"));
    for (generator, said) in [
        (
            Generator::new(|n| n, None).rate(0.0),
            "setting `rate` is `0` (in the program), but must be a number from 0.000001 on",
        ),
        (Generator::new(|n| n, None).rate(-1.0), "setting `rate` is `-1`"),
        (Generator::new(|n| n, None).rate(f64::NAN), "setting `rate` is `NaN`"),
        (
            ten().set("rows-per-second", "1"),
            "there is no setting `rows-per-second` (in the program); did you mean `rate`?",
        ),
    ] {
        let error = generator.enumerator(None).err().unwrap().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn a_rate_is_not_exceeded() {
    let begun = Instant::now();
    let mut run = Run::open(&Generator::new(|n| n, Some(50)).rate(500.0), 2, None).unwrap();
    while run.step().unwrap() {}
    assert_eq!(run.take().len(), 50);
    assert!(begun.elapsed().as_millis() >= 95, "50 records at 500 a second came in {:?}", begun.elapsed());
}

#[test]
fn a_collection_that_has_shrunk_is_refused() {
    let mut run = Run::open(&Collection::new(vec![1, 2, 3]), 1, None).unwrap();
    run.step().unwrap();
    let mut run = Run::open(&Collection::new(vec![1]), 1, Some(run.snapshot())).unwrap();
    let error = (0..3).find_map(|_| run.step().err()).unwrap().to_string();
    assert!(
        error.starts_with("the checkpoint is at split 0..3 of `collection`, which now has only 1 records")
    );
}

#[test]
fn collected_records_are_at_the_handle() {
    let make = || {
        let (sink, handle) = Collect::new();
        let seen = std::sync::Mutex::new(Vec::new());
        let visible: Box<dyn Fn() -> Vec<u32>> = Box::new(move || {
            let mut seen = seen.lock().unwrap();
            seen.extend(handle.take_committed());
            seen.clone()
        });
        (sink, visible)
    };
    check_sink(make, &[1, 2, 3, 4], |record| *record);
}
