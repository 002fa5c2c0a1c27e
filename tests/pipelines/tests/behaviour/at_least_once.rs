//! Barriers that nobody waits for.

use std::time::Duration;

use millstream::connectors::collect::{Collect, CollectHandle};
use millstream::{CheckpointMode, CheckpointSettings, JobHandle, JobStatus, RestoreFrom, StreamEnvironment};

use crate::gate::Gate;

/// A count over two sources of one subtask each, with no checkpoints but those that are asked for.
fn counting(
    folder: &tempfile::TempDir,
    sources: &[Gate; 2],
    restore: RestoreFrom,
) -> (JobHandle, CollectHandle<(u64, u64)>) {
    let env = StreamEnvironment::new();
    env.set_flush_interval(Duration::ZERO);
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_secs(3_600),
        mode: CheckpointMode::AtLeastOnce,
        restore,
        ..CheckpointSettings::in_folder(folder.path())
    });
    let [one, other] = sources.clone().map(|gate| env.source(gate));
    let (sink, found) = Collect::new();
    one.union(&other).rebalance().key_by(|_| 0_u64).count().uid("count").sink_to(sink);
    (env.start("counting").unwrap(), found)
}

#[allow(clippy::panic, reason = "a job that fails fails the test")]
/// Waits until the count has come this far, or the job to an end it should not have.
fn wait_for(job: JobHandle, found: &CollectHandle<(u64, u64)>, count: u64) -> (JobHandle, u64) {
    let mut last = 0;
    while last < count {
        if job.status() != JobStatus::Running {
            panic!("the count came to {last} of {count}, then: {:?}", job.wait());
        }
        last = found.take().last().map_or(last, |(_, count)| *count);
        std::thread::yield_now();
    }
    (job, last)
}

#[test]
fn no_channel_waits_and_after_a_restart_records_may_count_twice_but_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let sources = [Gate::new(0, 5), Gate::new(100, 5)];
    let (job, found) = counting(&folder, &sources, RestoreFrom::Nothing);
    let (job, _) = wait_for(job, &found, 10);
    sources[1].close();
    sources[1].wait_until_held();
    let name = std::thread::scope(|scope| {
        let savepoint = scope.spawn(|| job.savepoint());
        // The barrier has come through one channel; what follows it there is counted although the other is behind.
        sources[0].wait_for_snapshots(1);
        sources[0].allow(8);
        while job.metrics().operators.iter().all(|operator| operator.records_in < 13) {
            std::thread::yield_now();
        }
        sources[1].open();
        savepoint.join().unwrap().unwrap()
    });
    job.cancel();
    assert!(job.wait().unwrap_err().is_cancelled());

    let (job, found) = counting(&folder, &sources, RestoreFrom::Named(name));
    // Thirteen were counted, and three of them come again.
    let (job, count) = wait_for(job, &found, 16);
    assert_eq!(count, 16);
    sources[1].allow(6);
    let (job, count) = wait_for(job, &found, 17);
    assert_eq!(count, 17);
    job.stop();
    job.wait().unwrap();
}
