//! Each example gives what its golden file says.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// An example, to be run in the way a reader would.
fn command(example: &str, arguments: &[&str]) -> Command {
    let cargo = std::env::var("CARGO").unwrap();
    // It is to hear of Ctrl-C, even if this process was started in the background of a shell, where nobody does.
    let mut command = Command::new("env");
    command.args([
        "--default-signal=INT",
        &cargo,
        "run",
        "--quiet",
        "--package",
        "millstream-examples",
        "--example",
        example,
        "--",
    ]);
    command.args(arguments).current_dir(package());
    command
}

/// Asked for when the test runs: clones may share a build cache.
fn package() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap().into()
}

fn run(example: &str, arguments: &[&str]) -> String {
    let output = command(example, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn golden(example: &str) -> String {
    let path = package().join("golden").join(example).with_extension("txt");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn double_prints_twice_each_number() {
    assert_eq!(run("double", &[]), golden("double"));
}

/// A program that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
    }
}

/// The next batch that has records, as it was printed, but with its time left out and its records sorted: both are
/// different each time.
fn next_batch(lines: &mut impl Iterator<Item = String>) -> String {
    loop {
        let mut batch: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        assert!(batch.len() >= 3, "the output ended: {batch:?}");
        let time = batch[1].strip_prefix("Time: ").and_then(|time| time.strip_suffix(" ms")).unwrap();
        assert_eq!(time.parse::<u64>().unwrap() % 1000, 0, "batch times are multiples of the interval");
        batch[1] = "Time: ... ms".to_owned();
        batch[3..].sort();
        if batch.len() > 3 {
            return batch.join("\n") + "\n\n";
        }
    }
}

#[test]
#[cfg(unix)]
fn the_network_word_count_prints_each_batch_and_ends_in_order_at_ctrl_c() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut program =
        Running(command("network_word_count", &[&port]).stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut peer = listener.accept().unwrap().0;
    let mut printed = String::new();
    for text in ["to be or\nnot to be\n", "that is the question\n"] {
        // One write, so that it comes in one piece and is in one batch.
        peer.write_all(text.as_bytes()).unwrap();
        printed += &next_batch(&mut lines);
    }
    assert_eq!(printed, golden("network_word_count"));
    assert!(Command::new("kill").args(["-INT", &program.0.id().to_string()]).status().unwrap().success());
    assert!(program.0.wait().unwrap().success());
}

#[test]
fn a_network_word_count_on_no_port_says_so() {
    let output = command("network_word_count", &["many"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("`many` is no port"), "{error}");
}

#[test]
fn flights_give_the_same_answer_as_a_stream_and_as_a_batch() {
    let output = run("flights", &["--speed", "50000"]);
    let promise = "promise after a kill: at most once at TextFilesSink (TcpLines cannot be asked again)";
    assert!(output.contains(promise), "{output}");
    assert!(output.contains("batch:  20938 flights in 1272 windows"), "{output}");
    assert!(output.contains("equal:  the stream's windows"), "{output}");
}

#[test]
fn flights_killed_in_the_middle_lose_and_double_nothing() {
    let output = run("flights", &["--kill"]);
    assert!(output.contains("SIGKILL"), "{output}");
    assert!(output.contains("1272 results, none lost, none doubled"), "{output}");
}
