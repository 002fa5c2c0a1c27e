//! `cargo run --release -p millstream-bench`: one table, each workload beside the loop that does the same.
//!
//! Inputs are made before the clock starts; results are compared before a figure is printed.

#![allow(clippy::print_stdout, reason = "the table is for the person who runs it")]

mod keyed_count;
mod median;

use std::process::ExitCode;

fn main() -> ExitCode {
    println!("{:<44} {:>10} {:>10} {:>7}", "work", "M/s", "loop M/s", "ratio");
    for (name, maps, parallelism, keys) in [
        ("keyed count, 100k keys, 1 worker", 0, 1, 100_000),
        ("keyed count, 100k keys, 1 worker, 3 maps", 3, 1, 100_000),
        ("keyed count, 1M keys, 2 workers", 0, 2, 1_000_000),
    ] {
        match keyed_count::measure(maps, parallelism, keys) {
            Ok((rate, by_hand)) => {
                println!("{name:<44} {rate:>10.1} {by_hand:>10.1} {:>7.2}", rate / by_hand);
            }
            Err(failure) => {
                eprintln!("error: {name}: {failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
