//! Data sets on executors: the same program gives the same as in one process.

use std::path::Path;
use std::process::Command;

use millstream_testkit::cluster::{Cluster, Program};

/// `datasets` with these arguments, in a folder.
fn program(which: &str, folder: &Path, parallelism: u32, argument: &str) -> Program {
    let program = Program::new(env!("CARGO_BIN_EXE_datasets"));
    program.arg(which).arg(folder.display()).arg(parallelism).arg(argument)
}

/// What the program found: its result, and its counters.
fn found(folder: &Path) -> (String, String) {
    let text = std::fs::read_to_string(folder.join("found")).unwrap();
    let (result, counters) = text.trim_end().rsplit_once('\n').unwrap();
    (result.to_owned(), counters.to_owned())
}

/// What it finds in one process.
fn embedded(which: &str, parallelism: u32, argument: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_datasets"));
    command.args([which, folder.path().to_str().unwrap(), &parallelism.to_string(), argument]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    found(folder.path())
}

#[test]
fn a_shuffle_on_two_executors_gives_what_one_process_gives() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("counts", folder.path(), 4, ""));
    cluster.add_executor(2);
    cluster.add_executor(2);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_eq!(found(folder.path()), embedded("counts", 4, ""));
}
