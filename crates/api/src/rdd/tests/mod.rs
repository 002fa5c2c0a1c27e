//! The Rdd face over the real engine: results, laziness, retries, what is computed again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream_dataflow::lineage::{Dependency, Lineage, ShuffleId};

use super::*;

mod actions;
mod bounds;
mod cache;
mod delimiters;
mod keyed;
mod lineage;
mod places;
mod sample;
mod save;
mod sort;
mod text;

fn context() -> Context {
    Context::builder().parallelism(2).build().unwrap()
}

fn shuffle_of(node: &dyn Lineage) -> ShuffleId {
    match &node.dependencies()[0] {
        Dependency::Shuffle(shuffle) => shuffle.id(),
        Dependency::Narrow(parent) => shuffle_of(&**parent),
    }
}

#[test]
fn narrow_transformations_keep_the_order_of_the_records() {
    let rdd = context().range(0, 5000).map(|n| n * 2).filter(|n| n % 3 == 0).flat_map(|n| [n, n + 1]);
    let expected: Vec<i64> =
        (0..5000).map(|n| n * 2).filter(|n| n % 3 == 0).flat_map(|n| [n, n + 1]).collect();
    assert_eq!(rdd.collect().unwrap(), expected);
    assert_eq!(rdd.count().unwrap(), expected.len() as u64);
    assert_eq!(rdd.first().unwrap(), 0);
}

#[test]
fn take_computes_no_more_than_a_run_of_the_first_partition() {
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let rdd = context().range(0, 1_000_000).map(move |n| {
        count.fetch_add(1, Ordering::Relaxed);
        n
    });
    assert_eq!(rdd.take(3).unwrap(), [0, 1, 2]);
    assert_eq!(seen.load(Ordering::Relaxed), 1024);
}

#[test]
fn equal_keys_meet_whether_blocks_stay_in_memory_or_are_spilled() {
    for memory in [usize::MAX, 0] {
        let context = Context::builder().parallelism(3).shuffle_memory(memory).build().unwrap();
        let pairs = context.range(0, 3000).map(|n| (n % 7, n));
        let mut sums = pairs.reduce_by_key(|a, b| a + b).collect().unwrap();
        sums.sort();
        let expected: Vec<(i64, i64)> = (0..7).map(|k| (k, (0..3000).filter(|n| n % 7 == k).sum())).collect();
        assert_eq!(sums, expected);
        assert_eq!(context.counters().blocks_spilled, if memory == 0 { 9 } else { 0 });
        let mut groups = pairs.group_by_key().map_values(|all| all.len()).collect().unwrap();
        groups.sort();
        assert_eq!(groups[0], (0, 429));
    }
}

#[test]
fn join_gives_each_pair_of_values_of_a_key() {
    let context = context();
    let left = context.parallelize(vec![(1, "a"), (2, "b"), (1, "c")]).map_values(str::to_string);
    let right = context.parallelize(vec![(1, 10), (3, 30), (1, 11)]);
    let mut joined = left.join(&right).collect().unwrap();
    joined.sort();
    let expected = [("a", 10), ("a", 11), ("c", 10), ("c", 11)].map(|(a, b)| (1, (a.to_string(), b)));
    assert_eq!(joined, expected);
}

#[test]
fn sorting_orders_within_and_across_partitions_both_ways() {
    let rdd = context().parallelize((0..5000u64).map(|n| n.wrapping_mul(0x9e37_79b9) % 10_007));
    let mut expected = rdd.collect().unwrap();
    expected.sort();
    assert_eq!(rdd.sort_by(|n| *n, true).collect().unwrap(), expected);
    expected.reverse();
    let sorted = rdd.map(|n| (n, ())).sort_by_key(false);
    assert_eq!(sorted.map(|(n, ())| n).collect().unwrap(), expected);
    let sizes = sorted.map_partitions(|records| [records.count()]).collect().unwrap();
    assert!(sizes.iter().all(|size| *size > 1500), "{sizes:?}");
}

#[test]
fn a_task_that_fails_three_times_is_tried_a_fourth_time() {
    let context = context();
    let failures = Arc::new(AtomicU64::new(0));
    let rdd = context.range(0, 10).map(move |n| {
        assert!(n != 7 || failures.fetch_add(1, Ordering::Relaxed) >= 3, "not yet");
        n
    });
    assert_eq!(rdd.count().unwrap(), 10);
    assert_eq!(context.counters().failed_attempts, 3);
}

#[test]
fn a_task_that_fails_four_times_fails_the_action_and_names_the_record() {
    let context = context();
    let rdd = context.parallelize(0..10).map(|n| {
        assert!(n != 7, "seven");
        n
    });
    let message = rdd.count().unwrap_err().to_string();
    assert!(message.contains("`map`") && message.contains("subtask 2 of 2"), "{message}");
    assert!(message.contains("record 3") && message.contains("seven"), "{message}");
    assert!(message.contains("partition 1") && message.contains("4 attempts"), "{message}");
    assert_eq!(context.parallelize(0..3).count().unwrap(), 3, "the engine goes on");
}

#[test]
fn only_the_lost_map_task_of_a_shuffle_is_run_again() {
    let context = Context::builder().parallelism(4).build().unwrap();
    let rdd = context.range(0, 100).map(|n| (n % 5, 1)).reduce_by_key(|a, b| a + b);
    assert_eq!(rdd.count().unwrap(), 5);
    assert_eq!(rdd.count().unwrap(), 5);
    assert_eq!(context.counters().map_tasks, 4, "the second action finds the blocks");
    context.engine.lose_shuffled(shuffle_of(&*rdd.node), 2);
    assert_eq!(rdd.count().unwrap(), 5);
    assert_eq!(context.counters().map_tasks, 5);
}

#[test]
fn only_the_lost_partition_of_a_cached_rdd_is_computed_again() {
    let context = Context::builder().parallelism(4).build().unwrap();
    let rdd = context.range(0, 100).map(|n| n + 1).cache();
    assert_eq!((rdd.count().unwrap(), rdd.count().unwrap()), (100, 100));
    assert_eq!(context.counters().cached_partitions_computed, 4);
    context.engine.lose_cached(rdd.id(), 1);
    assert_eq!(rdd.count().unwrap(), 100);
    assert_eq!(context.counters().cached_partitions_computed, 5);
}

#[test]
fn partitions_can_be_joined_dealt_out_and_numbered() {
    let context = Context::builder().parallelism(4).build().unwrap();
    let rdd = context.range(0, 1000);
    assert_eq!(rdd.coalesce(2).partitions(), 2);
    assert_eq!(rdd.coalesce(2).collect().unwrap(), rdd.collect().unwrap());
    assert_eq!(rdd.repartition(7).count().unwrap(), 1000);
    assert!(rdd.zip_with_index().collect().unwrap().iter().all(|(n, at)| *n == *at as i64));
    let sampled = rdd.sample(false, 0.5, 42).collect().unwrap();
    assert!((400..600).contains(&sampled.len()) && sampled == rdd.sample(false, 0.5, 42).collect().unwrap());
    assert_eq!(rdd.union(&rdd).distinct().count().unwrap(), 1000);
    assert_eq!(rdd.reduce(|a, b| a + b).unwrap(), 499_500);
    assert_eq!(rdd.map(|n| n % 2).count_by_value().unwrap()[&1], 500);
}

#[test]
fn lines_are_read_once_however_a_file_is_split_and_saved_as_parts() {
    let folder = tempfile::tempdir().unwrap();
    let expected: Vec<String> = (0..1000).map(|n| format!("line {n} {}", "x".repeat(n % 40))).collect();
    let file = folder.path().join("in.txt");
    std::fs::write(&file, expected.join("\n")).unwrap();
    for parallelism in [1, 2, 3, 7] {
        let context = Context::builder().parallelism(parallelism).build().unwrap();
        assert_eq!(context.text_file(&file).unwrap().collect().unwrap(), expected);
    }
    let out = folder.path().join("out");
    let lines = context().text_file(&file).unwrap();
    lines.save_as_text_file(&out).unwrap();
    assert!(out.join("part-00001").exists() && out.join("_SUCCESS").exists());
    assert_eq!(context().text_file(out.join("part-*")).unwrap().collect().unwrap(), expected);
    assert!(lines.save_as_text_file(&out).unwrap_err().to_string().contains("already exists"));
    let message = context().text_file(folder.path().join("none*")).unwrap_err().to_string();
    assert!(message.contains("none*") && message.contains("relative to"), "{message}");
}

#[test]
fn a_line_that_is_not_utf8_is_named_by_file_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.txt");
    std::fs::write(&file, b"good\nb\xffd\n").unwrap();
    let message = context().text_file(&file).unwrap().count().unwrap_err().to_string();
    assert!(message.contains("bad.txt") && message.contains("byte 6 of the input"), "{message}");
}

#[test]
fn a_parallelism_of_zero_is_refused() {
    let message = Context::builder().parallelism(0).build().unwrap_err().to_string();
    assert!(message.contains("parallelism 0") && message.contains("1 or more"), "{message}");
}
