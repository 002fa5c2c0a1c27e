//! Workloads on processes of their own: a master and executors, as on a cluster, and the cluster itself.
//!
//! Answers for starting a task of this program so, and for what its processes leave in a folder. What a task does is in
//! its module.
//! Holds: all processes are real ones and end with the run; one that ends badly leaves no figure.

pub(crate) mod coordinator;
pub(crate) mod keyed_count;
pub(crate) mod latency;
pub(crate) mod start_up;

use std::path::Path;
use std::time::{Duration, Instant};

use millstream::{Failure, Result};
use millstream_runtime::control::ROLE;
use millstream_testkit::cluster::{Cluster, Program};

use crate::arguments::{Scale, Setup};

/// How long executors may take to leave what they found.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `task` on executors with so many slots each, from its start to its end; gives what the processes said.
fn on_executors(setup: &Setup, task: &str, slots: &[u32]) -> Result<String> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::external("this program is not found").because(error))?;
    let mut program = Program::new(program).arg("--task").arg(task);
    program = program.arg("--inputs").arg(setup.inputs.folder().display());
    if setup.scale == Scale::Short {
        program = program.arg("--short");
    }
    let mut cluster = Cluster::start(program);
    for slots in slots {
        cluster.add_executor(*slots);
    }
    if !cluster.wait().success() {
        return Err(Failure::external(format!("task `{task}` failed: {}", cluster.said())));
    }
    Ok(cluster.said())
}

/// What this process is in a cluster: `master` or `executor`; `None` where it was started by a person.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

fn folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(|error| Failure::external("no folder can be had").because(error))
}

/// In the master, waits until so many executors have left what they found: they end when it does.
fn wait_for(folder: &str, executors: usize) -> Result<()> {
    let begun = Instant::now();
    while role().as_deref() == Some("master") && left(Path::new(folder))?.len() < executors {
        if begun.elapsed() > PATIENCE {
            return Err(Failure::external("an executor did not leave what it found"));
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    Ok(())
}

/// Leaves what this process found, as a file of numbers, whole.
fn leave(folder: &str, numbers: impl IntoIterator<Item = u64>) -> Result<()> {
    let text: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    let file = Path::new(folder).join(format!("{}.found", std::process::id()));
    let open = file.with_extension("open");
    std::fs::write(&open, text.join(" "))
        .and_then(|()| std::fs::rename(&open, &file))
        .map_err(|error| Failure::external(format!("cannot write {}", file.display())).because(error))
}

/// What the processes of a run have left.
fn left(folder: &Path) -> Result<Vec<Vec<u64>>> {
    let unreadable = |error| Failure::external("what a process found cannot be read").because(error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "found") {
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            found.push(text.split(' ').filter_map(|number| number.parse().ok()).collect());
        }
    }
    Ok(found)
}
