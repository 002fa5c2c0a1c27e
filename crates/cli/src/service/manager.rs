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
use super::stop;
use crate::access::Access;

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
    #[command(flatten)]
    access: Access,
    /// Listen beyond this machine without encryption: in a network that is trusted. A token is asked for all the same.
    #[arg(long)]
    insecure: bool,
    /// How many seconds a job may wait for slots before it is given up [default: for ever].
    #[arg(long, value_name = "SECONDS")]
    slot_timeout: Option<u64>,
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
pub(crate) fn start(arguments: JobManager) -> Result<()> {
    arguments.log.begin();
    let stop = stop::signal()?;
    let served = serve(&arguments)?;
    stop::wait(&stop);
    tracing::info!("ends; jobs that have not ended go on when it starts on the same folder");
    drop(served);
    Ok(())
}

fn serve(arguments: &JobManager) -> Result<Served> {
    let (listen, access) = (arguments.listen, &arguments.access);
    if !listen.is_loopback() && access.tls.is_none() && access.token_file.is_none() {
        return Err(Failure::user(format!(
            "listening at {listen} lets everybody who reaches it run programs here"
        ))
        .advice("ask for certificates: millstream certs FOLDER, then --tls FOLDER/cluster here and at workers")
        .advice("in a network that is trusted a token is enough: millstream token FILE, then --token-file FILE --insecure"));
    }
    let limits = Limits {
        slots: arguments.slot_timeout.map(|seconds| seconds.saturating_mul(1000)),
        ..Limits::default()
    };
    let folder = arguments.folder.as_deref();
    serve_at(Serving {
        listen: arguments.listen,
        port: arguments.port,
        rest_port: arguments.rest_port,
        folder,
        access: &arguments.access,
        insecure: arguments.insecure,
        limits,
        facts: arguments.facts.as_deref(),
        log: arguments.log,
    })
}

/// How a job manager is served.
pub(super) struct Serving<'a> {
    pub(super) listen: IpAddr,
    pub(super) port: u16,
    pub(super) rest_port: u16,
    /// A temporary one by default.
    pub(super) folder: Option<&'a Path>,
    pub(super) access: &'a Access,
    pub(super) insecure: bool,
    pub(super) limits: Limits,
    /// A file for its addresses.
    pub(super) facts: Option<&'a Path>,
    pub(super) log: Log,
}

pub(super) fn serve_at(serving: Serving<'_>) -> Result<Served> {
    let Serving { listen, port, rest_port, folder, access, insecure, limits, facts, log } = serving;
    let (token, security) = (access.token()?, access.security(insecure)?);
    let own = match folder {
        Some(_) => None,
        None => Some(temporary_folder("millstream-jobmanager-")?),
    };
    let folder = folder.or(own.as_ref().map(tempfile::TempDir::path)).unwrap_or(Path::new("."));
    let settings = Settings {
        folder: folder.into(),
        listen,
        port,
        security: security.clone(),
        limits,
        pulse: Pulse::default(),
        log: log.into(),
    };
    let manager = Manager::start(&settings)?;
    let rest = Rest::start(&manager, SocketAddr::new(listen, rest_port), token.as_deref(), &security)?;
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
