//! A standby takes over: from a leader that is killed, that stands still, and that is told to end.

use crate::stage::{Stage, kill, signal, wait_for};

const PLACE: &str = "FOLDER/place";

fn leaves_nothing_behind(stage: &Stage) {
    wait_for("the end of all processes", || {
        (stage.processes("master").len() + stage.processes("executor").len() == 0).then_some(())
    });
}

/// The job goes on with another leader, and is whole in the end.
fn goes_on(stage: &Stage, before: usize, records: u64) {
    wait_for("another leader", || stage.leader().filter(|leader| *leader != before));
    wait_for("another master", || (stage.json(&["status", "job-1"])["term"].as_u64()? > 1).then_some(()));
    stage.wait_for_state("job-1", "finished");
    stage.assert_exactly_once(records);
}

#[test]
fn a_killed_leader_is_followed_and_the_command_that_waits_for_the_job_sees_its_end() {
    let mut stage = Stage::taking_turns(PLACE, "1", &[1, 1]);
    let mut running = crate::stage::Process(stage.run(&[], 30_000, 4_000).spawn().unwrap());
    wait_for("the job", || stage.json(&["list"])[0]["id"].as_str().map(str::to_owned));
    stage.wait_for_checkpoint("job-1");
    let leader = stage.wait_for_leader();
    kill(stage.managers[leader].0.id());
    stage.managers[leader].0.wait().unwrap();
    goes_on(&stage, leader, 30_000);
    assert!(running.0.wait().unwrap().success());
    leaves_nothing_behind(&stage);

    // It comes back, stands by, and leads again when the other one is told to end, without waiting for its silence.
    stage.managers[leader] = stage.one_of_several(leader, PLACE, "3600");
    wait_for("that it stands by", || {
        stage.logged(&format!("manager-{leader}")).contains("stands by").then_some(())
    });
    signal(stage.managers[1 - leader].0.id(), "-TERM");
    wait_for("the first one again", || (stage.leader() == Some(leader)).then_some(()));
    assert_eq!(stage.json(&["status", "job-1"])["state"], "finished", "what ended is remembered");
}

#[test]
fn a_leader_that_stood_still_finds_that_it_is_followed_and_ends() {
    let mut stage = Stage::taking_turns(PLACE, "1", &[2]);
    let output = stage.run(&["--detach"], 60_000, 4_000).output().unwrap();
    assert!(output.status.success());
    stage.wait_for_checkpoint("job-1");
    let leader = stage.wait_for_leader();
    let masters = stage.processes("master");
    signal(stage.managers[leader].0.id(), "-STOP");
    wait_for("another leader", || stage.leader().filter(|now| *now != leader));
    wait_for("another master", || (stage.json(&["status", "job-1"])["term"] == 2).then_some(()));
    // Whatever is asked of the one that wakes up, it says no word as the leader.
    signal(stage.managers[leader].0.id(), "-CONT");
    assert_eq!(stage.managers[leader].0.wait().unwrap().code(), Some(2));
    let said = stage.logged(&format!("manager-{leader}"));
    assert!(said.contains("this job manager led in term 1, and does not any more"), "{said}");
    wait_for("the end of its master", || {
        masters.iter().all(|pid| !stage.processes("master").contains(pid)).then_some(())
    });
    goes_on(&stage, leader, 60_000);
    leaves_nothing_behind(&stage);
}
