//! Ctrl-C, as a real signal to a real process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// More than it comes to before it is interrupted.
const RECORDS: u64 = 1_000_000;

/// A process that hears of Ctrl-C, even if this one was started in the background of a shell, where nobody does.
fn listening(program: &str) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=INT", program]);
    command
}

fn interrupt(process: &Child) {
    let sent = Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The lines of all finished files, with how often each is there.
fn lines(output: &Path) -> BTreeMap<String, u32> {
    let mut lines = BTreeMap::new();
    for entry in std::fs::read_dir(output).into_iter().flatten() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().starts_with('.') {
            for line in std::fs::read_to_string(entry.path()).unwrap_or_default().lines() {
                *lines.entry(line.to_owned()).or_default() += 1;
            }
        }
    }
    lines
}

#[test]
fn the_first_ctrl_c_stops_a_job_in_order_with_its_last_results_in_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let mut process = listening(env!("CARGO_BIN_EXE_victim"))
        .args([&folder.path().join("checkpoints"), &output])
        .args([&RECORDS.to_string(), "20000", "2"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while lines(&output).is_empty() {
        assert!(process.try_wait().unwrap().is_none(), "it ended before it was interrupted");
        std::thread::yield_now();
    }
    interrupt(&process);
    let ended = process.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));

    // For each key every count up to its last, once: nothing was lost on the way, nothing is left half written.
    let mut counts: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (line, times) in lines(&output) {
        assert_eq!(times, 1, "{line}");
        let (key, count) = line.split_once(' ').unwrap();
        counts.entry(key.parse().unwrap()).or_default().push(count.parse().unwrap());
    }
    for (key, mut found) in counts {
        found.sort_unstable();
        assert_eq!(found, (1..=found.len() as u64).collect::<Vec<_>>(), "of key {key}");
    }
    let hidden = std::fs::read_dir(&output).unwrap();
    let hidden =
        hidden.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0, "files were left in progress");
}

#[test]
fn the_second_ctrl_c_ends_a_process_that_the_first_could_not_stop() {
    let mut process = listening(env!("CARGO_BIN_EXE_stubborn")).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(said.next().unwrap(), "stuck at 0");
    interrupt(&process);
    assert_eq!(said.next().unwrap(), "stopped");
    interrupt(&process);
    assert_eq!(process.wait().unwrap().code(), Some(130));
}
