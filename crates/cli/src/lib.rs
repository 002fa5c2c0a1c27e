//! The `millstream` command: arguments in, exit code out.
//!
//! One code for both ways in: the binary that cargo builds (`main.rs`) and the command of the Python wheel, which is this
//! library inside of its native module. They differ in one thing, which is why [`start`] hands it back: how a Python
//! program is run. The wheel runs it in the interpreter that it is in; the binary becomes an interpreter
//! (`interpreter.rs`) and links no Python.
//!
//! Answers for what can be typed, for what is said about it, and for the exit code. Not for what is run.
//! Holds: whatever is typed ends in an exit code of [`exit`] with a message, or in a program that is there to be read.

mod access;
mod arguments;
mod completion;
pub mod exit;
pub mod interpreter;
mod jobs;
mod program;
mod report;
mod run;
mod service;

use std::ffi::OsString;

use clap::Parser;
use millstream_model::error::Result;

use crate::arguments::{Arguments, Command};
use crate::jobs::ask;
pub use crate::run::PythonJob;

/// What is left to do once the arguments were understood.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing: the process ends with this code.
    Ended(u8),
    /// A Python program has to be run, by whoever has an interpreter.
    Python(PythonJob),
}

/// The commands of a cluster.
fn serve_or_ask(command: Command) -> Result<()> {
    match command {
        Command::JobManager(manager) => service::jobmanager(manager),
        Command::Worker(worker) => service::worker(worker),
        Command::LocalCluster(cluster) => service::local_cluster(cluster),
        Command::List(list) => ask::list(list),
        Command::Status(status) => ask::status(status),
        Command::Logs(logs) => ask::logs(logs),
        Command::Cancel(one) => ask::cancel(&one),
        Command::Stop(stop) => ask::stop(&stop),
        Command::Savepoint(one) => ask::savepoint(&one),
        Command::Rescale(rescale) => ask::rescale(&rescale),
        Command::Checkpoints(checkpoints) => ask::list_checkpoints(checkpoints),
        Command::Token { file } => service::token::make(&file),
        Command::Certs(certs) => service::certs::make(&certs).map(|said| jobs::say(&said)),
        // They have outcomes of their own.
        Command::Run(_) | Command::Completion { .. } => Ok(()),
    }
}

/// Does what the arguments (without the command's own name) say.
///
/// What is said goes to standard error, what was asked for (help, version, completion) to standard output.
pub fn start(arguments: impl IntoIterator<Item = OsString>) -> Outcome {
    match Arguments::try_parse_from(std::iter::once("millstream".into()).chain(arguments)) {
        Ok(Arguments { command: Command::Run(run) }) => run::start(run),
        Ok(Arguments { command: Command::Completion { shell } }) => Outcome::Ended(completion::print(shell)),
        Ok(Arguments { command }) => Outcome::Ended(report::ended(serve_or_ask(command))),
        Err(said) => {
            // Help and version are what was asked for. Nobody is left to be told that a terminal is gone.
            let _gone = said.print();
            Outcome::Ended(if said.use_stderr() { exit::NOT_STARTED } else { exit::WELL })
        }
    }
}
