//! Tasks that take too long, run a second time.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::*;
use crate::stage::Speculation;

fn speculating(slots: usize) -> Arc<StageEngine> {
    let tick = Duration::from_millis(1);
    let rule = Speculation { quantile: 0.5, interval: tick, min_runtime: tick, ..Speculation::default() };
    let settings = StageSettings { slots, speculation: Some(rule), ..StageSettings::default() };
    Arc::new(StageEngine::new(&settings).unwrap())
}

#[test]
fn a_straggler_is_not_waited_for_and_counts_once() {
    let engine = speculating(2);
    let seen = engine.accumulator("seen", 0_u64, |sum, more| *sum += more).unwrap();
    let (go_on, gone_on) = channel::<()>();
    let (left, has_left) = channel();
    let (gone_on, count_seen) = (Mutex::new(gone_on), seen.clone());
    let numbers: Arc<dyn Dataset<u64>> = Numbers::with(&engine, 6, move |partition, task| {
        count_seen.add(1);
        if partition == 3 && task.attempt == 1 {
            // Nothing stops this one before the test says so.
            gone_on.lock().unwrap().recv().unwrap();
            left.send(task.cancellation.is_cancelled()).unwrap();
        }
        Ok(())
    });
    assert_eq!(collect(&engine, &numbers).unwrap(), (0..60).collect::<Vec<_>>());
    assert_eq!(seen.value().unwrap(), 6);
    let counters = engine.counters();
    assert!(counters.speculative_attempts >= 1, "{counters:?}");
    assert_eq!((counters.result_tasks, counters.failed_attempts, counters.lost_attempts), (6, 0, 0));
    // Both slots are there for what comes next, while it still runs.
    let both = std::sync::Barrier::new(2);
    let meeting: Arc<dyn Dataset<u64>> = Numbers::with(&engine, 2, move |_, _| {
        both.wait();
        Ok(())
    });
    assert_eq!(collect(&engine, &meeting).unwrap().len(), 20);
    go_on.send(()).unwrap();
    assert!(has_left.recv().unwrap(), "it was told to stop");
    assert_eq!(seen.value().unwrap(), 6);
}

#[test]
fn a_straggling_map_task_leaves_its_blocks_once() {
    let engine = speculating(2);
    let (go_on, gone_on) = channel::<()>();
    let (left, has_left) = channel();
    let gone_on = Mutex::new(gone_on);
    let numbers = Numbers::with(&engine, 4, move |partition, task| {
        if partition == 2 && task.attempt == 1 {
            gone_on.lock().unwrap().recv().unwrap();
            left.send(()).unwrap();
        }
        Ok(())
    });
    let sums: Arc<dyn Dataset<u64>> = Sums::new(&engine, numbers, 2);
    let found = collect(&engine, &sums).unwrap();
    assert_eq!(found.iter().sum::<u64>(), 780);
    assert_eq!(engine.counters().map_tasks, 4);
    go_on.send(()).unwrap();
    has_left.recv().unwrap();
    assert_eq!(collect(&engine, &sums).unwrap(), found);
    assert_eq!(engine.counters().map_tasks, 4);
}

#[test]
fn nothing_is_run_twice_unless_the_program_says_so() {
    assert_eq!(StageSettings::default().speculation, None);
}
