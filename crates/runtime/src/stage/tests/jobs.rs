//! Several jobs at once, and jobs that are told to stop.

use std::sync::mpsc::channel;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use millstream_dataflow::lineage::Lineage;
use millstream_model::error::Failure;

use super::*;

#[test]
fn jobs_of_several_threads_share_a_shuffle_that_is_made_once() {
    let engine = engine(3);
    let numbers = Numbers::new(&engine, 6);
    let sums = Sums::new(&engine, Arc::clone(&numbers) as Arc<_>, 4);
    let begin = Arc::new(Barrier::new(8));
    let jobs: Vec<_> = (0..8)
        .map(|_| {
            let (engine, begin) = (Arc::clone(&engine), Arc::clone(&begin));
            let dataset: Arc<dyn Dataset<u64>> = Arc::clone(&sums) as Arc<_>;
            thread::spawn(move || {
                begin.wait();
                collect(&engine, &dataset).unwrap().iter().sum::<u64>()
            })
        })
        .collect();
    assert!(jobs.into_iter().all(|job| job.join().unwrap() == 1770));
    let counters = engine.counters();
    assert_eq!((counters.map_tasks, counters.skipped_stages, counters.result_tasks), (6, 7, 32));
    assert_eq!(count(&numbers.computed), 6);
}

#[test]
fn a_job_takes_over_a_shuffle_that_another_failed_to_make() {
    let engine = engine(2);
    let (first_is_there, wait) = channel();
    let (go_on, gone_on) = channel::<()>();
    let gate = Mutex::new(Some((first_is_there, gone_on)));
    let numbers = Numbers::with(&engine, 1, move |_, _| match gate.lock().unwrap().take() {
        Some((there, gone_on)) => {
            there.send(()).unwrap();
            gone_on.recv().unwrap();
            Err(Failure::user("the first fails"))
        }
        None => Ok(()),
    });
    let sums: Arc<dyn Dataset<u64>> = Sums::new(&engine, numbers, 1);
    let start = || {
        let (engine, sums) = (Arc::clone(&engine), Arc::clone(&sums));
        thread::spawn(move || collect(&engine, &sums))
    };
    let first = start();
    wait.recv().unwrap();
    let second = start();
    go_on.send(()).unwrap();
    assert!(first.join().unwrap().unwrap_err().to_string().contains("the first fails"));
    assert_eq!(second.join().unwrap().unwrap(), [45]);
}

#[test]
fn a_task_that_does_not_stop_is_named_in_the_error_and_not_waited_for() {
    let within = Duration::from_millis(20);
    let settings = StageSettings { slots: 2, cancel_timeout: within, ..StageSettings::default() };
    let engine = StageEngine::new(&settings).unwrap();
    let ((let_go, held), started) = (channel::<()>(), Arc::new(Barrier::new(2)));
    let held = Mutex::new(held);
    let numbers: Arc<dyn Dataset<u64>> = Numbers::with(&engine, 3, move |partition, _| {
        match partition {
            0 => {
                started.wait();
                return Err(Failure::user("the first task fails"));
            }
            1 => {
                started.wait();
                // A task that hears nothing of being told to stop.
                let _let_go = held.lock().unwrap().recv();
            }
            _ => {}
        }
        Ok(())
    });
    let message = collect(&engine, &numbers).unwrap_err().to_string();
    assert!(message.contains("the first task fails"), "{message}");
    let left = "did not stop within 20ms and are left to themselves, others have their slots: partition 1";
    assert!(message.contains(left), "{message}");
    // The next job has as many slots as the first had: two of its tasks wait for each other.
    let meeting = Barrier::new(2);
    let met: Arc<dyn Dataset<u64>> = Numbers::with(&engine, 2, move |_, _| {
        meeting.wait();
        Ok(())
    });
    assert_eq!(collect(&engine, &met).unwrap().len(), 20);
    // Nor does the end of the engine wait for the one that does not stop.
    drop((numbers, met, engine));
    drop(let_go);
}

#[test]
fn a_job_that_fails_has_no_task_left_that_runs_or_begins() {
    let engine = engine(2);
    let inside = Arc::new(AtomicU64::new(0));
    let (begun, started) = (Arc::clone(&inside), Arc::new(Barrier::new(2)));
    let numbers: Arc<dyn Dataset<u64>> = Numbers::with(&engine, 50, move |partition, task| {
        begun.fetch_add(1, Ordering::Relaxed);
        match partition {
            0 => {
                started.wait();
                return Err(Failure::user("the first task fails"));
            }
            1 => {
                started.wait();
                // A task that only ends because it is told to.
                while task.cancellation.check().is_ok() {
                    thread::yield_now();
                }
            }
            _ => {}
        }
        task.cancellation.check()
    });
    let message = collect(&engine, &numbers).unwrap_err().to_string();
    assert!(message.contains("the first task fails"), "{message}");
    let when_it_failed = count(&inside);
    assert_eq!(when_it_failed, 2, "the one that fails and the one beside it");
    // Everything queued for the job is through when a later job is.
    let later: Arc<dyn Dataset<u64>> = Numbers::new(&engine, 4);
    assert_eq!(collect(&engine, &later).unwrap().len(), 40);
    assert_eq!(count(&inside), when_it_failed);
}

#[test]
fn jobs_that_run_are_told_to_stop_and_later_ones_are_not() {
    let engine = engine(1);
    let (begun, running) = channel();
    let begun = Mutex::new(begun);
    let endless: Arc<dyn Dataset<u64>> = Numbers::with(&engine, 2, move |_, task| {
        begun.lock().unwrap().send(()).unwrap();
        loop {
            task.cancellation.check()?;
            thread::yield_now();
        }
    });
    // Of two jobs on it, one makes the shuffle and the other waits for that.
    let behind: Arc<dyn Dataset<u64>> = Sums::new(&engine, Arc::clone(&endless), 2);
    let start = |dataset: &Arc<dyn Dataset<u64>>| {
        let (engine, dataset) = (Arc::clone(&engine), Arc::clone(dataset));
        thread::spawn(move || collect(&engine, &dataset))
    };
    let first = start(&endless);
    running.recv().unwrap();
    assert_eq!(engine.cancel_all_jobs(), 1);
    assert!(first.join().unwrap().unwrap_err().is_cancelled());
    let jobs = [start(&behind), start(&behind)];
    running.recv().unwrap();
    // The one that waits may take over from the one that is told first, and begins a little later.
    while !jobs.iter().all(thread::JoinHandle::is_finished) {
        engine.cancel_all_jobs();
        thread::yield_now();
    }
    for job in jobs {
        assert!(job.join().unwrap().unwrap_err().is_cancelled());
    }
    assert_eq!(engine.cancel_all_jobs(), 0);
    let later: Arc<dyn Dataset<u64>> = Numbers::new(&engine, 2);
    assert_eq!(collect(&engine, &later).unwrap().len(), 20);
    assert_eq!(engine.counters().map_tasks, 0);
}

#[test]
fn an_action_inside_a_task_is_refused_but_one_of_another_engine_is_not() {
    let (outer, other) = (engine(1), engine(1));
    let inner: Arc<dyn Dataset<u64>> = Numbers::new(&outer, 1);
    let (again, within) = (Arc::downgrade(&outer), Arc::clone(&inner));
    let nested: Arc<dyn Dataset<u64>> = Numbers::with(&outer, 1, move |_, _| {
        let engine = again.upgrade().unwrap();
        collect(&engine, &within).map(drop)
    });
    let message = collect(&outer, &nested).unwrap_err().to_string();
    assert!(message.contains("`numbers` (rdd 0) was called inside a task"), "{message}");
    let elsewhere: Arc<dyn Dataset<u64>> = Numbers::new(&other, 1);
    let beside: Arc<dyn Dataset<u64>> =
        Numbers::with(&outer, 1, move |_, _| collect(&other, &elsewhere).map(drop));
    assert_eq!(collect(&outer, &beside).unwrap().len(), 10);
}

#[test]
fn a_parallelism_of_zero_is_refused() {
    let message =
        StageEngine::new(&StageSettings { slots: 0, ..StageSettings::default() }).unwrap_err().to_string();
    assert!(message.contains("parallelism 0") && message.contains("1 or more"), "{message}");
}

#[test]
fn the_stages_that_a_job_waits_for_are_listed_with_their_tasks() {
    let engine = engine(2);
    assert!(engine.progress().is_empty());
    let (is_there, wait) = channel();
    let (go_on, gone_on) = channel::<()>();
    let gate = Mutex::new((is_there, gone_on));
    let numbers = Numbers::with(&engine, 3, move |partition, _| {
        if partition == 2 {
            let gate = gate.lock().unwrap();
            gate.0.send(()).unwrap();
            gate.1.recv().unwrap();
        }
        Ok(())
    });
    let map = numbers.id();
    let sums: Arc<dyn Dataset<u64>> = Sums::new(&engine, numbers, 4);
    let job = {
        let (engine, sums) = (Arc::clone(&engine), Arc::clone(&sums));
        thread::spawn(move || collect(&engine, &sums))
    };
    wait.recv().unwrap();
    // The other two may still be on their way out.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let (result, maps) = loop {
        let mut jobs = engine.progress();
        let mut stages = jobs.remove(0);
        let (maps, result) = (stages.remove(1), stages.remove(0));
        if maps.done == 2 || std::time::Instant::now() > end {
            break (result, maps);
        }
        thread::yield_now();
    };
    assert_eq!((maps.dataset, maps.tasks, maps.active, maps.done, maps.failed), (map, 3, 1, 2, 0));
    assert_eq!((result.dataset, result.tasks, result.active, result.done), (sums.id(), 4, 0, 0));
    go_on.send(()).unwrap();
    job.join().unwrap().unwrap();
    assert!(engine.progress().is_empty());
}
