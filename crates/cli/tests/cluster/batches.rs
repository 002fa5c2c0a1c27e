//! Programs of data sets, from their submission to their end.

use std::collections::BTreeSet;
use std::fs;

use crate::stage::{Stage, example, kill, text, wait_for};

/// The lines of all parts, each of which is there once.
fn assert_whole(stage: &Stage) {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(stage.data().join("out")).unwrap().flatten() {
        for line in fs::read_to_string(entry.path()).unwrap().lines() {
            assert!(found.insert(line.to_owned()), "{line} is there twice");
        }
    }
    let total: i64 = (0..10_000).sum();
    let sum = |key: i64| (0..10_000).filter(|n| n % 97 == key).sum::<i64>();
    assert_eq!(found, (0..97).map(|key| format!("{key} {} {total}", sum(key))).collect());
    assert!(stage.data().join("out/_SUCCESS").exists());
}

#[test]
fn a_program_of_data_sets_runs_on_two_workers() {
    let stage = Stage::with(&[1, 1]);
    fs::create_dir(stage.data()).unwrap();
    let output =
        stage.run_program(&example("sums"), &[], &[&stage.data().to_string_lossy()]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_whole(&stage);
    let status = stage.json(&["status", "job-1"]);
    assert_eq!((&status["state"], &status["parallelism"]), (&"finished".into(), &2.into()), "{status}");
}

#[test]
fn an_executor_that_is_killed_is_replaced_and_what_it_had_is_made_again() {
    let stage = Stage::with(&[1, 1]);
    fs::create_dir(stage.data()).unwrap();
    fs::write(stage.data().join("wait"), "").unwrap();
    let folder = stage.data().to_string_lossy().into_owned();
    let output = stage.run_program(&example("sums"), &["--detach"], &[&folder]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let waiting = || {
        let names = fs::read_dir(stage.data()).unwrap().flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().starts_with("waits-")).count()
    };
    wait_for("tasks on both workers", || (waiting() == 2).then_some(()));
    kill(stage.processes("executor")[0]);
    wait_for("another executor that has come as far", || (waiting() == 3).then_some(()));
    fs::write(stage.data().join("go"), "").unwrap();
    stage.wait_for_state("job-1", "finished");
    assert_whole(&stage);
}
