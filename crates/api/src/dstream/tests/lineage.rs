//! What is kept from batch to batch, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::rdd::{Rdd, StorageLevel};

/// How many lines the lineage of each of 50 batches has.
fn depths<U: Record>(make: impl FnOnce(&DStream<(char, u64)>) -> DStream<U>) -> Vec<usize> {
    let (batches, clock) = program();
    let words: Vec<&[(char, u64)]> = (0..50).map(|_| [('a', 1), ('b', 2)].as_slice()).collect();
    let (each, depths) = channel();
    make(&queued(&batches, &words)).foreach_rdd(move |rdd| {
        each.send(rdd.to_debug_string().lines().count()).unwrap();
        rdd.count().map(drop)
    });
    batches.start().unwrap();
    clock.advance(seconds(50));
    batches.await_batches(50).unwrap();
    depths.try_iter().collect()
}

#[test]
fn the_lineage_of_state_and_of_carried_windows_does_not_grow() {
    let state = depths(|words| {
        words.update_state_by_key(|new: Vec<u64>, total: Option<u64>| {
            Some(total.unwrap_or(0) + new.iter().sum::<u64>())
        })
    });
    assert_eq!((state.len(), state[0], state[49]), (50, 1, 1));
    let windows = depths(|words| {
        words.reduce_by_key_and_window_with_inverse(|a, b| a + b, |a, b| a - b, seconds(10), seconds(1))
    });
    assert_eq!((windows.len(), windows[1], windows[49]), (50, windows[0], windows[0]));
}

/// Counts how many of it there are.
struct Counted(Arc<AtomicU64>);

impl Counted {
    fn new(alive: &Arc<AtomicU64>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many records are alive after each of so many batches of one record each.
fn alive<U: Record>(steps: u64, make: impl FnOnce(&DStream<Counted>) -> DStream<U>) -> Vec<u64> {
    let (batches, clock) = program();
    let (alive, queue) = (Arc::new(AtomicU64::new(0)), RddQueue::new());
    let stream = batches.queue_stream(queue.clone(), QueueMode::OneAtATime, None);
    make(&stream).foreach_rdd(|rdd| rdd.count().map(drop));
    batches.start().unwrap();
    let mut levels = Vec::new();
    for step in 1..=steps {
        queue.push(batches.context().parallelize_in([Counted::new(&alive)], 1));
        clock.advance(seconds(1));
        batches.await_batches(step).unwrap();
        levels.push(alive.load(Ordering::SeqCst));
    }
    levels
}

#[test]
fn a_batch_that_is_done_is_let_go() {
    assert_eq!(alive(3, |stream| stream.map(|record| record)), [0, 0, 0]);
}

#[test]
fn a_window_keeps_as_many_batches_as_it_needs() {
    let levels = alive(20, |stream| stream.window(seconds(4), seconds(1)));
    assert_eq!(levels[10..], [4; 10], "{levels:?}");
}

#[test]
fn a_window_of_what_was_made_of_records_does_not_keep_the_records() {
    for slide in [1, 4] {
        let slide = seconds(slide);
        let plain =
            |stream: &DStream<Counted>| stream.map(|_| 1).reduce_by_window(|a, b| a + b, seconds(8), slide);
        assert_eq!(alive(10, plain), [0; 10]);
        let carried = |stream: &DStream<Counted>| stream.count_by_window(seconds(8), slide);
        assert_eq!(alive(10, carried), [0; 10]);
    }
}

#[test]
fn a_persisted_stream_is_computed_once_for_several_outputs() {
    let (batches, clock) = program();
    let (count, seen) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&count);
    let numbers = queued(&batches, &[&[1, 2], &[3]]).map(move |n| {
        counted.fetch_add(1, Ordering::Relaxed);
        n
    });
    let numbers = numbers.cache();
    let sum = Arc::clone(&seen);
    numbers.foreach_rdd(move |rdd| {
        sum.fetch_add(rdd.count()?, Ordering::Relaxed);
        Ok(())
    });
    assert_eq!(outcome(&batches, &clock, &numbers, 2), [(1, vec![1, 2]), (2, vec![3])]);
    assert_eq!((count.load(Ordering::Relaxed), seen.load(Ordering::Relaxed)), (3, 3));
}

#[test]
fn remember_keeps_the_data_sets_of_the_last_batches_for_slice() {
    let (batches, clock) = program();
    let doubled = queued(&batches, &[&[1], &[2], &[3], &[4]]).map(|n| n * 2);
    batches.remember(seconds(2));
    assert_eq!(outcome(&batches, &clock, &doubled, 4).len(), 4);
    let at = |second: i64| Timestamp::from_millis(second * 1000);
    let records =
        |rdds: Vec<Rdd<i32>>| -> Vec<i32> { rdds.iter().flat_map(|rdd| rdd.collect().unwrap()).collect() };
    assert_eq!(records(doubled.slice(at(1), at(9))), [6, 8], "those of the last two seconds");
    assert_eq!(records(doubled.slice(at(4), at(4))), [8]);
}

#[test]
fn the_level_of_a_stream_is_that_of_each_of_its_data_sets() {
    let levels = |keep: fn(DStream<i32>) -> DStream<i32>| {
        let (batches, clock) = program();
        let (each, levels) = channel();
        keep(queued(&batches, &[&[1, 2], &[3]]).map(|n| n + 1)).foreach_rdd(move |rdd| {
            rdd.count()?;
            each.send((rdd.storage_level(), rdd.cached_size().disk > 0)).unwrap();
            Ok(())
        });
        batches.start().unwrap();
        clock.advance(seconds(2));
        batches.await_batches(2).unwrap();
        levels.try_iter().collect::<Vec<_>>()
    };
    assert_eq!(levels(|stream| stream.persist(StorageLevel::DiskOnly)), [(StorageLevel::DiskOnly, true); 2]);
    assert_eq!(levels(|stream| stream.cache()), [(StorageLevel::MemoryOnly, false); 2]);
}
