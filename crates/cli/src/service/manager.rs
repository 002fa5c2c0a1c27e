//! `millstream jobmanager`.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use millstream_cluster::dispatcher::Limits;
use millstream_cluster::manager::{Manager, Settings};
use millstream_cluster::rest::Rest;
use millstream_model::error::{Failure, Result};
use millstream_network::Pulse;

use super::logs::Log;
use super::{stop, token};
use crate::interpreter;

/// The port of the REST interface, which every client asks.
pub(crate) const REST_PORT: u16 = 7070;
/// The port that workers join at.
pub(crate) const WORKERS_PORT: u16 = 7071;

/// A job manager.
#[derive(Args, Debug)]
pub(crate) struct JobManager {
    /// The address to listen at.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    listen: IpAddr,
    /// The port that workers join at; 0: a free one.
    #[arg(long, value_name = "PORT", default_value_t = WORKERS_PORT)]
    port: u16,
    /// The port of the REST interface; 0: a free one.
    #[arg(long, value_name = "PORT", default_value_t = REST_PORT)]
    rest_port: u16,
    /// Programs, logs and jobs, which go on when a job manager starts on the folder again [default: a folder that goes away].
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The file of the token that workers and clients have to show (made by `millstream token FILE`).
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Listen beyond this machine without a token: whoever reaches the port can run programs here.
    #[arg(long)]
    insecure: bool,
    /// How many seconds a job may wait for slots before it is given up [default: for ever].
    #[arg(long, value_name = "SECONDS")]
    slot_timeout: Option<u64>,
    /// The Python that directs the jobs of Python programs [default: as for `run`].
    #[arg(long, value_name = "INTERPRETER")]
    python: Option<PathBuf>,
    /// Write addresses and process id to this file, as JSON, once they are known.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    #[command(flatten)]
    log: Log,
}

/// A job manager with its REST interface.
pub(super) struct Served {
    pub(super) manager: Manager,
    pub(super) rest: Rest,
    /// A folder that goes away.
    _folder: Option<tempfile::TempDir>,
}

/// Runs one until it is told to end.
pub(crate) fn start(arguments: JobManager, own: Option<&Path>) -> Result<()> {
    arguments.log.begin();
    let stop = stop::signal()?;
    let served = serve(&arguments, own)?;
    stop::wait(&stop);
    tracing::info!("ends; jobs that have not ended go on when it starts on the same folder");
    drop(served);
    Ok(())
}

fn serve(arguments: &JobManager, own: Option<&Path>) -> Result<Served> {
    let token = arguments.token_file.as_deref().map(token::read).transpose()?;
    if !arguments.listen.is_loopback() {
        if token.is_none() && !arguments.insecure {
            return Err(Failure::user(format!(
                "listening at {} lets everybody who reaches it run programs here",
                arguments.listen
            ))
            .advice("ask for a token: millstream token FILE, then --token-file FILE here, at workers and at clients")
            .advice("or say that it is meant: --insecure"));
        }
        if token.is_none() {
            tracing::warn!(listen = %arguments.listen, "INSECURE: whoever reaches this port can run programs here");
        } else {
            tracing::warn!(listen = %arguments.listen, "connections are not encrypted: use it in a network that is");
        }
    }
    let limits = Limits {
        slots: arguments.slot_timeout.map(|seconds| seconds.saturating_mul(1000)),
        ..Limits::default()
    };
    let folder = arguments.folder.as_deref();
    serve_at(
        arguments.listen,
        arguments.port,
        arguments.rest_port,
        folder,
        token,
        interpreter::of_a_service(arguments.python.clone(), own),
        limits,
        arguments.facts.as_deref(),
    )
}

pub(super) fn serve_at(
    listen: IpAddr,
    port: u16,
    rest_port: u16,
    folder: Option<&Path>,
    token: Option<String>,
    python: PathBuf,
    limits: Limits,
    facts: Option<&Path>,
) -> Result<Served> {
    let own = match folder {
        Some(_) => None,
        None => Some(temporary_folder("millstream-jobmanager-")?),
    };
    let folder = folder.or(own.as_ref().map(tempfile::TempDir::path)).unwrap_or(Path::new("."));
    let settings = Settings {
        folder: folder.into(),
        listen,
        port,
        token: token.clone(),
        python,
        limits,
        pulse: Pulse::default(),
    };
    let manager = Manager::start(&settings)?;
    let rest = Rest::start(&manager, SocketAddr::new(listen, rest_port), token.as_deref())?;
    tracing::info!(workers = %manager.address(), rest = %rest.address(), folder = %folder.display(), "job manager");
    if let Some(facts) = facts {
        write_facts(facts, &manager, &rest)?;
    }
    Ok(Served { manager, rest, _folder: own })
}

pub(super) fn temporary_folder(prefix: &str) -> Result<tempfile::TempDir> {
    tempfile::Builder::new().prefix(prefix).tempdir().map_err(|error| {
        Failure::external("a temporary folder cannot be made")
            .because(error)
            .advice("name one: --folder FOLDER")
    })
}

/// Whole or not at all: whoever waits for it reads it at once.
fn write_facts(file: &Path, manager: &Manager, rest: &Rest) -> Result<()> {
    let facts = serde_json::json!({
        "workers": manager.address().to_string(), "rest": rest.address().to_string(), "pid": std::process::id(),
    });
    let write = || -> std::io::Result<()> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut text = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(text, "{facts}")?;
        text.persist(file).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| Failure::user(format!("{} cannot be written", file.display())).because(error))
}
