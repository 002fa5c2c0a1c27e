//! Data sets on executors: the same program gives the same as in one process, whatever happens to the executors.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use millstream_testkit::cluster::{Cluster, Program, Signal};
use tempfile::TempDir;

/// `datasets` in a folder.
fn program(which: &str, folder: &Path, parallelism: u32) -> Program {
    Program::new(env!("CARGO_BIN_EXE_datasets")).arg(which).arg(folder.display()).arg(parallelism)
}

/// What the program found: its result, and its counters.
fn found(folder: &Path) -> (String, String) {
    let text = std::fs::read_to_string(folder.join("found")).unwrap();
    let (result, counters) = text.trim_end().rsplit_once('\n').unwrap();
    (result.to_owned(), counters.to_owned())
}

fn alone(which: &str, folder: &Path, parallelism: u32) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_datasets"));
    command.args([which, folder.to_str().unwrap(), &parallelism.to_string()]).output().unwrap()
}

/// What it finds in one process.
fn embedded(which: &str, parallelism: u32) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("go"), "").unwrap();
    let output = alone(which, folder.path(), parallelism);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    found(folder.path())
}

/// The number that is behind a name in what counters are shown as.
fn counter(counters: &str, name: &str) -> u64 {
    let (_, rest) = counters.split_once(&format!("{name}: ")).unwrap();
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Runs it on executors of these slots to its end.
fn on_executors(which: &str, slots: &[u32]) -> (TempDir, Cluster, bool) {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program(which, folder.path(), slots.iter().sum()));
    for slots in slots {
        cluster.add_executor(*slots);
    }
    let ended_well = cluster.wait().success();
    (folder, cluster, ended_well)
}

/// Waits until tasks of so many processes wait for the test.
fn wait_for_tasks(folder: &Path, processes: usize, cluster: &Cluster) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        if names.filter(|name| name.starts_with("waits-")).count() >= processes {
            return;
        }
        assert!(Instant::now() < deadline, "no task waits: {}", cluster.said());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn go(folder: &Path) {
    std::fs::write(folder.join("go"), "").unwrap();
}

#[test]
fn a_shuffle_on_two_executors_gives_what_one_process_gives() {
    let (folder, cluster, ended_well) = on_executors("counts", &[2, 2]);
    assert!(ended_well, "{}", cluster.said());
    assert_eq!(found(folder.path()), embedded("counts", 4));
}

#[test]
fn every_action_gives_what_it_gives_in_one_process() {
    let (folder, cluster, ended_well) = on_executors("all", &[1, 2]);
    assert!(ended_well, "{}", cluster.said());
    assert_eq!(found(folder.path()), embedded("all", 3));
}

#[test]
fn blocks_and_results_of_many_frames_come_whole() {
    let (folder, cluster, ended_well) = on_executors("large", &[1, 1, 1]);
    assert!(ended_well, "{}", cluster.said());
    assert_eq!(found(folder.path()), embedded("large", 3));
}

#[test]
fn kept_partitions_and_two_shuffles_in_a_loop_are_made_once() {
    let folder = tempfile::tempdir().unwrap();
    go(folder.path());
    let mut cluster = Cluster::start(program("loop", folder.path(), 6));
    for _ in 0..3 {
        cluster.add_executor(2);
    }
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_eq!(found(folder.path()), embedded("loop", 6));
}

#[test]
fn an_executor_that_is_killed_costs_what_it_had_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("loop", folder.path(), 6));
    let executors: Vec<_> = (0..3).map(|_| cluster.add_executor(2)).collect();
    wait_for_tasks(folder.path(), 3, &cluster);
    cluster.kill(executors[1]);
    go(folder.path());
    assert!(cluster.wait().success(), "{}", cluster.said());
    let ((result, counters), (expected, undisturbed)) = (found(folder.path()), embedded("loop", 6));
    assert_eq!(result, expected);
    let more = |name| counter(&counters, name) - counter(&undisturbed, name);
    let maps = counter(&undisturbed, "map_tasks");
    // A third of what was there by then is made again, and not the rest.
    assert!((1..=maps / 3 + 6).contains(&more("map_tasks")), "{counters}; {undisturbed}; {}", cluster.said());
    let kept = counter(&undisturbed, "cached_partitions_computed");
    assert!((1..=kept / 3 + 6).contains(&more("cached_partitions_computed")), "{counters}; {undisturbed}");
    assert_eq!(more("failed_attempts"), 0, "what was lost is no failure of the program");
    assert!(more("lost_attempts") > 0, "{counters}");
}

#[test]
fn one_executor_that_is_left_of_three_goes_on_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("loop", folder.path(), 6));
    let executors: Vec<_> = (0..3).map(|_| cluster.add_executor(2)).collect();
    wait_for_tasks(folder.path(), 3, &cluster);
    cluster.kill(executors[0]);
    cluster.kill(executors[2]);
    go(folder.path());
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_eq!(found(folder.path()).0, embedded("loop", 6).0);
}

#[test]
fn one_that_comes_in_the_place_of_all_others_is_told_what_was_found_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("loop", folder.path(), 2));
    let first = cluster.add_executor(2);
    wait_for_tasks(folder.path(), 1, &cluster);
    cluster.kill(first);
    go(folder.path());
    // It comes to six jobs that have ended, and makes again what the seventh needs.
    cluster.add_executor(2);
    assert!(cluster.wait().success(), "{}", cluster.said());
    let ((result, counters), (expected, undisturbed)) = (found(folder.path()), embedded("loop", 2));
    assert_eq!(result, expected);
    assert_eq!(counter(&counters, "result_tasks"), counter(&undisturbed, "result_tasks"));
}

#[test]
fn a_master_that_is_killed_begins_the_program_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("loop", folder.path(), 2));
    cluster.add_executor(2);
    wait_for_tasks(folder.path(), 1, &cluster);
    cluster.kill_master();
    cluster.start_master();
    go(folder.path());
    cluster.add_executor(2);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_eq!(found(folder.path()), embedded("loop", 2));
}

#[test]
fn files_are_written_once_and_each_line_is_in_one_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let input: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    std::fs::write(folder.path().join("input"), &input).unwrap();
    let mut cluster = Cluster::start(program("saved", folder.path(), 3));
    for _ in 0..3 {
        cluster.add_executor(1);
    }
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_eq!(found(folder.path()).0, "1000 true");
    let output = folder.path().join("output");
    let mut names: Vec<_> =
        std::fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["_SUCCESS", "part-00000", "part-00001", "part-00002"]);
    let parts = (0..3).map(|part| std::fs::read_to_string(output.join(format!("part-0000{part}"))).unwrap());
    assert_eq!(parts.collect::<String>().replace('!', ""), input);
}

#[test]
fn accumulators_and_broadcast_values_are_the_same_in_all_processes() {
    let folder = tempfile::tempdir().unwrap();
    go(folder.path());
    let mut cluster = Cluster::start(program("added", folder.path(), 4));
    cluster.add_executor(1);
    cluster.add_executor(3);
    assert!(cluster.wait().success(), "{}", cluster.said());
    let (result, counters) = found(folder.path());
    assert_eq!(result, embedded("added", 4).0);
    assert_eq!(result, "60 1200 [1, 402, 803] (5, 5) of transformations: 100 50");
    assert_eq!(counter(&counters, "failed_attempts"), 1);
}

#[test]
fn what_a_killed_executor_added_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("added", folder.path(), 6));
    let executors: Vec<_> = (0..3).map(|_| cluster.add_executor(2)).collect();
    wait_for_tasks(folder.path(), 3, &cluster);
    cluster.kill(executors[2]);
    go(folder.path());
    // One that comes late is told the values of actions that have ended before.
    cluster.add_executor(2);
    assert!(cluster.wait().success(), "{}", cluster.said());
    let (result, counters) = found(folder.path());
    let (of_actions, _) = result.split_once(" of transformations: ").unwrap();
    assert_eq!(of_actions, "60 1200 [1, 402, 803] (5, 5)");
    assert!(counter(&counters, "lost_attempts") > 0, "{counters}");
}

/// Waits for the end of a program in which one task never ends, and looks at what it left.
fn check_without_straggler(mut cluster: Cluster, folder: &Path) {
    assert!(cluster.wait().success(), "{}", cluster.said());
    let (result, counters) = found(folder);
    assert_eq!(result, "800 800", "{}", cluster.said());
    assert!(counter(&counters, "speculative_attempts") > 0, "{counters}");
    assert_eq!(counter(&counters, "failed_attempts"), 0, "{counters}");
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder.join("output")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        lines.extend(text.lines().map(|line| line["line ".len()..].parse::<u32>().unwrap()));
    }
    lines.sort_unstable();
    assert!(lines.iter().copied().eq(0..800), "each line once: {lines:?}");
}

#[test]
fn a_straggler_is_run_again_elsewhere_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("straggles", folder.path(), 4));
    cluster.add_executor(2);
    cluster.add_executor(2);
    check_without_straggler(cluster, folder.path());
}

#[test]
fn an_executor_that_is_stopped_or_killed_with_a_straggler_costs_nothing_else() {
    for signal in [Some(Signal::Stop), None] {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(program("straggles", folder.path(), 4));
        let executors = [cluster.add_executor(2), cluster.add_executor(2)];
        wait_for_tasks(folder.path(), 1, &cluster);
        let waits = |name: &std::ffi::OsStr| name.to_str()?.strip_prefix("waits-")?.parse::<u32>().ok();
        let mut entries = std::fs::read_dir(folder.path()).unwrap();
        let slow = entries.find_map(|entry| waits(&entry.unwrap().file_name())).unwrap();
        let slow = *executors.iter().find(|id| cluster.process_of(**id) == Some(slow)).unwrap();
        match signal {
            Some(signal) => cluster.signal(slow, signal),
            None => drop(cluster.kill(slow)),
        }
        let deadline = Instant::now() + Duration::from_secs(120);
        while !cluster.has_ended() {
            assert!(Instant::now() < deadline, "{}", cluster.said());
            std::thread::sleep(Duration::from_millis(10));
        }
        if signal.is_some() {
            cluster.signal(slow, Signal::Continue);
            check_without_straggler(cluster, folder.path());
        } else {
            assert!(cluster.wait().success(), "{}", cluster.said());
            assert_eq!(found(folder.path()).0, "800 800");
        }
    }
}

/// The error of a program, without what the processes logged.
fn error(said: &str) -> String {
    let (_, error) = said.split_once("error: ").unwrap();
    let end = error.find("\n---\n").unwrap_or(error.len());
    error[..end].trim().to_owned()
}

#[test]
fn a_task_that_fails_says_what_it_says_in_one_process() {
    for (which, attempts) in [("panics", "in all 4 attempts"), ("fails", "in attempt 1;")] {
        let (folder, cluster, ended_well) = on_executors(which, &[2, 2]);
        assert!(!ended_well && !folder.path().join("found").exists());
        let there = error(&cluster.said());
        let output = alone(which, folder.path(), 4);
        let here = error(&String::from_utf8_lossy(&output.stderr));
        assert_eq!(there, here);
        assert!(here.contains("partition 2 of rdd") && here.contains(attempts), "{here}");
    }
}

#[test]
fn programs_that_differ_between_processes_are_refused() {
    let (_, cluster, ended_well) = on_executors("differs", &[1]);
    let said = cluster.said();
    assert!(!ended_well && said.contains("job 1 of the program is another one"), "{said}");
    assert!(said.contains("there `rdd 0: parallelize in") && said.contains("datasets.rs:"), "{said}");
}

#[test]
fn what_has_no_place_on_a_cluster_says_so() {
    for (which, text) in [
        ("thread", "was called by another thread than the one that made the context"),
        ("inside", "was called inside a task"),
        ("reads", "accumulator `sum` was read inside a task"),
        ("twice", "the program makes a second context"),
    ] {
        let (_, cluster, ended_well) = on_executors(which, &[1]);
        let said = cluster.said();
        assert!(!ended_well && said.contains(text), "{which}: {said}");
    }
}

#[test]
fn a_job_waits_for_the_slots_that_it_lacks_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(program("counts", folder.path(), 2));
    let report = cluster.wait_for_report("it waits", |report| report.waits_for.is_some());
    let waits = report.waits_for.unwrap();
    assert!(waits.contains("2 slots are needed, 0 are there"), "{waits}");
    assert_eq!(cluster.needs(), 2);
    cluster.add_executor(2);
    assert!(cluster.wait().success(), "{}", cluster.said());
    assert_eq!(found(folder.path()).0, embedded("counts", 2).0);
}
