//! Checkpoints that are late, or that have to wait.

use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use millstream::connectors::collect::Collect;
use millstream::connectors::discard::Discard;
use millstream::{CheckpointSettings, JobHandle, StreamEnvironment};
use serde::{Deserialize, Serialize, Serializer};

use crate::gate::Gate;

/// Two sources, of which the second is held: no checkpoint can be complete within its time.
fn stalled(folder: &tempfile::TempDir, tolerable_failures: u32) -> (JobHandle, [Gate; 2]) {
    let env = StreamEnvironment::new();
    env.set_cancel_timeout(Duration::from_millis(500));
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(20),
        timeout: Duration::from_millis(10),
        tolerable_failures,
        ..CheckpointSettings::in_folder(folder.path())
    });
    let gates = [Gate::new(0, 5), Gate::new(100, 5)];
    gates[1].close();
    let [one, other] = gates.clone().map(|gate| env.source(gate));
    one.union(&other).rebalance().map(|n| n).sink_to(Discard::new());
    (env.start("stalled").unwrap(), gates)
}

#[test]
fn checkpoints_that_take_too_long_fail_the_job_and_name_who_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let (job, gates) = stalled(&folder, 1);
    let error = job.wait().unwrap_err().to_string();
    gates[1].open();
    for part in [
        "was not complete within 10ms",
        "`Gate 100` subtask 1",
        "checkpoints that failed in a row: 2; tolerated: 1",
        // It never returns from its poll, so it is left behind.
        "did not stop within 500ms: `Gate 100 1/1`",
    ] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
}

#[test]
fn tolerated_failures_leave_the_job_as_it_was_and_the_next_checkpoint_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (job, gates) = stalled(&folder, u32::MAX);
    // A second one begins only after the first was given up.
    gates[0].wait_for_snapshots(2);
    gates[1].open();
    let name = loop {
        match job.savepoint() {
            Ok(name) => break name,
            Err(failure) => assert!(failure.may_retry(), "{failure}"),
        }
    };
    assert!(name.starts_with("savepoint-"), "{name}");
    job.stop();
    let result = job.wait().unwrap();
    assert!(result.stopped && result.restarts == 0 && result.checkpoints >= 2);
}

#[test]
fn between_two_checkpoints_lies_the_minimum_pause_however_short_the_interval() {
    let (folder, pause) = (tempfile::tempdir().unwrap(), Duration::from_millis(100));
    let (env, gate) = (StreamEnvironment::new(), Gate::new(0, 5));
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(1),
        min_pause: pause,
        ..CheckpointSettings::in_folder(folder.path())
    });
    env.source(gate.clone()).sink_to(Discard::new());
    let begun = Instant::now();
    let job = env.start("paused").unwrap();
    gate.wait_for_snapshots(4);
    let took = begun.elapsed();
    assert!(took >= 3 * pause, "four checkpoints have three pauses between them, but began within {took:?}");
    // One that is asked for by hand does not wait.
    assert!(job.savepoint().unwrap().starts_with("savepoint-"));
    job.stop();
    assert!(job.wait().unwrap().checkpoints >= 4);
}

/// Whether a count may be written down, and whether one was to be.
static WRITING: (Mutex<(bool, bool)>, Condvar) = (Mutex::new((false, false)), Condvar::new());

/// A count that takes as long to be written down as the test says.
#[derive(Clone, Deserialize)]
struct Count(u64);

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, changed) = &WRITING;
        let mut state = state.lock().unwrap();
        state.1 = true;
        changed.notify_all();
        drop(changed.wait_while(state, |(may, _)| !*may).unwrap());
        serializer.serialize_newtype_struct("Count", &self.0)
    }
}

#[test]
fn the_stream_goes_on_while_a_checkpoint_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (env, gate, (sink, found)) = (StreamEnvironment::new(), Gate::new(0, 3), Collect::new());
    env.enable_checkpoints(CheckpointSettings {
        interval: Duration::from_millis(1),
        ..CheckpointSettings::in_folder(folder.path())
    });
    let counts = env.source(gate.clone()).key_by(|n| n % 2).fold(
        |_| Count(1),
        |count, _| count.0 += 1,
        |key, count| (*key, count.0),
    );
    counts.sink_to(sink);
    let job = env.start("writing").unwrap();
    drop(WRITING.1.wait_while(WRITING.0.lock().unwrap(), |(_, begun)| !*begun).unwrap());
    gate.allow(9);
    let mut come = Vec::new();
    while come.len() < 9 {
        come.extend(found.take());
        std::thread::yield_now();
    }
    assert_eq!(come.last(), Some(&(0, 5)));
    WRITING.0.lock().unwrap().0 = true;
    WRITING.1.notify_all();
    job.stop();
    assert!(job.wait().unwrap().checkpoints >= 1);
}
