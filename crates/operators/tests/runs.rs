//! Every operator, in each of the harness's twelve runs.

use std::sync::Arc;

use millstream_dataflow::operator::Mode;
use millstream_model::key::hash::hash_of;
use millstream_model::time::{Timestamp, millis};
use millstream_operators::clock::Clock;
use millstream_operators::event_time::{AssignTimestamps, WatermarkStrategy};
use millstream_operators::keyed::{KeyedFold, KeyedReduce};
use millstream_operators::step::{Filter, FlatMap, Map, TryMap};
use millstream_testkit::harness::{Emitted, Harness, Step};

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
    let results = Harness::new(|_| Box::new(Map::new(Arc::new(|n: u64| n * 2)))).run(&numbers());
    assert_eq!(results, [at(2, 10), at(4, 20), at(6, 30)]);
}

#[test]
fn try_map_keeps_order_and_times() {
    let results = Harness::new(|_| Box::new(TryMap::new(Arc::new(|n: u64| Ok(n + 1))))).run(&numbers());
    assert_eq!(results, [at(2, 10), at(3, 20), at(4, 30)]);
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
    assert_eq!(harness.run(&numbers()), [at(1, 11), at(2, 22), at(3, 33)]);
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
