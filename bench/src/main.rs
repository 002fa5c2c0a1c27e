//! `cargo run --release -p millstream-bench`: one table, each workload beside the loop and the peers that do the same.
//!
//! Answers for which workloads there are and for the order of the table. How they are measured is in `race`.
//! Holds: inputs are made before a clock starts; results are compared before a figure is printed.

#![allow(clippy::print_stdout, reason = "the table is for the person who runs it")]

mod arguments;
mod checkpoint_pause;
mod cluster;
mod exchange;
mod figure;
mod files;
mod flat_memory;
mod flume_source;
mod goal;
mod inputs;
#[cfg(feature = "kafka")]
mod kafka;
mod keyed_count;
mod latency;
mod process;
mod race;
mod recovery;
mod sort_by_key;
mod start_up;
mod table;
mod tally;
mod word_count;

use std::process::ExitCode;

use clap::Parser;
use millstream::{Failure, Result};

use crate::arguments::{Arguments, Setup};
use crate::table::Row;

/// A part of the table. Each is a few rows over the same input.
struct Workload {
    name: &'static str,
    measure: fn(&Setup, &str) -> Result<Vec<Row>>,
}

const WORKLOADS: &[Workload] = &[
    Workload { name: "keyed count, 100k keys", measure: keyed_count::one_worker },
    Workload { name: "keyed count, 100k keys, 3 maps", measure: keyed_count::behind_maps },
    Workload { name: "keyed count, 1M keys", measure: keyed_count::two_workers },
    Workload { name: "keyed count, every update", measure: keyed_count::every_update },
    Workload { name: "checkpoints of 1M keys", measure: checkpoint_pause::measure },
    Workload { name: "word count, batch", measure: word_count::batch },
    Workload { name: "word count, streaming", measure: word_count::streaming },
    Workload { name: "latency, keyed exchange", measure: latency::measure },
    Workload { name: "word count, peak memory", measure: word_count::memory },
    Workload { name: "flat memory, 1,000 for 1", measure: flat_memory::measure },
    Workload { name: "start-up, map program", measure: start_up::measure },
    Workload { name: "exchange, 16-byte records", measure: exchange::small },
    Workload { name: "exchange, 100-byte records", measure: exchange::large },
    Workload { name: "worker killed, 1 GB of state", measure: recovery::measure },
    Workload { name: "job manager killed", measure: recovery::takeover },
    Workload { name: "keyed count, 2 processes", measure: cluster::keyed_count::last },
    Workload { name: "every update, 2 processes", measure: cluster::keyed_count::every },
    Workload { name: "latency, 2 processes", measure: cluster::latency::measure },
    Workload { name: "cluster start-up, 3 workers", measure: cluster::start_up::measure },
    Workload { name: "coordinator, a checkpoint", measure: cluster::coordinator::measure },
    Workload { name: "sort by key", measure: sort_by_key::measure },
    #[cfg(feature = "kafka")]
    Workload { name: "kafka source", measure: kafka::source },
    #[cfg(feature = "kafka")]
    Workload { name: "kafka to kafka exactly once", measure: kafka::exactly_once },
    #[cfg(feature = "kafka")]
    Workload { name: "kafka commit step", measure: kafka::commit_step },
    #[cfg(feature = "kafka")]
    Workload { name: "kafka latency, checkpoints of 1 s", measure: kafka::each_second },
    #[cfg(feature = "kafka")]
    Workload { name: "kafka latency, of 100 ms", measure: kafka::each_tenth },
    Workload { name: "files, text lines", measure: files::text },
    Workload { name: "files, gzip", measure: files::gzip },
    Workload { name: "files, CSV to Arrow", measure: files::csv },
    Workload { name: "files, Parquet to Arrow", measure: files::parquet },
    #[cfg(feature = "hdfs")]
    Workload { name: "hdfs, writing 500 MB", measure: files::hdfs::write },
    #[cfg(feature = "hdfs")]
    Workload { name: "hdfs, reading 500 MB", measure: files::hdfs::read },
    Workload { name: "Flume, Avro source", measure: flume_source::measure },
];

/// A contender that this program runs as a process of its own, and what it is given besides.
struct Task {
    name: &'static str,
    run: fn(&Setup, &str) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task { name: "word-count", run: word_count::task },
    Task { name: "flat-memory", run: flat_memory::task },
    Task { name: "start-up", run: start_up::task },
    Task { name: "latency", run: latency::task },
    Task { name: "exchange", run: exchange::task },
    Task { name: "recovery", run: recovery::program },
    Task { name: "millstream", run: recovery::command },
    Task { name: "counted", run: cluster::keyed_count::task },
    Task { name: "latency-across", run: cluster::latency::task },
    Task { name: "first-result", run: cluster::start_up::task },
    Task { name: "coordinated", run: cluster::coordinator::task },
    Task { name: "flume-agents", run: flume_source::task },
];

fn main() -> ExitCode {
    // What is no option is a command of a cluster: the job manager of this program starts its workers so.
    if std::env::args().nth(1).is_some_and(|first| !first.starts_with('-')) {
        return match millstream_cli::start(std::env::args_os().skip(1), None) {
            millstream_cli::Outcome::Ended(code) => ExitCode::from(code),
            millstream_cli::Outcome::Python(_) => ExitCode::FAILURE,
        };
    }
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let setup = arguments.setup()?;
    if let Some(task) = &arguments.task {
        return one_task(&setup, task);
    }
    let chosen: Vec<_> = WORKLOADS.iter().filter(|work| arguments.chooses(work.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = WORKLOADS.iter().map(|work| work.name).collect();
        return Err(Failure::user("no workload has what --only says in its name")
            .advice(format!("the workloads: {}", names.join("; "))));
    }
    table::print_head(&setup);
    for work in chosen {
        let rows = (work.measure)(&setup, work.name).map_err(|failure| {
            Failure::user(format!("`{}` could not be measured", work.name)).because(failure)
        })?;
        table::print(&rows);
    }
    Ok(())
}

fn one_task(setup: &Setup, task: &str) -> Result<()> {
    let (name, rest) = task.split_once(' ').unwrap_or((task, ""));
    let found = TASKS.iter().find(|task| task.name == name);
    let found = found.ok_or_else(|| Failure::internal(format!("there is no task `{name}`")))?;
    (found.run)(setup, rest)?;
    // What a process of a cluster found it has left where it was told to.
    if cluster::role().is_none() { process::report() } else { Ok(()) }
}
