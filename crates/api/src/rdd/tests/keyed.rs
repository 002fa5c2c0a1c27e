//! Transformations of pairs: which values meet, and how often they are copied on the way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

/// A value that counts how often it is copied.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counted {
    #[serde(skip)]
    copies: Arc<AtomicU64>,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.copies.fetch_add(1, Ordering::Relaxed);
        Self { copies: Arc::clone(&self.copies) }
    }
}

/// `count` pairs with `keys` keys, made within their tasks.
fn counted(context: &Context, count: i64, keys: i64) -> (Rdd<(i64, Counted)>, Arc<AtomicU64>) {
    let copies = Arc::new(AtomicU64::new(0));
    let made = Arc::clone(&copies);
    (context.range(0, count).map(move |n| (n % keys, Counted { copies: Arc::clone(&made) })), copies)
}

/// How many of so many values a task copies to see whether there is text in them: the first 64, then one of each 64.
fn looked_at(values: u64) -> u64 {
    values.min(64) + values.saturating_sub(64) / 64
}

#[test]
fn cogroup_gives_the_values_of_both_sides_and_none_where_a_key_is_missing() {
    for (left_parts, right_parts) in [(1, 1), (2, 3), (9, 1), (1, 9)] {
        let context = context();
        let left = context.parallelize_in([(1, 'a'), (2, 'b'), (1, 'c')], left_parts);
        let right = context.parallelize_in([(1, 10u8), (3, 30)], right_parts);
        let groups: BTreeMap<_, _> = left.cogroup(&right).collect().unwrap().into_iter().collect();
        assert_eq!(groups.len(), 3);
        let (mut lefts, rights) = groups[&1].clone();
        lefts.sort_unstable();
        assert_eq!((lefts, rights), (vec!['a', 'c'], vec![10]));
        assert_eq!(groups[&2], (vec!['b'], vec![]));
        assert_eq!(groups[&3], (vec![], vec![30]));
    }
}

#[test]
fn cogroup_and_join_with_an_empty_side_keep_and_lose_the_other() {
    let context = context();
    let some = context.parallelize([(1, 2)]);
    let none = context.empty::<(i32, i32)>();
    assert_eq!(some.cogroup(&none).collect().unwrap(), [(1, (vec![2], vec![]))]);
    assert_eq!(none.cogroup(&some).collect().unwrap(), [(1, (vec![], vec![2]))]);
    assert!(none.cogroup(&none).collect().unwrap().is_empty());
    assert!(some.join(&none).collect().unwrap().is_empty());
    assert!(none.join(&some).collect().unwrap().is_empty());
}

#[test]
fn partition_by_puts_equal_keys_into_one_of_as_many_partitions_as_were_asked_for() {
    let context = context();
    let pairs = context.parallelize_in((0..100).map(|n| (n % 5, n)), 4);
    for partitions in [1, 3, 50] {
        let placed = pairs.partition_by(partitions);
        assert_eq!(placed.partitions(), partitions);
        let keys = placed.map_partitions_with_index(|at, records| {
            let mut keys: Vec<i32> = records.map(|(key, _)| key).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter().map(move |key| (key, at))
        });
        let mut keys = keys.collect().unwrap();
        keys.sort_unstable();
        assert_eq!(
            keys.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4],
            "each in one place"
        );
        assert_eq!(placed.count().unwrap(), 100);
    }
    assert_eq!(pairs.partition_by(0).partitions(), 1);
}

#[test]
fn repartition_deals_records_out_evenly() {
    let context = context();
    let dealt = context.parallelize_in(0..1000, 3).repartition(7);
    let sizes = dealt.map_partitions(|records| [records.count()]).collect().unwrap();
    assert_eq!(sizes.iter().sum::<usize>(), 1000);
    assert!(sizes.iter().all(|size| (141..=144).contains(size)), "{sizes:?}");
}

#[test]
fn aggregate_by_key_may_give_another_type_and_starts_from_zero_in_each_map_task() {
    let context = context();
    let pairs = context.parallelize_in([("a", 1.0), ("b", 5.0), ("a", 3.0), ("a", 5.0)], 2);
    let pairs = pairs.map(|(key, value)| (key.to_string(), value));
    let means = pairs
        .aggregate_by_key((0.0, 0u32), |(sum, n), value| (sum + value, n + 1), |a, b| (a.0 + b.0, a.1 + b.1))
        .map_values(|(sum, n)| sum / f64::from(n));
    let means: BTreeMap<String, f64> = means.collect().unwrap().into_iter().collect();
    assert_eq!(means, BTreeMap::from([("a".to_string(), 3.0), ("b".to_string(), 5.0)]));

    // "a" is in both map tasks, "b" in one.
    let zeros: BTreeMap<String, i32> =
        pairs.aggregate_by_key(100, |sum, _| sum, |a, b| a + b).collect().unwrap().into_iter().collect();
    assert_eq!(zeros, BTreeMap::from([("a".to_string(), 200), ("b".to_string(), 100)]));
}

#[test]
fn combining_by_key_passes_over_empty_partitions() {
    let context = context();
    let few = context.parallelize_in([(7, 1), (7, 2)], 16);
    assert_eq!(few.reduce_by_key(|a, b| a + b).collect().unwrap(), [(7, 3)]);
    assert_eq!(few.group_by_key().map_values(|all| all.len()).collect().unwrap(), [(7, 2)]);
    let none = few.filter(|_| false);
    assert!(none.reduce_by_key(|a, b| a + b).collect().unwrap().is_empty());
    assert!(none.group_by_key().collect().unwrap().is_empty());
    assert!(context.empty::<(u8, u8)>().reduce_by_key(|a, _| a).collect().unwrap().is_empty());
}

#[test]
fn counts_by_key_and_value_leave_out_nothing_and_invent_nothing() {
    let context = context();
    let pairs = context.parallelize_in([("x", 1), ("y", 2), ("x", 3)], 5).map(|(k, v)| (k.to_string(), v));
    let counts = pairs.count_by_key().unwrap();
    assert_eq!((counts.len(), counts["x"], counts["y"]), (2, 2, 1));
    assert!(context.empty::<(String, u8)>().count_by_key().unwrap().is_empty());
    assert_eq!(pairs.map(|(_, v)| v % 2).count_by_value().unwrap()[&1], 2);
}

#[test]
fn key_by_puts_the_key_before_the_record() {
    let keyed = context().parallelize(["apple".to_string(), "fig".into()]).key_by(String::len);
    assert_eq!(keyed.collect().unwrap(), [(5, "apple".to_string()), (3, "fig".into())]);
}

#[test]
fn joins_and_groups_give_the_same_from_disk_as_from_memory() {
    let pairs = |context: &Context| {
        let left = context.range(0, 5000).map(|n| (n % 100, n.to_string()));
        let right = context.range(0, 300).map(|n| (n % 150, n));
        let mut joined = left.join(&right).collect().unwrap();
        joined.sort_unstable();
        let mut groups = left.group_by_key().map_values(|mut all| {
            all.sort_unstable();
            all
        });
        groups = groups.repartition(3);
        let mut groups = groups.collect().unwrap();
        groups.sort_unstable();
        (joined, groups)
    };
    let memory = Context::builder().parallelism(3).build().unwrap();
    let disk = Context::builder().parallelism(3).shuffle_memory(0).build().unwrap();
    let expected = pairs(&memory);
    assert_eq!((expected.0.len(), expected.1.len()), (50 * 100 * 2, 100));
    assert!(pairs(&disk) == expected);
    assert_eq!((memory.counters().blocks_spilled, disk.counters().blocks_spilled > 0), (0, true));
}

#[test]
fn a_join_makes_its_pairs_as_they_are_asked_for() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let (left, copies) = counted(&context, 3000, 1);
    let right = context.range(0, 3000).map(|n| (0, n));
    // 9,000,000 pairs in all.
    assert_eq!(left.join(&right).map(|(key, (_, n))| (key, n)).take(5).unwrap(), vec![(0, 0); 5]);
    let run_of_pairs = copies.load(Ordering::Relaxed) - looked_at(3000);
    assert_eq!(run_of_pairs, 1024, "a run of pairs, and nothing for the index");
}

#[test]
fn a_grouped_value_is_copied_once_by_a_shuffle_and_not_at_all_without_one() {
    let two = context();
    let (pairs, copies) = counted(&two, 1000, 7);
    assert_eq!(pairs.group_by_key().count().unwrap(), 7);
    assert_eq!(copies.load(Ordering::Relaxed), 1000 + 2 * looked_at(500));

    let (left, left_copies) = counted(&two, 1000, 7);
    let (right, right_copies) = counted(&two, 500, 7);
    assert_eq!(left.cogroup(&right).count().unwrap(), 7);
    let copies = (left_copies.load(Ordering::Relaxed), right_copies.load(Ordering::Relaxed));
    assert_eq!(copies, (1000 + 2 * looked_at(500), 500 + 2 * looked_at(250)));

    let one = Context::builder().parallelism(1).build().unwrap();
    let (pairs, copies) = counted(&one, 1000, 7);
    assert_eq!(pairs.group_by_key().count().unwrap(), 7);
    assert_eq!(copies.load(Ordering::Relaxed), looked_at(1000));

    let spilling = Context::builder().parallelism(2).shuffle_memory(0).build().unwrap();
    let (pairs, copies) = counted(&spilling, 1000, 7);
    assert_eq!(pairs.group_by_key().count().unwrap(), 7);
    assert_eq!(copies.load(Ordering::Relaxed), 2 * looked_at(500), "what is read back is moved");
}
