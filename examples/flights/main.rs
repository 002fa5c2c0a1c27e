//! Delays by airport and hour: a live stream over a socket, and the same question to the finished file.
//!
//! `flights` serves the file over a local socket and reads it as a stream, with event time, windows, late flights,
//! checkpoints and two-phase files; then asks an Rdd over the file, and compares the answers.
//! `flights --kill` reads the file itself, which can be asked again: the job is killed in the middle with SIGKILL, goes
//! on in a new process, and its files are compared with those of a run that nobody disturbed.

#![allow(clippy::print_stdout, reason = "what it finds is for the person who runs it")]

mod batch;
mod delays;
mod flight;
mod kill;
mod live;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words[..] {
        [] => live::run(7_000),
        ["--speed", lines_per_second] => match lines_per_second.parse() {
            Ok(speed) => live::run(speed),
            Err(error) => Err(millstream::Failure::user(format!("--speed {lines_per_second}: {error}"))),
        },
        ["--kill"] => kill::run(),
        ["--job", folder, "--die-after", flights] => kill::job(folder, flights.parse().ok()),
        ["--job", folder] => kill::job(folder, None),
        _ => Err(millstream::Failure::user("usage: flights [--speed LINES_PER_SECOND | --kill]")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
