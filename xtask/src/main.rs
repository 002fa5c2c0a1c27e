//! Developer tasks: `cargo xtask check`, `cargo xtask test`, `cargo xtask fuzz`, `cargo xtask bench-python`,
//! `cargo xtask bench-kafka`, `cargo xtask bench-files` and `cargo xtask services`.
//!
//! Answers for the rules of the house being checked by a program, and for one command that runs the whole test suite.
//! Not for what the rules are for: see STYLE.md and ARCHITECTURE.md.
//! Holds: exit code 0 only if everything that was asked for ran and passed; everything asked for runs, even after a
//! failure; all output goes to standard error, as cargo's does.

mod chaos;
mod check;
mod finding;
mod flume;
mod fuzz;
mod kafka;
mod project;
mod python;
mod services;
mod storage;
mod suite;
mod summary;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::check::Check;
use crate::project::Project;

/// Developer tasks of Millstream.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check the rules of the house: layering, format, lints, docs, file lengths, names, licences, duplicates.
    Check {
        /// Only these checks, separated by commas; all of them if not given.
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<Check>,
    },
    /// Run the entire test suite: the checks, then unit, integration, doc and Python tests.
    Test {
        /// Only the stage of this name, without the checks: `python`, "doc tests", ...
        #[arg(long)]
        only: Option<String>,
    },
    /// Fuzz what reads bytes from outside, led by coverage: decoders of the wire, manifests, the REST interface.
    Fuzz {
        /// How long each property is tried.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only properties with this in their name.
        #[arg(long)]
        only: Option<String>,
    },
    /// Measure Python programs beside the same ones on PySpark and PyFlink; what follows goes to `bench/python/main.py`.
    BenchPython {
        /// `--short`, `--only NAME,NAME`, `--runs N`; `--help` names the workloads.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure from Kafka to Kafka beside librdkafka and the same job on Flink, with a broker and a cluster of their own.
    BenchKafka {
        /// `--short`, `--runs N`, and what else the benchmark takes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measure reading and writing files, with an HDFS of its own, beside the libraries alone and Hadoop's own command.
    BenchFiles {
        /// `--short`, `--runs N`, and what else the benchmark takes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Real servers (Flink, Flume, Kafka, Spark) for tests and for trying things: fetched once, started on free ports.
    Services {
        #[command(subcommand)]
        command: services::Command,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let project = Project::locate()?;
    let outcomes = match arguments.task {
        Task::Check { only } => check::run(&project, &only),
        Task::Test { only } => suite::run(&project, only.as_deref())?,
        Task::Fuzz { seconds, only } => {
            fuzz::run(&project, seconds, only.as_deref())?;
            return Ok(ExitCode::SUCCESS);
        }
        Task::BenchPython { arguments } => {
            python::bench(&project, &arguments)?;
            return Ok(ExitCode::SUCCESS);
        }
        Task::BenchKafka { arguments } => {
            kafka::bench(&project, &arguments)?;
            return Ok(ExitCode::SUCCESS);
        }
        Task::BenchFiles { arguments } => {
            storage::bench(&project, &arguments)?;
            return Ok(ExitCode::SUCCESS);
        }
        Task::Services { command } => {
            services::run(&command)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    eprint!("{}", summary::table(&outcomes));
    Ok(if summary::all_passed(&outcomes) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
