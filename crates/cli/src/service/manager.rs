//! `millstream jobmanager`.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use millstream_cluster::dispatcher::Limits;
use millstream_cluster::leadership::Leadership;
use millstream_cluster::manager::{Manager, Settings};
use millstream_cluster::rest::Rest;
use millstream_model::error::{Failure, Result};
use millstream_network::Pulse;
use millstream_storage::Storage;

use super::logs::Log;
use super::stop;
use crate::access::Access;
use crate::interpreter;

/// The port of the REST interface, which every client asks.
pub(crate) const REST_PORT: u16 = 7070;
/// The port that workers join at.
pub(crate) const WORKERS_PORT: u16 = 7071;

/// From one look at whether to end to the next.
const LOOK: Duration = Duration::from_millis(20);

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
    /// The place where several job managers agree who leads, and where the leader writes jobs and programs down: a folder that
    /// all of them reach, or s3://, hdfs://. The others stand by, and one of them takes over when the leader is gone.
    #[arg(long, value_name = "PLACE")]
    ha: Option<String>,
    /// How many seconds the leader may give no sign of life before another one takes over.
    #[arg(long, value_name = "SECONDS", default_value = "5", requires = "ha", value_parser = silence)]
    ha_timeout: Duration,
    #[command(flatten)]
    access: Access,
    /// Listen beyond this machine without encryption: in a network that is trusted. A token is asked for all the same.
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
    let Some(served) = serve(&arguments, own, &stop)? else { return Ok(()) };
    while !stop.load(Ordering::Acquire) {
        served.manager.check()?;
        std::thread::sleep(LOOK);
    }
    match &arguments.ha {
        Some(place) => {
            tracing::info!(place, "ends; jobs that have not ended go on with the one that leads next")
        }
        None => tracing::info!("ends; jobs that have not ended go on when it starts on the same folder"),
    }
    drop(served);
    Ok(())
}

/// Seconds, with a fraction perhaps.
fn silence(text: &str) -> std::result::Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    match seconds {
        Some(seconds) if (0.2..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.2 to 3600 is expected".to_owned()),
    }
}

/// Nothing if it stood by and was told to end.
fn serve(arguments: &JobManager, own: Option<&Path>, stop: &AtomicBool) -> Result<Option<Served>> {
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
    let leadership = match &arguments.ha {
        None => None,
        Some(place) => match lead(place, arguments, stop)? {
            None => return Ok(None),
            lead => lead,
        },
    };
    let folder = arguments.folder.as_deref();
    serve_at(Serving {
        listen: arguments.listen,
        port: arguments.port,
        rest_port: arguments.rest_port,
        folder,
        access: &arguments.access,
        insecure: arguments.insecure,
        python: interpreter::of_a_service(arguments.python.clone(), own),
        limits,
        facts: arguments.facts.as_deref(),
        log: arguments.log,
        leadership,
    })
    .map(Some)
}

/// Stands by until this process leads.
fn lead(place: &str, arguments: &JobManager, stop: &AtomicBool) -> Result<Option<Leadership>> {
    // A port that is taken is found now, not when this one is needed.
    for port in [arguments.port, arguments.rest_port].into_iter().filter(|port| *port != 0) {
        TcpListener::bind((arguments.listen, port)).map_err(|error| {
            Failure::user(format!("cannot listen at {}, port {port}", arguments.listen))
                .because(error)
                .advice("another process listens there: stop it, or take another port: --port, --rest-port")
        })?;
    }
    let name = format!("{}:{}, process {}", arguments.listen, arguments.rest_port, std::process::id());
    Leadership::seek(&Storage::open(place)?, &name, arguments.ha_timeout, stop)
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
    /// For the masters of Python programs.
    pub(super) python: PathBuf,
    pub(super) limits: Limits,
    /// A file for its addresses.
    pub(super) facts: Option<&'a Path>,
    pub(super) log: Log,
    /// Where several take turns.
    pub(super) leadership: Option<Leadership>,
}

pub(super) fn serve_at(serving: Serving<'_>) -> Result<Served> {
    let Serving { listen, port, rest_port, folder, access, insecure, python, limits, facts, log, leadership } =
        serving;
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
        python,
        limits,
        pulse: Pulse::default(),
        log: log.into(),
    };
    let manager = Manager::start(&settings, leadership)?;
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
