//! Whole jobs in one process: what they give, how they fail, and that none of them gets stuck.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use millstream::connectors::collect::{Collect, CollectHandle};
use millstream::connectors::discard::Discard;
use millstream::connectors::generator::Generator;
use millstream::state::StateData;
use millstream::{CheckpointSettings, DataStream, Mode, Restart, RestoreFrom, StreamEnvironment};

/// An environment whose channels hold one record each, with checkpoints all the time.
fn narrow(folder: &tempfile::TempDir, parallelism: u32) -> StreamEnvironment {
    let env = StreamEnvironment::new();
    env.set_parallelism(parallelism).set_records_in_flight(1);
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(2),
        ..CheckpointSettings::in_folder(folder.path())
    });
    env
}

fn sorted<T: Ord + StateData>(stream: &DataStream<T>) -> Vec<T> {
    let mut found = stream.execute_and_collect("test").unwrap();
    found.sort();
    found
}

#[test]
fn a_diamond_with_channels_of_one_record_and_barriers_comes_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = narrow(&folder, 2).from_sequence(1, 2_000);
    let left = numbers.rebalance().map(|n| n * 2);
    let right = numbers.shuffle().map(|n| n * 2 + 1);
    let found = sorted(&left.union(&right).rebalance().map(|n| n));
    assert_eq!(found, (2..=4_001).collect::<Vec<_>>());
}

#[test]
fn a_stream_united_with_itself_gives_each_record_twice() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = narrow(&folder, 2).from_sequence(1, 1_000);
    let found = sorted(&numbers.union(&numbers).map(|n| n));
    assert_eq!(found, (1..=1_000).flat_map(|n| [n, n]).collect::<Vec<_>>());
}

#[test]
fn two_inputs_of_very_different_speed_both_come_to_their_ends() {
    let folder = tempfile::tempdir().unwrap();
    let env = narrow(&folder, 1);
    let slow = env.from_sequence(1, 20).map(|n| {
        std::thread::park_timeout(Duration::from_millis(2));
        n
    });
    let fast = env.from_sequence(101, 5_000);
    let found = sorted(&slow.union(&fast).key_by(|n| n % 3).reduce(|_, n| n).rebalance().map(|n| n));
    assert_eq!(found.len(), 20 + 4_900);
}

#[test]
fn the_records_in_flight_keep_to_their_bound_behind_a_flat_map_that_multiplies() {
    let env = StreamEnvironment::new();
    env.set_records_in_flight(100);
    env.from_sequence(1, 50)
        .flat_map(|n| (0..1_000).map(move |m| n * m))
        .rebalance()
        .filter(|n| {
            if n % 1_000 == 0 {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            true
        })
        .sink_to(Discard::new());
    let job = env.start("explosion").unwrap();
    while job.status() == millstream::JobStatus::Running {
        assert!(job.metrics().records_in_flight <= 100);
        std::thread::yield_now();
    }
    let peak = job.metrics().peak_records_in_flight;
    assert!((1..=100).contains(&peak), "{peak}");
    job.wait().unwrap();
}

#[test]
fn before_a_slow_sink_time_is_spent_waiting_for_room_and_behind_an_idle_source_for_input() {
    let env = StreamEnvironment::new();
    env.set_records_in_flight(2);
    let slow = |n: u64| {
        std::thread::park_timeout(Duration::from_millis(1));
        n
    };
    env.from_sequence(1, 200).name("numbers").rebalance().map(slow).name("slow").sink_to(Discard::new());
    env.source(Generator::new(|n| n, Some(40)).rate(200.0))
        .rebalance()
        .map(|n| n)
        .name("quick")
        .sink_to(Discard::new());
    let job = env.start("spent").unwrap();
    let mut shares = Vec::new();
    while job.status() == millstream::JobStatus::Running {
        shares = job.metrics().operators;
        std::thread::yield_now();
    }
    job.wait().unwrap();
    let of = |name: &str| shares.iter().find(|operator| operator.name == name).unwrap().chain;
    let (numbers, slow, quick) = (of("numbers"), of("slow"), of("quick"));
    assert!(numbers.backpressured > numbers.busy(), "{numbers:?}");
    assert!(slow.busy() > slow.idle && slow.backpressured == 0, "{slow:?}");
    assert!(quick.idle > quick.busy(), "{quick:?}");
    assert_eq!((slow.bytes_in, numbers.bytes_out), (0, 0), "nothing left the process");
}

#[test]
fn a_panic_names_the_operator_the_subtask_and_the_record() {
    let env = StreamEnvironment::new();
    env.from_sequence(1, 2_000_000)
        .map(|n| if n == 1_000_000 { panic!("no such number") } else { n })
        .name("check")
        .uid("check-numbers")
        .sink_to(Discard::new());
    let error = env.execute("panics").unwrap_err().to_string();
    for part in
        ["operator `check`", "uid check-numbers", "subtask 1 of 1", "record 1000000", "no such number"]
    {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn a_failed_job_goes_on_from_its_last_checkpoint_and_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let env = narrow(&folder, 2);
    env.set_mode(Mode::Batch)
        .set_restart(Restart::FixedDelay { attempts: 3, delay: Duration::from_millis(1) });
    let failures = Arc::new(AtomicU32::new(0));
    let seen = failures.clone();
    let counts = env
        .from_sequence(1, 3_000)
        .map(move |n| {
            if n == 2_500 && seen.fetch_add(1, Ordering::Relaxed) < 2 {
                panic!("not yet");
            }
            n
        })
        .key_by(|n| n % 10)
        .count();
    assert_eq!(sorted(&counts), (0..10).map(|key| (key, 300)).collect::<Vec<_>>());
    assert_eq!(failures.load(Ordering::Relaxed), 3);
}

#[test]
fn a_job_that_fails_for_good_says_how_often_it_was_tried() {
    let env = StreamEnvironment::new();
    env.set_restart(Restart::FixedDelay { attempts: 2, delay: Duration::ZERO });
    env.from_sequence(1, 10).map(|_| -> u64 { panic!("never") }).sink_to(Discard::new());
    let error = env.execute("hopeless").unwrap_err().to_string();
    assert!(error.contains("started again 2 times"), "{error}");
}

/// Starts counting numbers by their remainder; gives the job and, for each number, how many of its remainder came.
fn counting(
    folder: &tempfile::TempDir,
    parallelism: u32,
    from: RestoreFrom,
) -> (millstream::JobHandle, CollectHandle<(u64, u64)>) {
    let env = narrow(folder, parallelism);
    env.restore(from);
    let (sink, found) = Collect::new();
    env.source(Generator::new(|n| n, None).rate(5_000.0))
        .uid("numbers")
        .parallelism(1)
        .key_by(|n| n % 7)
        .fold(|n| (*n, 1), |held, n| *held = (n, held.1 + 1), |_, held| *held)
        .uid("count")
        .sink_to(sink);
    (env.start("counting").unwrap(), found)
}

#[test]
fn a_savepoint_restores_at_another_parallelism() {
    let folder = tempfile::tempdir().unwrap();
    let (job, _) = counting(&folder, 1, RestoreFrom::Nothing);
    // Counted before it is asked for: a savepoint shows the moment at which it began, not the one at which it is whole.
    while job.metrics().operators.get(1).is_none_or(|count| count.records_in <= 100) {
        std::thread::yield_now();
    }
    let name = loop {
        // Another checkpoint may be on its way: the savepoint is asked for again.
        match job.savepoint() {
            Ok(name) => break name,
            Err(failure) => assert!(failure.may_retry(), "{failure}"),
        }
    };
    job.cancel();
    assert!(job.wait().unwrap_err().is_cancelled());

    let (job, found) = counting(&folder, 3, RestoreFrom::Named(name));
    let mut seen = Vec::new();
    while seen.len() < 100 {
        seen.extend(found.take());
        std::thread::yield_now();
    }
    job.stop();
    job.wait().unwrap();
    seen.extend(found.take());
    assert!(seen.iter().all(|(n, _)| *n > 0), "it began anew");
    for (n, count) in seen {
        assert_eq!(count, n / 7 + 1, "at number {n}");
    }
}

#[test]
fn a_parallelism_of_zero_or_above_the_key_groups_is_refused() {
    for parallelism in [0, 129] {
        let env = StreamEnvironment::new();
        env.set_parallelism(parallelism);
        env.from_sequence(1, 2).sink_to(Discard::new());
        let error = env.execute("wide").unwrap_err().to_string();
        assert!(
            error.contains(&format!("is {parallelism}, but must be from 1 to the max parallelism, 128")),
            "{error}"
        );
    }
}

#[test]
fn a_uid_given_twice_is_refused_with_both_names() {
    let env = StreamEnvironment::new();
    let numbers = env.from_sequence(1, 2).map(|n| n).name("first").uid("x");
    numbers.filter(|_| true).name("second").uid("x").sink_to(Discard::new());
    let error = env.execute("twice").unwrap_err().to_string();
    assert!(error.contains("`first`") && error.contains("`second`"), "{error}");
}

#[test]
fn a_second_job_on_a_checkpoint_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let env = narrow(&folder, 1);
    env.source(Generator::new(|n| n, None).rate(100.0)).sink_to(Discard::new());
    let first = env.start("first").unwrap();
    let error = env.start("second").err().unwrap().to_string();
    assert!(error.contains("lock") || error.contains("process"), "{error}");
    first.stop();
    assert!(first.wait().unwrap().stopped);
}
