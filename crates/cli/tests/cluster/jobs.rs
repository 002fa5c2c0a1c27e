//! Jobs from their submission to their end.

use crate::stage::{Stage, text, wait_for};

#[test]
fn a_program_runs_on_two_workers_and_its_end_is_the_commands() {
    let stage = Stage::with(&[1, 1]);
    let output = stage.run(&[], 5_000, 20_000).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    stage.assert_exactly_once(5_000);
    let status = stage.json(&["status", "job-1"]);
    assert_eq!((&status["state"], &status["name"]), (&"finished".into(), &"steady".into()));
    assert_eq!(stage.processes("master").len() + stage.processes("executor").len(), 0);
    let listed = text(&stage.said(&["list"]).stdout);
    assert!(listed.contains("job-1  finished"), "{listed}");
    let folder = stage.data().join("checkpoints");
    let shown =
        text(&crate::stage::millstream(&["checkpoints", &folder.to_string_lossy()]).output().unwrap().stdout);
    assert!(shown.contains("(uid count), parallelism 2"), "{shown}");
}

#[test]
fn a_job_waits_for_slots_and_says_so_until_they_come() {
    let mut stage = Stage::with(&[1]);
    let output = stage.run(&["--detach"], 2_000, 20_000).output().unwrap();
    assert_eq!(text(&output.stdout), "job-1\n");
    let waits = wait_for("that it waits", || {
        stage.json(&["status", "job-1"])["waits_for"].as_str().map(str::to_owned)
    });
    assert!(waits.contains("2 slots"), "{waits}");
    stage.add_worker(1);
    stage.wait_for_state("job-1", "finished");
    stage.assert_exactly_once(2_000);
}

#[test]
fn a_job_is_stopped_with_a_savepoint_and_another_is_cancelled() {
    let stage = Stage::with(&[2]);
    let job = stage.endless_job();
    let named = text(&stage.said(&["savepoint", &job]).stdout).trim().to_owned();
    assert!(stage.data().join("checkpoints").join(&named).join("manifest.json").exists(), "{named}");
    let output = stage.said(&["stop", &job, "--savepoint"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    stage.wait_for_state(&job, "canceled");

    let job = stage.endless_job();
    assert!(stage.said(&["cancel", &job]).status.success());
    stage.wait_for_state(&job, "canceled");
    let again = stage.said(&["cancel", &job]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("was cancelled already"), "{}", text(&again.stderr));
}

#[test]
fn a_rescaled_job_goes_on_with_the_parallelism_that_was_asked_for() {
    let stage = Stage::with(&[2, 2]);
    let job = stage.endless_job();
    let output = stage.said(&["rescale", &job, "--parallelism", "3"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    wait_for("the new parallelism", || {
        let status = stage.json(&["status", &job]);
        (status["state"] == "running" && status["parallelism"] == 3).then_some(())
    });
}
