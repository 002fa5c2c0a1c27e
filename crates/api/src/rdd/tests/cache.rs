//! What is kept between actions, what makes room, and what is computed again.

use super::*;

/// A context in which `bytes` of kept partitions stay in memory.
fn limited(bytes: usize) -> Context {
    Context::builder().parallelism(1).cache_memory(bytes).build().unwrap()
}

/// 4 partitions of 100 numbers, 800 bytes each, and the partitions that were computed.
fn numbers(context: &Context) -> (Rdd<u64>, Arc<AtomicU64>) {
    let computed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&computed);
    let rdd = context.parallelize_in(0..400u64, 4).map_partitions(move |records| {
        count.fetch_add(1, Ordering::Relaxed);
        records
    });
    (rdd, computed)
}

const PARTITION: usize = 800;

const SUM: u64 = 399 * 400 / 2;

#[test]
fn every_level_gives_the_same_records_and_computes_them_once() {
    for level in [StorageLevel::MemoryOnly, StorageLevel::MemoryAndDisk, StorageLevel::DiskOnly] {
        let context = limited(1 << 20);
        let (rdd, computed) = numbers(&context);
        let kept = rdd.persist(level);
        assert_eq!(kept.storage_level(), level);
        assert_eq!(kept.collect().unwrap(), (0..400).collect::<Vec<_>>());
        assert_eq!(kept.collect().unwrap(), (0..400).collect::<Vec<_>>(), "{level:?}");
        assert_eq!(computed.load(Ordering::Relaxed), 4, "{level:?}");
        let size = kept.cached_size();
        assert_eq!(size.partitions, 4);
        assert_eq!((size.memory > 0, size.disk > 0), (level.uses_memory(), level == StorageLevel::DiskOnly));
    }
}

#[test]
fn partitions_that_find_no_room_are_computed_again_and_no_others() {
    let context = limited(3 * PARTITION);
    let (rdd, computed) = numbers(&context);
    let kept = rdd.persist(StorageLevel::MemoryOnly);
    assert_eq!(kept.count().unwrap(), 400);
    assert_eq!(kept.cached_size(), CachedSize { partitions: 3, memory: 3 * PARTITION, disk: 0 });
    assert_eq!(kept.sum(), SUM);
    assert_eq!(
        computed.load(Ordering::Relaxed),
        4 + 1,
        "the partitions of one rdd do not drive out each other"
    );
    assert_eq!(context.counters().cached_partitions_dropped, 2);
}

#[test]
fn the_least_recently_used_partitions_make_room() {
    let context = limited(8 * PARTITION);
    let (first, first_computed) = numbers(&context);
    let (second, second_computed) = numbers(&context);
    let (first, second) = (first.persist(StorageLevel::MemoryOnly), second.persist(StorageLevel::MemoryOnly));
    assert_eq!((first.count().unwrap(), second.count().unwrap()), (400, 400));
    // Of the first, partition 0 was now read last of all.
    assert_eq!(first.take(1).unwrap(), [0]);
    let (third, _) = numbers(&context);
    let third = third.coalesce(1).persist(StorageLevel::MemoryOnly);
    assert_eq!(third.count().unwrap(), 400);
    let sizes = [&first, &second].map(|rdd| rdd.cached_size().partitions);
    assert_eq!((sizes, third.cached_size().partitions), ([1, 3], 1));
    assert_eq!(first.count().unwrap(), 400);
    assert_eq!(first_computed.load(Ordering::Relaxed), 4 + 3);
    assert_eq!(second_computed.load(Ordering::Relaxed), 4);
}

#[test]
fn partitions_that_make_room_go_to_disk_where_their_level_has_one() {
    let context = limited(4 * PARTITION);
    let (first, first_computed) = numbers(&context);
    let (second, second_computed) = numbers(&context);
    let (first, second) =
        (first.persist(StorageLevel::MemoryAndDisk), second.persist(StorageLevel::MemoryAndDisk));
    assert_eq!((first.sum(), second.sum()), (SUM, SUM));
    assert_eq!((first.cached_size().memory, first.cached_size().partitions), (0, 4));
    assert!(first.cached_size().disk > 0);
    assert_eq!(second.cached_size().memory, 4 * PARTITION);
    assert_eq!((first.sum(), second.sum()), (SUM, SUM));
    assert_eq!((first_computed.load(Ordering::Relaxed), second_computed.load(Ordering::Relaxed)), (4, 4));
    let counters = context.counters();
    assert_eq!((counters.cached_partitions_spilled, counters.cached_partitions_dropped), (4, 0));
}

#[test]
fn a_partition_larger_than_the_memory_goes_to_disk_or_nowhere() {
    let context = limited(PARTITION - 1);
    let (rdd, computed) = numbers(&context);
    let on_disk = rdd.persist(StorageLevel::MemoryAndDisk);
    assert_eq!((on_disk.sum(), on_disk.sum()), (SUM, SUM));
    assert_eq!(computed.load(Ordering::Relaxed), 4);
    assert_eq!((on_disk.cached_size().memory, on_disk.cached_size().partitions), (0, 4));
    let nowhere = on_disk.persist(StorageLevel::MemoryOnly);
    assert_eq!((nowhere.sum(), nowhere.sum()), (SUM, SUM));
    assert_eq!(computed.load(Ordering::Relaxed), 4 + 8);
    assert_eq!(nowhere.cached_size(), CachedSize::default());
}

#[test]
fn unpersist_lets_go_and_keeps_nothing_more() {
    let context = limited(1 << 20);
    let (rdd, computed) = numbers(&context);
    let kept = rdd.cache();
    assert_eq!((kept.count().unwrap(), kept.count().unwrap()), (400, 400));
    assert_eq!(kept.unpersist().storage_level(), StorageLevel::None);
    assert_eq!(kept.cached_size(), CachedSize::default());
    assert_eq!((kept.count().unwrap(), kept.count().unwrap()), (400, 400));
    assert_eq!(computed.load(Ordering::Relaxed), 4 + 8);
    assert_eq!(kept.persist(StorageLevel::None).storage_level(), StorageLevel::None);
}

#[test]
fn what_was_kept_goes_with_the_last_handle() {
    let context = limited(4 * PARTITION);
    let (first, _) = numbers(&context);
    assert_eq!(first.cache().count().unwrap(), 400);
    drop(first);
    let (second, _) = numbers(&context);
    let second = second.cache();
    assert_eq!(second.count().unwrap(), 400);
    assert_eq!(second.cached_size().partitions, 4);
    assert_eq!(context.counters().cached_partitions_dropped, 0, "there was room");
}

#[test]
fn only_a_lost_partition_is_computed_again_at_every_level() {
    for level in [StorageLevel::MemoryOnly, StorageLevel::MemoryAndDisk, StorageLevel::DiskOnly] {
        let context = limited(1 << 20);
        let (rdd, computed) = numbers(&context);
        let kept = rdd.persist(level);
        assert_eq!(kept.count().unwrap(), 400);
        context.engine.lose_cached(kept.id(), 2);
        assert_eq!(kept.collect().unwrap(), (0..400).collect::<Vec<_>>());
        assert_eq!(computed.load(Ordering::Relaxed), 5, "{level:?}");
    }
}

#[test]
fn text_counts_with_what_its_records_point_to() {
    let context = limited(1 << 20);
    let texts = context.parallelize_in((0..100).map(|_| "x".repeat(1000)), 1);
    assert_eq!(texts.persist(StorageLevel::MemoryOnly).count().unwrap(), 100);
    let memory = texts.cached_size().memory;
    assert!((100 * 1000..100 * 1100).contains(&memory), "{memory}");
    let plain = context.parallelize_in(0..100u32, 1).persist(StorageLevel::MemoryOnly);
    assert_eq!(plain.count().unwrap(), 100);
    assert_eq!(plain.cached_size().memory, 400, "exactly, where nothing is pointed to");
}

#[test]
fn a_disk_that_cannot_be_written_costs_the_cache_and_not_the_job() {
    let nowhere = tempfile::tempdir().unwrap().path().join("gone");
    let context = Context::builder().parallelism(1).cache_memory(0).spill_folder(&nowhere).build().unwrap();
    for level in [StorageLevel::MemoryAndDisk, StorageLevel::DiskOnly] {
        let (rdd, computed) = numbers(&context);
        let kept = rdd.persist(level);
        assert_eq!((kept.sum(), kept.sum()), (SUM, SUM), "{level:?}");
        assert_eq!((kept.cached_size().partitions, computed.load(Ordering::Relaxed)), (0, 8), "{level:?}");
    }
}

#[test]
fn two_jobs_that_want_the_same_partitions_compute_them_once() {
    let context = Context::builder().parallelism(4).build().unwrap();
    let (rdd, computed) = numbers(&context);
    let kept = rdd.cache();
    let jobs: Vec<_> = (0..4)
        .map(|_| {
            let kept = kept.clone();
            std::thread::spawn(move || kept.sum())
        })
        .collect();
    assert!(jobs.into_iter().all(|job| job.join().unwrap() == SUM));
    assert_eq!(computed.load(Ordering::Relaxed), 4);
}

#[test]
fn a_local_checkpoint_holds_the_records_and_nothing_of_what_they_were_made_from() {
    let context = limited(0);
    let (rdd, computed) = numbers(&context);
    let alive = Arc::new(());
    let held = Arc::clone(&alive);
    let checkpoint = rdd
        .map(move |n| {
            let _held = &held;
            n + 1
        })
        .local_checkpoint()
        .unwrap();
    drop(rdd);
    assert_eq!(Arc::strong_count(&alive), 1, "the closure is gone");
    assert_eq!(checkpoint.partitions(), 4);
    assert_eq!((checkpoint.sum(), checkpoint.sum()), (SUM + 400, SUM + 400));
    assert_eq!(computed.load(Ordering::Relaxed), 4);
    assert!(checkpoint.node.dependencies().is_empty());
}

trait Sum {
    fn sum(&self) -> u64;
}

impl Sum for Rdd<u64> {
    fn sum(&self) -> u64 {
        self.fold(0, |a, b| a + b).unwrap()
    }
}
