//! Sorting: order within and across partitions, evenness, and how often the parent is computed.

use super::*;

fn scattered(count: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..count).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40, n))
}

fn keys<K: Clone, V>(pairs: &[(K, V)]) -> Vec<K> {
    pairs.iter().map(|(key, _)| key.clone()).collect()
}

#[test]
fn pairs_are_sorted_however_many_partitions_there_are_and_wherever_blocks_are() {
    for (slots, partitions, memory) in
        [(1, 1, usize::MAX), (1, 4, usize::MAX), (4, 4, 0), (3, 10, usize::MAX), (3, 7, 0)]
    {
        let context = Context::builder().parallelism(slots).shuffle_memory(memory).build().unwrap();
        let pairs: Vec<(u64, u64)> = scattered(20_000).collect();
        let rdd = context.parallelize_in(pairs.clone(), partitions);
        for ascending in [true, false] {
            let sorted = rdd.sort_by_key(ascending).collect().unwrap();
            let mut expected = keys(&pairs);
            expected.sort_unstable();
            if !ascending {
                expected.reverse();
            }
            assert_eq!(
                keys(&sorted),
                expected,
                "{slots} slots, {partitions} partitions, ascending {ascending}"
            );
            let mut values: Vec<u64> = sorted.into_iter().map(|(_, value)| value).collect();
            values.sort_unstable();
            assert!(values.into_iter().eq(0..20_000), "each record once");
        }
    }
}

#[test]
fn partitions_are_even_and_the_parent_is_computed_once() {
    let context = Context::builder().parallelism(4).build().unwrap();
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    let rdd = context.parallelize_in(scattered(40_000), 8).map(move |pair| {
        count.fetch_add(1, Ordering::Relaxed);
        pair
    });
    let sorted = rdd.sort_by_key(true);
    let sizes = sorted.map_partitions(|records| [records.count()]).collect().unwrap();
    assert_eq!(sizes.len(), 4);
    assert!(sizes.iter().all(|size| (9000..11_000).contains(size)), "{sizes:?}");
    assert_eq!(seen.load(Ordering::Relaxed), 40_000, "not a second time for a sample");
}

#[test]
fn equal_keys_stay_in_one_partition_and_few_keys_leave_others_empty() {
    let context = Context::builder().parallelism(4).build().unwrap();
    let sorted = context.parallelize_in((0..1000).map(|n| (n % 2, n)), 8).sort_by_key(true);
    let parts = sorted.glom().collect().unwrap();
    assert_eq!(parts.len(), 4);
    for key in [0, 1] {
        assert_eq!(parts.iter().filter(|part| part.iter().any(|(k, _)| *k == key)).count(), 1, "key {key}");
    }
    assert_eq!(parts.concat().len(), 1000);
    let none = context.parallelize_in(Vec::<(u8, u8)>::new(), 3).sort_by_key(true);
    assert!(none.collect().unwrap().is_empty());
    assert!(context.empty::<(u8, u8)>().sort_by_key(false).collect().unwrap().is_empty());
}

#[test]
fn a_lost_run_is_sorted_again_and_cut_at_the_same_keys() {
    let context = Context::builder().parallelism(3).build().unwrap();
    let sorted = context.parallelize_in(scattered(5000), 5).sort_by_key(true);
    let parts = sorted.glom().collect().unwrap();
    context.engine.lose_shuffled(shuffle_of(&*sorted.node), 3);
    assert_eq!(sorted.glom().collect().unwrap(), parts);
    assert_eq!(context.counters().map_tasks, 6);
}

#[test]
fn take_of_a_sorted_rdd_merges_a_run() {
    let context = Context::builder().parallelism(2).build().unwrap();
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    let sorted = context.parallelize_in(scattered(50_000), 2).sort_by_key(true).map(move |(key, _)| {
        count.fetch_add(1, Ordering::Relaxed);
        key
    });
    let mut expected: Vec<u64> = scattered(50_000).map(|(key, _)| key).collect();
    expected.sort_unstable();
    assert_eq!(sorted.take(3).unwrap(), expected[..3]);
    assert_eq!(made.load(Ordering::Relaxed), 1024);
}

#[test]
fn sort_by_orders_records_by_what_is_found_for_each() {
    let words = context().parallelize_in(["fig", "apple", "kiwi", "plum", "date"].map(str::to_string), 3);
    assert_eq!(words.sort_by(String::len, true).map(|word| word.len()).collect().unwrap(), [3, 4, 4, 4, 5]);
    assert_eq!(
        words.sort_by(String::clone, false).collect().unwrap(),
        ["plum", "kiwi", "fig", "date", "apple"]
    );
}

#[test]
fn an_index_of_keys_too_long_for_one_frame_is_read_whole() {
    let context = Context::builder().parallelism(2).shuffle_memory(1).build().unwrap();
    let keys: Vec<String> = (0..200).map(|n| format!("{:0>20000}", n * 7919 % 1000)).collect();
    let sorted = context.parallelize(keys.clone()).map(|key| (key, ())).sort_by_key(true).collect().unwrap();
    let mut expected = keys;
    expected.sort();
    assert!(sorted.into_iter().map(|(key, ())| key).eq(expected));
}
