//! What a stream starts from again when an executor is killed: state that lies where it was, and processes that are ready.

use std::fs;
use std::path::{Path, PathBuf};

use millstream_runtime::JobStatus;
use millstream_runtime::control::{ExecutorId, Report};
use millstream_testkit::cluster::Cluster;

use crate::output::{assert_exactly_once, victim};

const RECORDS: u64 = 60_000;
const RATE: u64 = 10_000;
/// The chain that counts, behind the source's.
const COUNTING: usize = 1;

fn runs(report: &Report) -> bool {
    report.status == JobStatus::Running && report.operators.last().is_some_and(|sink| sink.records_in > 0)
}

/// Three executors that keep copies and have a checkpoint; then one of them is killed, and the job waits for another.
fn two_of_three(folder: &Path) -> Cluster {
    let mut cluster = Cluster::start(victim(folder, RECORDS, RATE, 3));
    cluster.keep_copies_in(folder.join("local"));
    let first = cluster.add_executor(1);
    cluster.add_executor(1);
    cluster.add_executor(1);
    cluster.wait_for_report("checkpoints", |report| runs(report) && report.checkpoints.len() > 5);
    cluster.kill(first);
    cluster.wait_for_report("it waits", |report| report.waits_for.is_some());
    cluster
}

/// The last complete checkpoint below a folder of checkpoints.
fn last_of(folder: &Path) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir(folder.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("manifest.json").exists())
        .collect();
    found.sort();
    found.pop().unwrap()
}

fn state_of(subtask: usize) -> String {
    format!("{COUNTING}-{subtask}.state")
}

/// The lines of all processes that tell what was restored on a thread of the counting chain, as pairs of bytes: from
/// copies, from the store.
fn restored(cluster: &Cluster) -> Vec<(u64, u64)> {
    let said = cluster.said();
    let number = |line: &str, name: &str| -> u64 {
        let rest = line.split(&format!("{name}=")).nth(1).unwrap();
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let lines = said.lines().filter(|line| line.contains("state is restored"));
    lines.map(|line| (number(line, "local_bytes"), number(line, "store_bytes"))).collect()
}

#[test]
fn survivors_restore_without_the_store_and_the_new_one_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = two_of_three(folder.path());
    // What the survivors need is there no more, but with them.
    for subtask in [1, 2] {
        fs::remove_file(last_of(folder.path()).join(state_of(subtask))).unwrap();
    }
    // Another machine.
    cluster.keep_copies_in(folder.path().join("elsewhere"));
    cluster.add_executor(1);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), RECORDS);
    let mut restored = restored(&cluster);
    restored.sort();
    let said = cluster.said();
    assert!(matches!(restored[..], [(0, 1..), (1.., 0), (1.., 0)]), "{restored:?}\n{said}");
    assert_eq!(cluster.report().unwrap().restarts, 1);
}

#[test]
fn a_process_that_is_started_on_the_same_machine_has_what_the_killed_one_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = two_of_three(folder.path());
    for subtask in 0..3 {
        fs::remove_file(last_of(folder.path()).join(state_of(subtask))).unwrap();
    }
    cluster.add_executor(1);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), RECORDS);
    assert!(restored(&cluster).iter().all(|(_, store)| *store == 0), "{}", cluster.said());
}

#[test]
fn a_copy_that_is_damaged_is_passed_over_for_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = two_of_three(folder.path());
    let last = last_of(folder.path());
    // The first term of the first job of the program.
    let copy = folder.path().join("local/1-0").join(last.file_name().unwrap()).join(state_of(1));
    let mut bytes = fs::read(&copy).unwrap();
    let end = bytes.len() - 3;
    bytes[end] ^= 1;
    // A copy on the same disk is the same file.
    fs::remove_file(&copy).unwrap();
    fs::write(&copy, bytes).unwrap();
    cluster.add_executor(1);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), RECORDS);
    let said = cluster.said();
    assert!(said.contains("a local copy of state is of no use, the store is read"), "{said}");
    assert!(restored(&cluster).iter().any(|(local, store)| *local == 0 && *store > 0), "{said}");
}

#[test]
fn copies_of_older_checkpoints_do_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = two_of_three(folder.path());
    let report = cluster.report().unwrap();
    assert!(report.checkpoints.len() > 5, "{report:?}");
    // The last one, and one that was begun; what an executor was about to remove when it was killed others remove.
    let kept: Vec<_> = fs::read_dir(folder.path().join("local/1-0")).unwrap().collect();
    assert!((1..=2).contains(&kept.len()), "{kept:?}");
    cluster.add_executor(1);
    assert!(cluster.wait().success(), "{}", cluster.said());
}

#[test]
fn a_spare_process_takes_the_place_of_a_killed_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(victim(folder.path(), RECORDS, RATE, 2).arg("spare"));
    let first = cluster.add_executor(1);
    cluster.add_executor(1);
    cluster.wait_for_report("it runs", |report| runs(report) && !report.checkpoints.is_empty());
    assert_eq!(cluster.needs(), 3, "two, and one more");
    let spare = cluster.add_executor(1);
    cluster.kill(first);
    // Nobody is started in its place.
    cluster.wait_for_report("it runs again", |report| report.restarts == 1 && runs(report));
    assert_eq!(cluster.executors(), [ExecutorId(1), spare]);
    assert_eq!(cluster.needs(), 3, "it would have a spare again");
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_exactly_once(folder.path(), RECORDS);
}
