//! Real servers for the tests, and for trying things by hand: `cargo xtask services fetch | start | stop`.
//!
//! Answers for the list of servers and for what is asked of each: how it is fetched, how it is started. One file a server;
//! what they share is the cache, the processes, and free ports. Not for which tests need one: their stage starts it.
//! Holds: versions are pinned; downloads are kept outside of the clone; a server's ports and folders are temporary; what
//! was started is stopped, also when this program is killed.

mod cache;
mod flink;
mod flume;
mod hdfs;
mod kafka;
mod loopback;
mod packages;
mod processes;
mod s3;
mod spark;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;

pub(crate) use crate::services::cache::Fetched;
pub(crate) use crate::services::packages::{python, show};
pub(crate) use crate::services::processes::{Life, Running};

/// A server that can be fetched and started.
pub(crate) trait Service: Sync {
    /// The name in commands and folders.
    fn name(&self) -> &'static str;
    /// The pinned version, with whatever else the fetched files depend on.
    fn version(&self) -> Result<String>;
    /// Puts what is needed to start it into an empty folder.
    fn fetch(&self, into: &Path) -> Result<()>;
    /// Starts it on free ports, with all it writes in the folder of `running`; returns when it is ready for work.
    fn start(&self, fetched: &Path, running: &mut Running) -> Result<()>;
}

/// All of them.
const SERVICES: [&dyn Service; 6] =
    [&flink::Flink, &flume::Flume, &hdfs::Hdfs, &kafka::Kafka, &s3::S3, &spark::Spark];

/// What can be done with the servers.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fetch servers into the cache; all of them if none is named.
    Fetch { names: Vec<String> },
    /// Start a server in a new folder and leave it running; prints its addresses and the folder.
    Start { name: String },
    /// Stop what was started in a folder, and remove the folder.
    Stop { folder: PathBuf },
}

/// Runs a command.
pub(crate) fn run(command: &Command) -> Result<()> {
    match command {
        Command::Fetch { names } if names.is_empty() => {
            SERVICES.iter().try_for_each(|service| cache::fetched(*service).map(drop))
        }
        Command::Fetch { names } => names.iter().try_for_each(|name| fetch(name).map(drop)),
        Command::Start { name } => {
            let running = start(name, Life::OfItsOwn)?;
            for (what, value) in &running.facts {
                eprintln!("{what}={value}");
            }
            let folder = running.leave()?;
            eprintln!("stop it by: cargo xtask services stop {}", folder.display());
            Ok(())
        }
        Command::Stop { folder } => processes::stop_left(folder),
    }
}

/// The files of a server, from the cache or the registry.
pub(crate) fn fetch(name: &str) -> Result<Fetched> {
    cache::fetched(find(name)?)
}

/// A running server of this name, in a new temporary folder.
pub(crate) fn start(name: &str, life: Life) -> Result<Running> {
    let service = find(name)?;
    let fetched = cache::fetched(service)?;
    let mut running = Running::new(name, life)?;
    service.start(&fetched.folder, &mut running).with_context(|| format!("{name} could not be started"))?;
    Ok(running)
}

fn find(name: &str) -> Result<&'static dyn Service> {
    SERVICES.into_iter().find(|service| service.name() == name).with_context(|| {
        format!("there is no service {name:?}; there are {}", SERVICES.map(|one| one.name()).join(", "))
    })
}
