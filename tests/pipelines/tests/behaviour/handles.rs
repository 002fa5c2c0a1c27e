//! What the owner of a job sees of it and can ask of it.

use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use millstream::connectors::collect::Collect;
use millstream::connectors::discard::Discard;
use millstream::connectors::generator::Generator;
use millstream::{JobHandle, JobStatus, Restart, StreamEnvironment};

use crate::gate::Gate;

fn wait_while(job: &JobHandle, status: JobStatus) -> JobStatus {
    while job.status() == status {
        std::thread::yield_now();
    }
    job.status()
}

#[test]
fn a_job_runs_until_it_is_cancelled_and_says_so() {
    let env = StreamEnvironment::new();
    env.source(Generator::new(|n| n, None).rate(1_000.0)).sink_to(Discard::new());
    let job = env.start("endless").unwrap();
    assert_eq!(job.status(), JobStatus::Running);
    job.cancel();
    assert_eq!(wait_while(&job, JobStatus::Running), JobStatus::Canceled);
    assert!(job.wait().unwrap_err().is_cancelled());
}

#[test]
fn a_job_that_is_stopped_flushes_its_last_results() {
    let env = StreamEnvironment::new();
    // Nothing would be sent for an hour.
    env.set_flush_interval(Duration::from_secs(3_600));
    let gate = Gate::new(0, 7);
    let (sink, found) = Collect::new();
    env.source(gate.clone()).rebalance().map(|n| n).sink_to(sink);
    let job = env.start("stopped").unwrap();
    gate.wait_until_emitted(7);
    assert!(found.take().is_empty(), "nothing was sent yet");
    job.stop();
    assert!(job.wait().unwrap().stopped);
    assert_eq!(found.take_committed(), (0..7).collect::<Vec<_>>());
}

#[test]
fn a_record_that_fills_no_batch_is_sent_when_the_flush_interval_is_over_or_at_once() {
    for interval in [Duration::from_millis(5), Duration::ZERO] {
        let env = StreamEnvironment::new();
        env.set_flush_interval(interval);
        let (gate, (sink, found)) = (Gate::new(0, 0), Collect::new());
        env.source(gate.clone()).rebalance().map(|n| n).rebalance().sink_to(sink);
        let job = env.start("flushed").unwrap();
        for n in 0..3 {
            gate.allow(n + 1);
            let mut come = found.take();
            while come.is_empty() {
                std::thread::yield_now();
                come = found.take();
            }
            assert_eq!(come, [n], "{interval:?}");
        }
        job.cancel();
        assert!(job.wait().unwrap_err().is_cancelled());
    }
}

#[test]
fn a_job_at_its_end_or_in_ruins_says_which() {
    let env = StreamEnvironment::new();
    env.from_sequence(1, 3).sink_to(Discard::new());
    let job = env.start("short").unwrap();
    assert_eq!(wait_while(&job, JobStatus::Running), JobStatus::Finished);
    job.wait().unwrap();

    let env = StreamEnvironment::new();
    env.from_sequence(1, 3).map(|_| -> u64 { panic!("never") }).sink_to(Discard::new());
    let job = env.start("failing").unwrap();
    assert_eq!(wait_while(&job, JobStatus::Running), JobStatus::Failed);
    assert!(job.wait().is_err());
}

#[test]
fn a_job_that_waits_to_be_started_again_refuses_a_savepoint_and_can_be_cancelled() {
    let env = StreamEnvironment::new();
    env.set_restart(Restart::FixedDelay { attempts: 1, delay: Duration::from_secs(3_600) });
    env.from_sequence(1, 3).map(|_| -> u64 { panic!("not yet") }).sink_to(Discard::new());
    let job = env.start("restarting").unwrap();
    assert_eq!(wait_while(&job, JobStatus::Running), JobStatus::Restarting);
    let refused = job.savepoint().unwrap_err();
    assert!(refused.may_retry() && refused.to_string().contains("about to be started again"), "{refused}");
    assert_eq!(job.status(), JobStatus::Restarting);
    job.cancel();
    assert!(job.wait().unwrap_err().is_cancelled());
}

#[test]
fn a_thread_that_does_not_react_to_a_cancel_is_named_and_the_others_are_not() {
    let env = StreamEnvironment::new();
    env.set_cancel_timeout(Duration::from_millis(500));
    let let_go = Arc::new((Mutex::new(false), Condvar::new()));
    let (stuck, is_stuck) = channel();
    let (held, stuck) = (let_go.clone(), Mutex::new(stuck));
    env.source(Generator::new(|n| n, None).rate(1_000.0))
        .rebalance()
        .map(move |n| {
            stuck.lock().unwrap().send(()).unwrap();
            let (goes, changed) = &*held;
            drop(changed.wait_while(goes.lock().unwrap(), |goes| !*goes).unwrap());
            n
        })
        .name("stubborn")
        .rebalance()
        .sink_to(Discard::new());
    let job = env.start("stuck").unwrap();
    is_stuck.recv().unwrap();
    job.cancel();
    let error = job.wait().unwrap_err().to_string();
    *let_go.0.lock().unwrap() = true;
    let_go.1.notify_all();
    assert!(error.contains("did not stop within 500ms: `stubborn 1/1`\n"), "{error}");
}
