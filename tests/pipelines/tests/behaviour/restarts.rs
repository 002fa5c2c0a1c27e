//! How often a job that fails is tried.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use millstream::{CheckpointSettings, Mode, Restart, StreamEnvironment};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Runs a job that fails in its first `failures` attempts; gives how often it was tried and what came of it.
#[allow(clippy::panic, reason = "the job is to fail")]
fn run(strategy: Restart, failures: u32) -> (u32, Result<Vec<u64>, String>) {
    let env = StreamEnvironment::new();
    env.set_restart(strategy);
    let tried = Arc::new(AtomicU32::new(0));
    let count = tried.clone();
    let stream = env.from_sequence(1, 3).map(move |n| {
        if n == 3 && count.fetch_add(1, Ordering::Relaxed) < failures {
            panic!("attempt failed");
        }
        n
    });
    let result = stream.execute_and_collect("tried").map_err(|failure| failure.to_string());
    (tried.load(Ordering::Relaxed), result)
}

#[test]
fn without_a_strategy_a_job_is_tried_once() {
    let (tried, result) = run(Restart::Never, 1);
    assert_eq!(tried, 1);
    assert!(result.unwrap_err().contains("attempt failed"));
}

#[test]
fn a_fixed_delay_is_tried_so_often_and_once_more() {
    let strategy = || Restart::FixedDelay { attempts: 2, delay: MILLISECOND };
    assert_eq!(run(strategy(), 2), (3, Ok(vec![1, 2, 3])));
    let (tried, result) = run(strategy(), 3);
    assert_eq!(tried, 3);
    assert!(result.unwrap_err().contains("started again 2 times"));
}

#[test]
fn a_failure_rate_gives_up_when_failures_come_too_fast() {
    let strategy = |interval| Restart::FailureRate { failures: 2, interval, delay: 2 * MILLISECOND };
    let (tried, result) = run(strategy(Duration::from_secs(3_600)), u32::MAX);
    assert_eq!(tried, 3);
    assert!(result.unwrap_err().contains("started again 2 times"));
    // So short that each failure stands alone.
    assert_eq!(run(strategy(Duration::from_nanos(1)), 5), (6, Ok(vec![1, 2, 3])));
}

#[test]
fn an_exponential_delay_never_gives_up() {
    let strategy = Restart::ExponentialDelay {
        initial: Duration::from_micros(10),
        max: MILLISECOND,
        factor: 2.0,
        reset_after: Duration::from_secs(3_600),
    };
    assert_eq!(run(strategy, 9), (10, Ok(vec![1, 2, 3])));
}

#[test]
fn collected_results_of_a_failed_attempt_are_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.set_parallelism(2).set_records_in_flight(4).set_mode(Mode::Streaming);
    env.set_restart(Restart::FixedDelay { attempts: 5, delay: MILLISECOND });
    env.enable_checkpoints(CheckpointSettings {
        interval: 2 * MILLISECOND,
        ..CheckpointSettings::in_folder(folder.path())
    });
    let tried = Arc::new(AtomicU32::new(0));
    let count = tried.clone();
    let stream = env.from_sequence(1, 3_000).rebalance().map(move |n| {
        if n % 1_000 == 0 && count.fetch_add(1, Ordering::Relaxed) < 4 {
            panic!("not yet");
        }
        n
    });
    let mut found = stream.execute_and_collect("exact").unwrap();
    found.sort_unstable();
    assert_eq!(found, (1..=3_000).collect::<Vec<_>>());
    assert!(tried.load(Ordering::Relaxed) > 4);
}
