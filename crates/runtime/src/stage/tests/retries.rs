//! Tasks that fail, and blocks that are lost.

use millstream_dataflow::lineage::StorageLevel;
use millstream_model::error::{Failure, Retry};

use super::*;

/// Fails the first `times` attempts at partition 1.
fn failing(engine: &StageEngine, times: u64, failure: fn() -> Failure) -> Arc<dyn Dataset<u64>> {
    let failures = AtomicU64::new(0);
    Numbers::with(engine, 3, move |partition, _| {
        if partition == 1 && failures.fetch_add(1, Ordering::Relaxed) < times {
            Err(failure())
        } else {
            Ok(())
        }
    })
}

#[test]
fn results_come_in_the_order_of_the_partitions_asked_for() {
    let engine = engine(3);
    let numbers: Arc<dyn Dataset<u64>> = Numbers::new(&engine, 5);
    let firsts = engine.run(&numbers, &[4, 0, 2], |mut records, _| Ok(drain(&mut *records)?[0])).unwrap();
    assert_eq!(firsts, [40, 0, 20]);
    assert_eq!(engine.run(&numbers, &[], |_, _| Ok(())).unwrap(), []);
}

#[test]
fn a_failure_that_may_pass_is_tried_four_times_and_only_its_task_is() {
    let engine = engine(2);
    let attempts = Arc::new(AtomicU64::new(0));
    let tried = Arc::clone(&attempts);
    let numbers = Numbers::with(&engine, 3, move |partition, task| {
        if partition == 1 {
            assert_eq!(u64::from(task.attempt), tried.fetch_add(1, Ordering::Relaxed) + 1);
            if task.attempt < 4 {
                return Err(Failure::external("busy"));
            }
        }
        Ok(())
    });
    let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&numbers) as Arc<_>;
    assert_eq!(collect(&engine, &dataset).unwrap(), (0..30).collect::<Vec<_>>());
    assert_eq!((count(&attempts), count(&numbers.computed)), (4, 3));
    assert_eq!((engine.counters().failed_attempts, engine.counters().result_tasks), (3, 3));

    let message =
        collect(&engine, &failing(&engine, 4, || Failure::external("busy"))).unwrap_err().to_string();
    assert!(message.contains("operator `numbers`") && message.contains("caused by: busy"), "{message}");
    assert!(message.contains("partition 1 of rdd") && message.contains("in all 4 attempts"), "{message}");
}

#[test]
fn a_failure_that_would_only_come_again_is_tried_once() {
    let engine = engine(2);
    let wrong = || Failure::user("the input is wrong");
    let message = collect(&engine, &failing(&engine, 1, wrong)).unwrap_err().to_string();
    assert!(message.contains("failed in attempt 1; another would fail in the same way"), "{message}");
    assert_eq!(engine.counters().failed_attempts, 1);
    // Whoever knows better says so.
    let passing = || Failure::user("not there yet").retry(Retry::Yes);
    assert_eq!(collect(&engine, &failing(&engine, 1, passing)).unwrap().len(), 30);
}

#[test]
fn a_panic_is_tried_again_and_costs_no_slot() {
    let engine = engine(1);
    let panics = AtomicU64::new(0);
    let numbers: Arc<dyn Dataset<u64>> = Numbers::with(&engine, 2, move |_, _| {
        assert!(panics.fetch_add(1, Ordering::Relaxed) >= 3, "not yet");
        Ok(())
    });
    assert_eq!(collect(&engine, &numbers).unwrap().len(), 20);
    assert_eq!(engine.counters().failed_attempts, 3);
}

#[test]
fn a_block_that_is_lost_while_a_stage_reads_it_is_made_again_and_no_other() {
    let engine = engine(2);
    let numbers = Numbers::new(&engine, 4);
    let (lost, loser) = (AtomicU64::new(0), Arc::downgrade(&engine));
    let sums = Sums::with(&engine, Arc::clone(&numbers) as Arc<_>, 2, move |partition, _| {
        if partition == 1 && lost.fetch_add(1, Ordering::Relaxed) == 0 {
            let engine = loser.upgrade().unwrap();
            engine.lose_shuffled(millstream_dataflow::lineage::ShuffleId(0), 2);
        }
        Ok(())
    });
    let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&sums) as Arc<_>;
    let found = collect(&engine, &dataset).unwrap();
    assert_eq!(found.iter().sum::<u64>(), 780);
    assert_eq!(found.len(), 8);
    assert_eq!((engine.counters().map_tasks, count(&numbers.computed)), (5, 5), "one of the four, once more");
    assert!((1..=2).contains(&engine.counters().failed_attempts));
}

#[test]
fn blocks_that_are_there_are_not_made_again() {
    let engine = engine(2);
    let numbers = Numbers::new(&engine, 4);
    let sums = Sums::new(&engine, Arc::clone(&numbers) as Arc<_>, 3);
    let again = Sums::new(&engine, Arc::clone(&sums) as Arc<_>, 2);
    let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&again) as Arc<_>;
    let first = collect(&engine, &dataset).unwrap();
    assert_eq!((engine.counters().map_tasks, engine.counters().skipped_stages), (4 + 3, 0));
    assert_eq!(collect(&engine, &dataset).unwrap(), first);
    assert_eq!((engine.counters().map_tasks, engine.counters().skipped_stages), (4 + 3, 1));
    // A lost block of the last shuffle needs the one before, which is there.
    engine.lose_shuffled(again.shuffle(), 1);
    assert_eq!(collect(&engine, &dataset).unwrap(), first);
    assert_eq!((engine.counters().map_tasks, engine.counters().skipped_stages), (4 + 3 + 1, 2));
    // Lost all the way down: only what is needed for it.
    engine.lose_shuffled(again.shuffle(), 0);
    engine.lose_shuffled(sums.shuffle(), 3);
    assert_eq!(collect(&engine, &dataset).unwrap(), first);
    assert_eq!((engine.counters().map_tasks, count(&numbers.computed)), (4 + 3 + 1 + 2, 5));
}

#[test]
fn a_lost_kept_partition_is_computed_again_and_no_other() {
    let engine = engine(2);
    for level in [StorageLevel::MemoryOnly, StorageLevel::MemoryAndDisk, StorageLevel::DiskOnly] {
        let numbers = Numbers::kept(&engine, 4, level, |_, _| Ok(()));
        let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&numbers) as Arc<_>;
        assert_eq!(collect(&engine, &dataset).unwrap(), collect(&engine, &dataset).unwrap());
        engine.lose_cached(dataset.id(), 3);
        assert_eq!(collect(&engine, &dataset).unwrap(), (0..40).collect::<Vec<_>>());
        assert_eq!(count(&numbers.computed), 5, "{level:?}");
    }
}

#[test]
fn a_stage_whose_data_set_is_kept_whole_needs_nothing_before_it() {
    let engine = engine(2);
    let numbers = Numbers::kept(&engine, 2, StorageLevel::MemoryOnly, |_, _| Ok(()));
    let sums = Sums::new(&engine, Arc::clone(&numbers) as Arc<_>, 2);
    let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&sums) as Arc<_>;
    let first = collect(&engine, &dataset).unwrap();
    engine.forget_shuffle(sums.shuffle());
    assert_eq!(collect(&engine, &dataset).unwrap(), first);
    assert_eq!((engine.counters().map_tasks, count(&numbers.computed)), (4, 2));
}
