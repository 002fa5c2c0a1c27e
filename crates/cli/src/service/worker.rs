//! `millstream worker`.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use millstream_cluster::worker::{Settings, work};
use millstream_model::error::{Failure, Result};
use millstream_network::Pulse;

use super::logs::Log;
use super::manager::temporary_folder;
use super::stop;
use crate::access::Access;
use crate::interpreter;

/// A worker.
#[derive(Args, Debug)]
pub(crate) struct Worker {
    /// How many subtasks of each operator run here.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    slots: u32,
    /// The job manager's address for workers; those of all that take turns, with commas between them.
    #[arg(long, value_name = "HOST:PORT,...", default_value = "127.0.0.1:7071", value_delimiter = ',')]
    manager: Vec<String>,
    /// For people [default: the process's number].
    #[arg(long)]
    name: Option<String>,
    /// Programs and working folders [default: a folder that goes away].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
    /// Let its programs listen beyond this machine without encryption: in a network that is trusted.
    #[arg(long)]
    insecure: bool,
    /// Where its programs listen for each other [default: the address of this machine on the way to the job manager].
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<IpAddr>,
    /// The Python that Python programs run in [default: as for `run`].
    #[arg(long, value_name = "INTERPRETER")]
    python: Option<PathBuf>,
    /// How many seconds its programs may run on while the job manager is gone, and it may take to be reached at first.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u64,
    /// End with the standard input.
    #[arg(long, hide = true)]
    held: bool,
    #[command(flatten)]
    log: Log,
}

/// Runs one until it is told to end.
pub(crate) fn start(arguments: Worker, own: Option<&Path>) -> Result<()> {
    arguments.log.begin();
    let stop = stop::signal()?;
    if arguments.held {
        stop::with_standard_input(&stop);
    }
    let python = interpreter::of_a_service(arguments.python, own);
    let own = match arguments.folder {
        Some(_) => None,
        None => Some(temporary_folder("millstream-worker-")?),
    };
    let folder = arguments.folder.or(own.as_ref().map(|own| own.path().into())).unwrap_or_default();
    let settings = Settings {
        name: arguments.name.unwrap_or_else(|| format!("worker of process {}", std::process::id())),
        slots: arguments.slots,
        managers: arguments.manager.iter().map(|address| resolve(address)).collect::<Result<_>>()?,
        manager_names: arguments.manager,
        security: arguments.access.security(arguments.insecure)?,
        python,
        folder,
        grace: Duration::from_secs(arguments.grace),
        pulse: Pulse::default(),
        log: arguments.log.into(),
        listen: arguments.listen,
    };
    // What waits for the job manager looks at the signal only now and then: a thread waits for that.
    let (done, ended) = std::sync::mpsc::channel();
    let stopped = std::sync::Arc::clone(&stop);
    std::thread::spawn(move || {
        let _gone = done.send(work(settings, &stopped));
    });
    loop {
        match ended.recv_timeout(Duration::from_millis(50)) {
            Ok(result) => return result,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Failure::internal("the worker's thread ended without a result"));
            }
            // Its programs end with the pipes that this process holds.
            Err(std::sync::mpsc::RecvTimeoutError::Timeout)
                if stop.load(std::sync::atomic::Ordering::Acquire) =>
            {
                return Ok(());
            }
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
}

fn resolve(address: &str) -> Result<SocketAddr> {
    let wrong = |why: String| {
        Failure::user(format!("`{address}` is no address of a job manager"))
            .because(why)
            .advice("HOST:PORT, with the port that workers join at: its log says it when it starts")
    };
    let mut found = address.to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    found.next().ok_or_else(|| wrong("the name leads nowhere".into()))
}
