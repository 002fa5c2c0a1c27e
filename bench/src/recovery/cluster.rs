//! Job manager and workers, as processes of the `millstream` command, which is in this program as a task.
//!
//! Holds: no process outlives the [`Cluster`].

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream::{Failure, Result};
use millstream_cli::Outcome;
use serde_json::Value;

use super::program::First;
use crate::arguments::Setup;

/// Longer than anything takes that is to come.
const PATIENCE: Duration = Duration::from_secs(180);

/// The command, with what stands in the lines of the task as its arguments.
pub(crate) fn task(_: &Setup, arguments: &str) -> Result<()> {
    match millstream_cli::start(arguments.split('\n').map(OsString::from), None) {
        Outcome::Ended(0) => std::process::exit(0),
        Outcome::Ended(code) => Err(Failure::external(format!("`millstream` ended with {code}"))),
        Outcome::Python(_) => Err(Failure::internal("no Python program is measured here")),
    }
}

/// Waits until there is something.
pub(super) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            return Err(Failure::external(format!("{what} did not come within {PATIENCE:?}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is as well.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// See the module.
pub(super) struct Cluster {
    folder: PathBuf,
    rest: String,
    workers_at: String,
    workers: Vec<Process>,
    started: usize,
    managers: Vec<Process>,
}

fn failed(what: &str, error: impl Into<millstream::BoxError>) -> Failure {
    Failure::external(what.to_owned()).because(error)
}

fn own() -> Result<PathBuf> {
    std::env::current_exe().map_err(|error| failed("this program is not found", error))
}

fn millstream(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(own()?);
    command.arg("--task").arg(format!("millstream {}", arguments.join("\n")));
    Ok(command)
}

impl Cluster {
    /// A job manager, whose files are in the folder.
    pub(super) fn start(folder: &Path) -> Result<Self> {
        let text = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let (own, facts) = (text("manager"), text("facts"));
        let mut command = millstream(&[
            "jobmanager",
            "--folder",
            &own,
            "--facts",
            &facts,
            "--port",
            "0",
            "--rest-port",
            "0",
        ])?;
        let managers = vec![spawn(&mut command, &folder.join("manager.log"))?];
        let facts: Value = wait_for("the job manager", || {
            Ok(std::fs::read(&facts).ok().and_then(|facts| serde_json::from_slice(&facts).ok()))
        })?;
        let at = |name: &str| facts[name].as_str().unwrap_or_default().to_owned();
        let (rest, workers_at) = (at("rest"), at("workers"));
        let folder = folder.to_owned();
        Ok(Self { folder, rest, workers_at, workers: Vec::new(), started: 0, managers })
    }

    /// Two job managers that take turns; the first one leads. A leader that is silent for so many seconds is followed; nothing:
    /// for as many as by default.
    pub(super) fn taking_turns(folder: &Path, timeout: Option<u32>) -> Result<Self> {
        // Free ports, held until all are known: a job manager that stands by does not listen.
        let held = (0..4).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<Vec<_>>>();
        let held = held.map_err(|error| failed("no port is free", error))?;
        let ports = held.iter().map(|port| Ok(port.local_addr()?.port().to_string()));
        let ports: Vec<String> =
            ports.collect::<std::io::Result<_>>().map_err(|error| failed("a port has no number", error))?;
        drop(held);
        let addresses = |ports: &[String]| {
            let each: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
            each.join(",")
        };
        let mut own = Self {
            folder: folder.to_owned(),
            rest: addresses(&ports[..2]),
            workers_at: addresses(&ports[2..]),
            workers: Vec::new(),
            started: 0,
            managers: Vec::new(),
        };
        let (place, timeout) =
            (folder.join("place").to_string_lossy().into_owned(), timeout.map(|t| t.to_string()));
        for number in 0..2 {
            let files = folder.join(format!("manager-{number}")).to_string_lossy().into_owned();
            let (rest, workers) = (&ports[number], &ports[2 + number]);
            let mut arguments = vec![
                "jobmanager",
                "--ha",
                &place,
                "--folder",
                &files,
                "--port",
                workers,
                "--rest-port",
                rest,
            ];
            arguments.extend(timeout.iter().flat_map(|timeout| ["--ha-timeout", timeout.as_str()]));
            let log = folder.join(format!("manager-{number}.log"));
            own.managers.push(spawn(&mut millstream(&arguments)?, &log)?);
            wait_for("a leader", || Ok(own.json(&["list", "--workers"])?.is_array().then_some(())))?;
        }
        Ok(own)
    }

    /// Kills the job manager that was started first, with SIGKILL.
    pub(super) fn kill_manager(&mut self) -> Result<()> {
        let mut process = self.managers.remove(0);
        process.0.kill().map_err(|error| failed("a job manager cannot be killed", error))
    }

    /// Starts a worker with one slot, and waits until it has joined.
    pub(super) fn add_worker(&mut self) -> Result<()> {
        let folder = self.folder.join(format!("worker-{}", self.started));
        let text = folder.to_string_lossy().into_owned();
        self.started += 1;
        let mut command =
            millstream(&["worker", "--slots", "1", "--manager", &self.workers_at, "--folder", &text])?;
        self.workers
            .push(spawn(&mut command, &self.folder.join(format!("worker-{}.log", self.started - 1)))?);
        let there = self.workers.len();
        wait_for("a worker", || {
            let listed = self.json(&["list", "--workers"])?;
            Ok(listed.as_array().filter(|workers| workers.len() == there).map(drop))
        })
    }

    /// Waits until so many slots are no job's.
    pub(super) fn wait_for_free_slots(&self, free: u64) -> Result<()> {
        wait_for("that slots are taken", || {
            let listed = self.json(&["list", "--workers"])?;
            let each =
                listed.as_array().into_iter().flatten().map(|worker| worker["free"].as_u64().unwrap_or(0));
            Ok((each.sum::<u64>() == free).then_some(()))
        })
    }

    /// Has the program run with this task. Gives the job's name.
    pub(super) fn submit(&self, task: &str) -> Result<String> {
        let own = own()?.to_string_lossy().into_owned();
        let mut command = millstream(&["run", "--master", &self.rest, "--detach", &own, "--task", task])?;
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| failed("the job cannot be submitted", error))?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if said.is_empty() { Err(Failure::external("no job was made")) } else { Ok(said) }
    }

    /// How the job is.
    pub(super) fn status(&self, job: &str) -> Result<Value> {
        self.json(&["status", job])
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        let arguments = [arguments, &["--master", &self.rest, "--output", "json"]].concat();
        let output = millstream(&arguments)?.output().map_err(|error| failed("cannot ask", error))?;
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// The worker with the process of the last of these that has one.
    pub(super) fn worker_with(&self, firsts: &[First]) -> Result<usize> {
        let parent = |first: &First| {
            let all = std::fs::read_to_string(format!("/proc/{}/stat", first.process)).ok()?;
            // Behind the name, which may have spaces, and the state.
            all.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
        };
        let place = |parent: u32| self.workers.iter().position(|worker| worker.0.id() == parent);
        let found = firsts.iter().rev().filter_map(parent).find_map(place);
        found.ok_or_else(|| Failure::internal("no worker has a process with results"))
    }

    /// Kills a worker with SIGKILL.
    pub(super) fn kill(&mut self, worker: usize) -> Result<()> {
        let mut process = self.workers.remove(worker);
        process.0.kill().map_err(|error| failed("a worker cannot be killed", error))
    }

    /// Ends the job at once.
    pub(super) fn end(&self, job: &str) -> Result<()> {
        let ended = millstream(&["cancel", job, "--master", &self.rest])?.output();
        ended.map(drop).map_err(|error| failed("the job cannot be cancelled", error))
    }
}

fn spawn(command: &mut Command, log: &Path) -> Result<Process> {
    let open = std::fs::File::create(log).map_err(|error| failed("a log cannot be made", error))?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(open).spawn();
    child.map(Process).map_err(|error| failed("a process of the cluster cannot be started", error))
}
