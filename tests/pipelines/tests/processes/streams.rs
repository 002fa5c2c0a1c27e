//! Streams on executors.

use millstream_runtime::JobStatus;
use millstream_runtime::control::{Ask, Report};
use millstream_testkit::cluster::{Cluster, Signal};

use crate::output::{assert_exactly_once, victim};

/// Enough for all kills of a test at this rate, which counts in seconds.
const RECORDS: u64 = 150_000;
const RATE: u64 = 10_000;
const KILLS: u32 = 6;
/// More than a test lasts.
const ENDLESS: u64 = 1_000_000_000;

#[test]
fn one_executor_runs_a_whole_job() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), 20_000, 100_000, 2));
    cluster.add_executor(2);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), 20_000);
    let report = cluster.report().unwrap();
    assert_eq!((report.status, report.parallelism, report.restarts), (JobStatus::Finished, 2, 0));
    assert_eq!(report.operators[1].records_in, 20_000, "counted in the executor");
    assert!(report.checkpoints.iter().any(|checkpoint| checkpoint.failure.is_none()));
}

/// The bytes that were sent and received between executors.
fn bytes_between(cluster: &Cluster) -> (u64, u64) {
    let report = cluster.report().unwrap();
    // One for each chain, which several operators may share.
    let mut chains: Vec<_> =
        report.graph.nodes.iter().zip(&report.operators).map(|(node, of)| (node.chain, of.chain)).collect();
    chains.dedup_by_key(|(chain, _)| *chain);
    let sum = |pick: fn(&millstream_runtime::control::ChainWork) -> u64| -> u64 {
        chains.iter().map(|(_, work)| pick(work)).sum()
    };
    assert!(chains.iter().all(|(_, work)| work.alive > 0), "{chains:?}");
    (sum(|work| work.bytes_out), sum(|work| work.bytes_in))
}

#[test]
fn bytes_between_executors_are_counted_on_both_sides_and_fewer_if_they_are_compressed() {
    let sent_with = |setting: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(victim(folder.path(), 20_000, 100_000, 2).arg(setting));
        cluster.add_executor(1);
        cluster.add_executor(1);
        assert!(cluster.wait().success(), "{}", cluster.said());
        assert_exactly_once(folder.path(), 20_000);
        let (sent, received) = bytes_between(&cluster);
        assert_eq!(sent, received);
        sent
    };
    let (plain, compressed) = (sent_with("plain"), sent_with("lz4"));
    assert!(plain > 160_000, "half of the records go to the other process, 16 bytes each: {plain} bytes");
    assert!(10 * compressed < 9 * plain, "{compressed} bytes instead of {plain}");
}

#[test]
fn a_job_waits_for_the_slots_that_it_lacks_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), 2_000, 100_000, 3));
    cluster.add_executor(2);
    let report = cluster.wait_for_report("it waits", |report| report.waits_for.is_some());
    let waits = report.waits_for.unwrap();
    assert!(waits.contains("3 slots are needed, 2 are there"), "{waits}");
    assert_eq!(cluster.needs(), 3);
    cluster.add_executor(1);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), 2_000);
}

#[test]
fn an_adaptive_job_runs_in_the_slots_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), RECORDS, RATE, 3).arg("adaptive"));
    let first = cluster.add_executor(1);
    let runs = |report: &Report, subtasks: u32| {
        let counts = report.operators.last().is_some_and(|sink| sink.records_in > 0);
        report.status == JobStatus::Running && report.parallelism == subtasks && counts
    };
    cluster.wait_for_report("it runs in one slot", |report| runs(report, 1));
    assert_eq!(cluster.needs(), 3, "it would take more");
    cluster.add_executor(2);
    cluster.wait_for_report("it runs in three", |report| runs(report, 3));
    cluster.kill(first);
    cluster.wait_for_report("it runs in the two that are left", |report| runs(report, 2));
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), RECORDS);
}

#[test]
fn executors_that_are_killed_cost_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), RECORDS, RATE, 3));
    cluster.add_executor(1);
    cluster.add_executor(2);
    for kill in 0..KILLS {
        cluster.wait_for_report("it runs again", |report| {
            report.restarts >= kill && report.operators.last().is_some_and(|sink| sink.records_in > 0)
        });
        let victim = cluster.executors()[kill as usize % 2];
        let slots = cluster.kill(victim);
        cluster.add_executor(slots);
    }
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), RECORDS);
    assert!(cluster.report().unwrap().restarts >= KILLS);
}

#[test]
fn an_executor_that_stood_still_is_replaced_and_writes_nothing_when_it_wakes_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), RECORDS, RATE, 2));
    let stopped = cluster.add_executor(1);
    cluster.add_executor(1);
    cluster.wait_for_report("it runs", |report| report.checkpoints.len() > 3);
    cluster.signal(stopped, Signal::Stop);
    cluster.add_executor(1);
    cluster.wait_for_report("it runs without it", |report| {
        report.restarts > 0 && report.operators.last().is_some_and(|sink| sink.records_in > 0)
    });
    cluster.signal(stopped, Signal::Continue);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), RECORDS);
}

#[test]
fn a_master_that_is_killed_is_taken_over_from_its_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), 40_000, 10_000, 2));
    for _ in 0..3 {
        cluster.add_executor(2);
        cluster.wait_for_report("a checkpoint", |report| report.checkpoints.len() > 3);
        cluster.kill_master();
        cluster.start_master();
    }
    cluster.add_executor(2);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), 40_000);
}

#[test]
fn a_job_is_stopped_with_a_savepoint_and_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), ENDLESS, 10_000, 2));
    cluster.add_executor(2);
    cluster.wait_for_report("a checkpoint", |report| !report.checkpoints.is_empty());
    let named = cluster.ask(Ask::Savepoint).unwrap();
    assert!(folder.path().join("checkpoints").join(&named).join("manifest.json").exists(), "{named}");
    let last = cluster.ask(Ask::StopWithSavepoint).unwrap();
    assert!(last > named && folder.path().join("checkpoints").join(&last).exists(), "{last}");
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_eq!(cluster.report().unwrap().status, JobStatus::Canceled);

    let mut again = Cluster::start(victim(folder.path(), ENDLESS, 10_000, 2));
    again.add_executor(2);
    again.wait_for_report("it runs", |report| !report.checkpoints.is_empty());
    again.ask(Ask::Cancel).unwrap();
    again.wait();
    assert_eq!(again.report().unwrap().status, JobStatus::Canceled);
}
