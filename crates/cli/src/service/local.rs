//! `millstream local-cluster`: a job manager, and workers as its children.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use millstream_cluster::dispatcher::Limits;
use millstream_model::error::{Failure, Result};

use super::logs::Log;
use super::manager::{REST_PORT, Serving, serve_at};
use super::stop;
use crate::access::Access;
use crate::interpreter;

/// A cluster on this machine.
#[derive(Args, Debug)]
pub(crate) struct LocalCluster {
    /// How many workers.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256))]
    workers: u32,
    /// How many slots each of them has.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    slots: u32,
    /// The port of the REST interface; 0: a free one.
    #[arg(long, value_name = "PORT", default_value_t = REST_PORT)]
    rest_port: u16,
    /// Programs, logs and jobs, which go on when it starts on the folder again [default: a folder that goes away].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The Python that Python programs run in [default: as for `run`].
    #[arg(long, value_name = "INTERPRETER")]
    python: Option<PathBuf>,
    /// Write addresses and process id to this file, as JSON, once they are known.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    #[command(flatten)]
    log: Log,
}

/// Runs it until it is told to end.
pub(crate) fn start(arguments: LocalCluster, own: Option<&Path>) -> Result<()> {
    arguments.log.begin();
    let stop = stop::signal()?;
    let python = interpreter::of_a_service(arguments.python, own);
    let served = serve_at(Serving {
        listen: [127, 0, 0, 1].into(),
        port: 0,
        rest_port: arguments.rest_port,
        folder: arguments.folder.as_deref(),
        access: &Access::default(),
        insecure: false,
        python: python.clone(),
        limits: Limits::default(),
        facts: arguments.facts.as_deref(),
        log: arguments.log,
        leadership: None,
    })?;
    let address = served.manager.address().to_string();
    let start = |number| worker(number, &address, arguments.slots, arguments.log, &python, own);
    let mut workers = (1..=arguments.workers).map(start).collect::<Result<Vec<Child>>>()?;
    tracing::info!("run a program on it: millstream run --master {} ./PROGRAM", served.rest.address());
    while !stop.load(Ordering::Acquire) {
        for (place, child) in workers.iter_mut().enumerate() {
            if let Ok(Some(status)) = child.try_wait() {
                tracing::warn!(worker = place + 1, %status, "a worker has ended and is started again");
                *child = start(u32::try_from(place + 1).unwrap_or(u32::MAX))?;
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    // Their standard inputs end with these.
    for child in &mut workers {
        drop(child.stdin.take());
    }
    for child in &mut workers {
        let _ended = child.wait();
    }
    drop(served);
    Ok(())
}

fn worker(
    number: u32,
    manager: &str,
    slots: u32,
    log: Log,
    python: &Path,
    own: Option<&Path>,
) -> Result<Child> {
    let failed = |error| Failure::external("a worker cannot be started").because(error);
    let mut command = match own {
        // The command of the Python wheel.
        Some(interpreter) => {
            let mut command = Command::new(interpreter);
            command.args(["-m", "millstream"]);
            command
        }
        None => Command::new(std::env::current_exe().map_err(failed)?),
    };
    let (name, slots) = (format!("worker {number}"), slots.to_string());
    command.args(["worker", "--held", "--manager", manager, "--slots", &slots, "--name", &name]);
    command.arg("--python").arg(python);
    command.args(log.words()).stdin(Stdio::piped()).spawn().map_err(failed)
}
