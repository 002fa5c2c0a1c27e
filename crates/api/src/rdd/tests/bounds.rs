//! How much is made before it is asked for.

use super::*;

/// Counts what is made of a record that makes a million.
fn million(made: &Arc<AtomicU64>) -> impl Iterator<Item = u64> + use<> {
    let made = Arc::clone(made);
    (0..1_000_000).inspect(move |_| {
        made.fetch_add(1, Ordering::Relaxed);
    })
}

#[test]
fn flat_map_makes_a_run_at_a_time_of_a_record_that_makes_a_million() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    let rdd = context.range(0, 1024).flat_map(move |_| million(&count));
    assert_eq!(rdd.take(10).unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(made.load(Ordering::Relaxed), 1024, "of the 1,024,000,000 there are");
}

#[test]
fn runs_of_flat_map_and_map_partitions_are_never_longer_than_a_batch() {
    let context = Context::builder().parallelism(1).build().unwrap();
    let made = Arc::new(AtomicU64::new(0));
    let most = Arc::new(AtomicU64::new(0));
    let (counted, also) = (Arc::clone(&made), Arc::clone(&made));
    let watch = |rdd: Rdd<u64>| {
        let (made, most, taken) = (Arc::clone(&made), Arc::clone(&most), AtomicU64::new(0));
        made.store(0, Ordering::Relaxed);
        rdd.for_each(move |_| {
            let ahead = made.load(Ordering::Relaxed) - taken.fetch_add(1, Ordering::Relaxed);
            most.fetch_max(ahead, Ordering::Relaxed);
        })
    };
    watch(context.range(0, 3).flat_map(move |_| million(&counted))).unwrap();
    watch(context.range(0, 3).map_partitions(move |records| {
        let made = Arc::clone(&also);
        records.flat_map(move |_| million(&made))
    }))
    .unwrap();
    assert_eq!(most.load(Ordering::Relaxed), 1024);
}

#[test]
fn flat_map_of_records_that_make_nothing_or_a_few_keeps_their_order() {
    let context = Context::builder().parallelism(2).build().unwrap();
    let rdd = context.range(0, 10_000).flat_map(|n| (0..n % 5).map(move |at| (n, at)));
    let expected: Vec<(i64, i64)> = (0..10_000).flat_map(|n| (0..n % 5).map(move |at| (n, at))).collect();
    assert_eq!(rdd.collect().unwrap(), expected);
    assert_eq!(context.range(0, 10_000).flat_map(|_| None::<u8>).count().unwrap(), 0);
}
