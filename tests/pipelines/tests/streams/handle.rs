//! The handle of a running job: status, cancel, stop, result.

use std::time::Duration;

use millstream::connectors::collect::Collect;
use millstream::connectors::discard::Discard;
use millstream::connectors::generator::Generator;
use millstream::{CheckpointSettings, JobHandle, JobStatus, Restart, StreamEnvironment};

/// The status in which a job comes to rest.
fn last_status(job: &JobHandle) -> JobStatus {
    loop {
        match job.status() {
            JobStatus::Running | JobStatus::Restarting => std::thread::yield_now(),
            status => return status,
        }
    }
}

/// A job that goes on until it is told to end, in which something has come through.
fn endless(env: &StreamEnvironment) -> JobHandle {
    let (sink, found) = Collect::new();
    env.source(Generator::new(|n| n, None).rate(1_000.0)).sink_to(sink);
    let job = env.start("endless").unwrap();
    while found.take().is_empty() {
        std::thread::yield_now();
    }
    job
}

#[test]
fn a_job_that_has_read_all_its_input_is_finished_and_tells_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let env = StreamEnvironment::new();
    env.enable_checkpoints(CheckpointSettings::in_folder(folder.path()));
    env.from_sequence(1, 100).sink_to(Discard::new());
    let job = env.start("short").unwrap();
    assert_eq!(last_status(&job), JobStatus::Finished);
    let result = job.wait().unwrap();
    assert_eq!((result.restarts, result.stopped), (0, false));
    assert!(result.checkpoints >= 1, "the last checkpoint at least");
    assert!(result.runtime > Duration::ZERO);
}

#[test]
fn a_cancelled_job_says_so_in_status_and_error() {
    let job = endless(&StreamEnvironment::new());
    assert_eq!(job.status(), JobStatus::Running);
    job.cancel();
    assert_eq!(last_status(&job), JobStatus::Canceled);
    let failure = job.wait().unwrap_err();
    assert!(failure.is_cancelled() && failure.to_string().contains("cancelled"), "{failure}");
}

#[test]
fn a_stopped_job_ends_in_order_with_a_result() {
    let job = endless(&StreamEnvironment::new());
    job.stop();
    assert_eq!(last_status(&job), JobStatus::Canceled);
    assert!(job.wait().unwrap().stopped);
}

#[test]
fn a_job_can_be_stopped_from_elsewhere() {
    let job = endless(&StreamEnvironment::new());
    let remote = job.remote();
    std::thread::spawn(move || remote.stop()).join().unwrap();
    assert!(job.wait().unwrap().stopped);
}

#[test]
fn a_failed_job_has_a_status_and_gives_its_failure() {
    let env = StreamEnvironment::new();
    env.set_restart(Restart::FixedDelay { attempts: 2, delay: Duration::ZERO });
    env.from_sequence(1, 10).map(|n| 10 / (n - 5)).name("divide").sink_to(Discard::new());
    let job = env.start("failing").unwrap();
    assert_eq!(last_status(&job), JobStatus::Failed);
    let failure = job.wait().unwrap_err().to_string();
    assert!(failure.contains("operator `divide`") && failure.contains("started again 2 times"), "{failure}");
}

#[test]
fn a_savepoint_of_a_job_without_checkpoints_is_refused() {
    let job = endless(&StreamEnvironment::new());
    let failure = job.savepoint().unwrap_err().to_string();
    assert!(failure.contains("checkpoint"), "{failure}");
    job.cancel();
    assert!(job.wait().is_err());
}
