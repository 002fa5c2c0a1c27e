//! From nothing to the first result of a program on a job manager and three workers, and the memory that these take.
//!
//! The command that ships is in this program: `millstream-bench local-cluster ...` is `millstream local-cluster ...`.
//! Holds: the clock starts before the first process is asked for, and stops in the process that has the first record.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream::{Failure, Result};

use super::folder;
use crate::arguments::Setup;
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run};
use crate::start_up::{double, since_epoch};
use crate::table::Row;

const WORKERS: &str = "3";
const PATIENCE: Duration = Duration::from_secs(60);
/// From one look to the next, whether something is there.
const LOOK: Duration = Duration::from_millis(1);

/// The time to the first result, and the memory of the process of the cluster that has most.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let goals = [
        Goal::below("first result", Unit::Seconds, 1.0),
        Goal::below("idle memory", Unit::Bytes, f64::from(30 << 20)),
    ];
    let program = own_program()?;
    Race::of(work).enter("local-cluster, 3 workers", goals, || one(&program)).run(setup)
}

/// The job manager; its workers end with it.
struct LocalCluster(Child);

impl Drop for LocalCluster {
    fn drop(&mut self) {
        // One that is gone is as good.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

fn failed(what: &str) -> impl Fn(std::io::Error) -> Failure {
    let what = what.to_owned();
    move |error| Failure::external(what.clone()).because(error)
}

fn own_program() -> Result<PathBuf> {
    std::env::current_exe().map_err(failed("this program is not found"))
}

fn one(program: &Path) -> Result<Run<()>> {
    let folder = folder()?;
    let (facts, first) = (folder.path().join("facts.json"), folder.path().join("first"));
    // As a program that users give has none: 60 MB of names for debuggers.
    let job = folder.path().join("job");
    let stripped = Command::new("strip").arg("-o").arg(&job).arg(program).status();
    if !stripped.is_ok_and(|status| status.success()) {
        fs::copy(program, &job).map_err(failed("the program cannot be copied"))?;
    }
    let asked = since_epoch()?;
    let mut command = Command::new(program);
    command.args(["local-cluster", "--workers", WORKERS, "--rest-port", "0", "--facts"]).arg(&facts);
    let cluster = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let cluster = LocalCluster(cluster.map_err(failed("the cluster cannot be started"))?);
    let rest = wait_for("the cluster's address", || {
        let facts = fs::read_to_string(&facts).ok()?;
        let (_, rest) = facts.split_once("\"rest\":\"")?;
        rest.split_once('"').map(|(rest, _)| rest.to_owned())
    })?;
    let ran = Command::new(program)
        .args(["run", "--master", &rest])
        .arg(&job)
        .arg("--task")
        .arg(format!("first-result {}", first.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(failed("the program cannot be run"))?;
    if !ran.success() {
        return Err(Failure::external(format!("the program on the cluster ended with {ran}")));
    }
    let came: Option<u64> = fs::read_to_string(&first).ok().and_then(|text| text.parse().ok());
    let came = came.ok_or_else(|| Failure::internal("the first result did not say when it came"))?;
    let took = Duration::from_nanos(came).saturating_sub(asked).as_secs_f64();
    let memory = process::and_children(cluster.0.id());
    let memory = memory.into_iter().filter_map(|id| process::resident_of(&id.to_string())).max();
    let memory = memory.ok_or_else(|| Failure::external("the system does not tell the memory"))?;
    let figures = vec![
        Figure { label: "first result", ..Figure::new(Unit::Seconds, took) },
        Figure { label: "idle memory", ..Figure::new(Unit::Bytes, memory as f64) },
    ];
    Ok(Run { figures, result: () })
}

fn wait_for<T>(what: &str, look: impl Fn() -> Option<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            return Err(Failure::external(format!("{what} did not come")));
        }
        std::thread::sleep(LOOK);
    }
}

/// The program: its first result says the time.
pub(crate) fn task(_: &Setup, file: &str) -> Result<()> {
    let file = file.to_owned();
    double(move |now| {
        // Without the file there is no figure.
        let _ = fs::write(&file, now.to_string());
    })
}
