//! Each example gives what its golden file says.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::path::Path;
use std::process::Command;

/// Runs an example in the way a reader would.
fn run(example: &str, arguments: &[&str]) -> String {
    let cargo = std::env::var("CARGO").unwrap();
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", "millstream-examples", "--example", example, "--"]);
    let output = command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn double_prints_twice_each_number() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/double.txt");
    assert_eq!(run("double", &[]), std::fs::read_to_string(golden).unwrap());
}

#[test]
fn flights_give_the_same_answer_as_a_stream_and_as_a_batch() {
    let output = run("flights", &["--speed", "50000"]);
    assert!(output.contains("promise after a kill: at most once"), "{output}");
    assert!(output.contains("batch:  20938 flights in 1272 windows"), "{output}");
    assert!(output.contains("equal:  the stream's windows"), "{output}");
}

#[test]
fn flights_killed_in_the_middle_lose_and_double_nothing() {
    let output = run("flights", &["--kill"]);
    assert!(output.contains("SIGKILL"), "{output}");
    assert!(output.contains("1272 results, none lost, none doubled"), "{output}");
}
