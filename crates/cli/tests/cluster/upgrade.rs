//! A job that is stopped, and goes on as another program.

use crate::stage::{Stage, example, text, wait_for};

const RECORDS: &str = "20000";

#[test]
fn a_changed_program_goes_on_from_the_savepoint_of_the_one_before() {
    let stage = Stage::with(&[2, 2]);
    let data = stage.data().to_string_lossy().into_owned();
    let run = |program: &str, settings: &[&str], rate: &str| {
        let checkpoints = format!("{data}/checkpoints");
        let mut arguments = vec!["--checkpoints", &checkpoints, "--checkpoint-interval", "50 ms"];
        arguments.extend_from_slice(settings);
        arguments.extend_from_slice(&["--", &data, RECORDS, rate]);
        stage.run_program(&example(program), &["--detach"], &arguments).output().unwrap()
    };

    let started = run("tally", &["--parallelism", "2"], "2000");
    assert!(started.status.success(), "{}", text(&started.stderr));
    let job = text(&started.stdout).trim().to_owned();
    stage.wait_for_checkpoint(&job);
    let stopped = stage.said(&["stop", &job, "--savepoint"]);
    assert!(stopped.status.success(), "{}", text(&stopped.stderr));
    stage.wait_for_state(&job, "canceled");
    let savepoint = text(&stopped.stdout).trim().to_owned();
    let before: Vec<usize> = stage.counts("out").iter().map(Vec::len).collect();

    // What is gone has to be left behind on purpose.
    let restored = ["--parallelism", "3", "--restore", &savepoint];
    let refused = text(&run("tally-next", &restored, "100000").stdout).trim().to_owned();
    stage.wait_for_state(&refused, "failed");
    let said = text(&stage.said(&["status", &refused]).stdout);
    for part in ["latest", "fresh", "restore-unmatched"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }

    let ignoring = [&restored[..], &["--restore-unmatched", "ignore"]].concat();
    let upgraded = text(&run("tally-next", &ignoring, "100000").stdout).trim().to_owned();
    stage.wait_for_state(&upgraded, "finished");
    assert_eq!(stage.json(&["status", &upgraded])["parallelism"], 3);
    // Each count is there once, from the first program or from the second.
    stage.assert_exactly_once(RECORDS.parse().unwrap());
    assert!(before.iter().sum::<usize>() > 0);
    // What the first did not keep was not there when the second began, and has been kept since.
    assert!(stage.counts("fresh").iter().all(|counts| counts == &[1]), "{:?}", stage.counts("fresh"));
}

#[test]
fn a_program_with_settings_as_arguments_is_rescaled_all_the_same() {
    let stage = Stage::with(&[2, 2]);
    let data = stage.data().to_string_lossy().into_owned();
    let checkpoints = format!("{data}/checkpoints");
    let settings = ["--checkpoints", &checkpoints, "--checkpoint-interval", "50 ms", "--parallelism", "2"];
    let arguments = [&settings[..], &["--", &data, "1000000000", "2000"]].concat();
    let started = stage.run_program(&example("tally"), &["--detach"], &arguments).output().unwrap();
    let job = text(&started.stdout).trim().to_owned();
    stage.wait_for_checkpoint(&job);
    let output = stage.said(&["rescale", &job, "--parallelism", "4"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    wait_for("the new parallelism", || {
        let status = stage.json(&["status", &job]);
        (status["state"] == "running" && status["parallelism"] == 4).then_some(())
    });
    assert!(stage.said(&["cancel", &job]).status.success());
}
