//! kill -9 of each kind of process: the job goes on, exactly once, and nothing is left behind.

use crate::stage::{Stage, kill, text, wait_for};

#[test]
fn a_killed_executor_and_a_killed_master_cost_nothing_but_time() {
    let stage = Stage::with(&[1, 1]);
    let mut command = stage.run(&[], 20_000, 4_000);
    let running = crate::stage::Process(command.spawn().unwrap());
    wait_for("the job", || stage.json(&["list"])[0]["id"].as_str().map(str::to_owned));
    stage.wait_for_checkpoint("job-1");
    kill(stage.processes("executor")[0]);
    wait_for("another executor", || (stage.processes("executor").len() == 2).then_some(()));
    wait_for("its death in the list", || {
        stage.json(&["status", "job-1"])["deaths"].as_array().filter(|deaths| !deaths.is_empty()).map(|_| ())
    });
    kill(stage.processes("master")[0]);
    wait_for("another master", || (stage.json(&["status", "job-1"])["term"] == 2).then_some(()));
    stage.wait_for_state("job-1", "finished");
    let mut running = running;
    assert!(running.0.wait().unwrap().success());
    stage.assert_exactly_once(20_000);
    assert_eq!(stage.processes("master").len() + stage.processes("executor").len(), 0);
}

#[test]
fn what_takes_the_place_of_a_killed_executor_starts_from_the_copies_that_its_worker_has() {
    let stage = Stage::with(&[2]);
    let job = stage.endless_job();
    let before = stage.processes("executor");
    assert_eq!(before.len(), 1);
    kill(before[0]);
    let restored = wait_for("restored state", || {
        let logs = text(&stage.said(&["logs", &job]).stdout);
        let lines = logs.lines().filter(|line| line.contains("state is restored")).map(str::to_owned);
        Some(lines.collect::<Vec<_>>()).filter(|lines| lines.len() == 2)
    });
    for line in restored {
        assert!(line.contains("store_bytes=0 ") && !line.contains("local_bytes=0 "), "{line}");
    }
}

#[test]
fn a_killed_worker_leaves_no_orphans_and_the_job_goes_on_elsewhere() {
    let mut stage = Stage::with(&[2]);
    let job = stage.endless_job();
    let before = stage.processes("executor");
    assert_eq!(before.len(), 1);
    drop(stage.workers.remove(0));
    wait_for("the end of its executors", || {
        before.iter().all(|pid| !stage.processes("executor").contains(pid)).then_some(())
    });
    stage.wait_for_state(&job, "waiting");
    stage.add_worker(2);
    stage.wait_for_state(&job, "running");
}

#[test]
fn a_killed_job_manager_leaves_no_orphans_and_its_jobs_go_on_with_the_next_one() {
    let mut stage = Stage::with(&[2]);
    let output = stage.run(&["--detach"], 20_000, 4_000).output().unwrap();
    assert!(output.status.success());
    stage.wait_for_checkpoint("job-1");
    let masters = stage.processes("master");
    assert_eq!(masters.len(), 1);
    stage.replace_manager();
    wait_for("the end of the old master", || {
        (!stage.processes("master").contains(&masters[0])).then_some(())
    });
    stage.wait_for_state("job-1", "finished");
    assert_eq!(stage.json(&["status", "job-1"])["term"], 2);
    stage.assert_exactly_once(20_000);
    assert_eq!(stage.processes("master").len() + stage.processes("executor").len(), 0);
}
