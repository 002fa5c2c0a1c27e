//! A process of a cluster is killed: from `kill -9` until results flow again. A worker, with a gigabyte of keyed state; and the
//! job manager that leads, while another one stands by.
//!
//! Answers for what is measured: the time until the master of the job knew, and the time until *every* subtask of the keyed
//! operator gave results of the new attempt. Not for the processes (`cluster`) nor for what they run (`program`).
//! Holds: all processes are those of the `millstream` command; a kill waits for a checkpoint that was begun with all keys
//! in it; nothing but the clock of this one machine is compared.

mod cluster;
mod program;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millstream::{Failure, Result};

use self::cluster::{Cluster, wait_for};
use self::program::{First, Shape};
use crate::arguments::Setup;
use crate::figure::{Figure, Unit, medians};
use crate::goal::Goal;
use crate::table::{Row, rows};

pub(crate) use cluster::task as command;
pub(crate) use program::task as program;

/// The subtasks of each operator, and the workers that have one slot each and something to do.
const PARALLELISM: usize = 2;
/// Kills whose median is shown.
const KILLS: usize = 3;

/// One worker of three is killed; the third has a slot for what ran there.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let goals = |whole: f64| {
        vec![Goal::below("results again", Unit::Seconds, whole), Goal::below("detection", Unit::Seconds, 0.1)]
    };
    let mut found = Vec::new();
    for (name, spares, whole) in [("worker killed", 0, 3.0), ("spare process ready", 1, 1.0)] {
        if setup.admits(name) {
            found.push((name, goals(whole), medians(&kills(setup, spares)?)));
        }
    }
    Ok(rows(work, &found, setup.scale))
}

/// The job manager that leads is killed; another one stands by.
pub(crate) fn takeover(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let mut found = Vec::new();
    for (name, timeout, bound) in [("default settings", None, 10.0), ("--ha-timeout 1", Some(1), 2.0)] {
        if setup.admits(name) {
            let goals = vec![Goal::below("results again", Unit::Seconds, bound)];
            let runs =
                (0..setup.size(KILLS, 1)).map(|_| within_folder(setup, |folder| followed(folder, timeout)));
            found.push((name, goals, medians(&runs.collect::<Result<Vec<_>>>()?)));
        }
    }
    Ok(rows(work, &found, setup.scale))
}

/// The time until another job manager has started the job again, and it gives results.
fn followed(folder: &Path, timeout: Option<u32>) -> Result<Vec<Figure>> {
    let shape = Shape {
        checkpoints: folder.join("checkpoints"),
        stamps: folder.join("stamps"),
        keys: 1_000,
        interval: Duration::from_millis(100),
        spares: 0,
    };
    make(&shape.stamps)?;
    let mut cluster = Cluster::taking_turns(folder, timeout)?;
    for _ in 0..PARALLELISM {
        cluster.add_worker()?;
    }
    let job = cluster.submit(&shape.task())?;
    whole_checkpoint(&mut cluster, &job, &shape)?;
    let killed = now()?;
    cluster.kill_manager()?;
    let again = wait_for("results after a kill", || results_again(&shape, killed))?;
    cluster.end(&job)?;
    Ok(vec![seconds("results again", again.saturating_sub(killed))])
}

/// Does something with a folder that is gone afterwards.
fn within_folder<T>(setup: &Setup, work: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    let folder = setup.inputs.folder().join(format!("recovery-{}", std::process::id()));
    make(&folder)?;
    let done = work(&folder);
    std::fs::remove_dir_all(&folder)
        .map_err(|error| Failure::external("the folder of the recovery cannot be removed").because(error))?;
    done
}

fn kills(setup: &Setup, spares: u32) -> Result<Vec<Vec<Figure>>> {
    within_folder(setup, |folder| {
        let shape = Shape {
            checkpoints: folder.join("checkpoints"),
            stamps: folder.join("stamps"),
            keys: setup.size(10_000_000, 20_000) as u64,
            interval: Duration::from_millis(setup.size(2000, 100) as u64),
            spares,
        };
        make(&shape.stamps)?;
        kills_of(&shape, folder, setup.size(KILLS, 1))
    })
}

fn kills_of(shape: &Shape, folder: &Path, kills: usize) -> Result<Vec<Vec<Figure>>> {
    let mut cluster = Cluster::start(folder)?;
    for _ in 0..=PARALLELISM {
        cluster.add_worker()?;
    }
    let job = cluster.submit(&shape.task())?;
    let mut figures = Vec::new();
    for kill in 1..=kills {
        whole_checkpoint(&mut cluster, &job, shape)?;
        if shape.spares > 0 {
            cluster.wait_for_free_slots(0)?;
        }
        let victim = cluster.worker_with(&First::all(&shape.stamps)?)?;
        let killed = now()?;
        cluster.kill(victim)?;
        let again = wait_for("results after a kill", || results_again(shape, killed))?;
        let noticed = wait_for("the report of the failure", || {
            let restarts = cluster.status(&job)?["restarts"].as_u64().unwrap_or(0);
            if restarts < kill as u64 {
                return Ok(None);
            }
            let last =
                cluster.status(&job)?["exceptions"].as_array().and_then(|all| all.last()?["at"].as_u64());
            Ok(last.map(Duration::from_millis))
        })?;
        figures.push(vec![
            seconds("results again", again.saturating_sub(killed)),
            seconds("detection", noticed.saturating_sub(killed)),
        ]);
        cluster.add_worker()?;
    }
    cluster.end(&job)?;
    Ok(figures)
}

fn seconds(label: &'static str, took: Duration) -> Figure {
    Figure { label, ..Figure::new(Unit::Seconds, took.as_secs_f64()) }
}

/// Waits for a complete checkpoint that was begun after this.
fn whole_checkpoint(cluster: &mut Cluster, job: &str, shape: &Shape) -> Result<()> {
    let least = shape.keys * program::VALUE as u64;
    let from = wait_for("the first full checkpoint", || last_of_size(cluster, job, least))?;
    wait_for("another checkpoint", || {
        Ok(last_of_size(cluster, job, least)?.filter(|name| *name > from).map(drop))
    })
}

fn last_of_size(cluster: &mut Cluster, job: &str, least: u64) -> Result<Option<String>> {
    let status = cluster.status(job)?;
    let whole = status["checkpoints"].as_array().into_iter().flatten().rfind(|checkpoint| {
        checkpoint["failure"].is_null() && checkpoint["bytes"].as_u64().is_some_and(|bytes| bytes >= least)
    });
    Ok(whole.and_then(|checkpoint| checkpoint["name"].as_str()).map(str::to_owned))
}

/// When the last of the subtasks gave its first result after the kill; nothing while one has not.
fn results_again(shape: &Shape, killed: Duration) -> Result<Option<Duration>> {
    let firsts = First::all(&shape.stamps)?;
    Ok(firsts.iter().filter(|first| first.at > killed).nth(PARALLELISM - 1).map(|first| first.at))
}

fn now() -> Result<Duration> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_err(|error| Failure::external("the system's clock stands before 1970").because(error))
}

fn make(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::external(format!("the folder {} cannot be made", folder.display())).because(error)
    })
}
