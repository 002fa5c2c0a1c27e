//! Where this process stands: alone, or as master or executor of a job in a cluster.
//!
//! Answers for reading the charge that a process of a cluster is started with, and for ending the process when whoever
//! started it is gone. Not for what master and executor do (`job/crew/there`, `executor`).
//! Holds: a process that no cluster started never looks at its standard input.

use std::io::BufRead;
use std::sync::{Arc, OnceLock};

use millstream_model::error::{Failure, Result};

use crate::control::{Charge, DESERTED, ROLE, Role};
use crate::executor::Executor;
use crate::job::Master;

/// What this process is.
#[derive(Clone)]
pub(crate) enum Site {
    /// The whole engine in one process.
    Alone,
    /// It coordinates.
    Master(Arc<Master>),
    /// It runs subtasks.
    Executor(Arc<Executor>),
}

/// What a process of a program is, for those who prepare for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No cluster started it: the whole engine is in it.
    Alone,
    /// It coordinates, and runs no subtask.
    Master,
    /// It runs subtasks, in so many slots.
    Executor {
        /// How many subtasks of each operator at most.
        slots: u32,
    },
}

/// What this process is. In a process that a cluster started this is its first word to those who wait for it.
///
/// # Errors
/// If it was started as a part of a cluster, and that cannot be reached.
pub fn standing() -> Result<Standing> {
    Ok(match site()? {
        Site::Alone => Standing::Alone,
        Site::Master(_) => Standing::Master,
        Site::Executor(executor) => Standing::Executor { slots: executor.slots() },
    })
}

/// Says to those who wait for this process that the program cannot run in it. The job fails by that; this process is to end.
///
/// # Errors
/// If it was started as a part of a cluster, and that cannot be reached.
pub fn refuse(why: &Failure) -> Result<()> {
    if let Site::Executor(executor) = site()? {
        executor.refuse(why);
    }
    Ok(())
}

/// What this process is; found out once.
///
/// # Errors
/// If it was started as a part of a cluster, and that cannot be reached.
pub(crate) fn site() -> Result<Site> {
    static SITE: OnceLock<std::result::Result<Site, String>> = OnceLock::new();
    match SITE.get_or_init(|| find().map_err(|failure| failure.to_string())) {
        Ok(site) => Ok(site.clone()),
        Err(text) => Err(Failure::external(text.clone())),
    }
}

fn find() -> Result<Site> {
    if std::env::var_os(ROLE).is_none() {
        return Ok(Site::Alone);
    }
    let charge = read_charge()?;
    follow_to_the_end();
    charge.log.begin();
    match charge.role {
        Role::Master { manager } => Master::start(&charge, manager).map(Site::Master),
        Role::Executor { executor, slots, master } => {
            Executor::start(&charge, executor, slots, master).map(Site::Executor)
        }
    }
}

/// Has the system kill this process when the thread that started it is gone, which waits for it as long as it lives: a process
/// that is stopped sees no end of its standard input. Who was gone before is seen by that.
fn follow_to_the_end() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
    {
        tracing::warn!(%error, "this process may stay behind if it is stopped when whoever started it dies");
    }
}

/// Reads the charge, then keeps an eye on the rest of the standard input: its end is the end of who started this process.
fn read_charge() -> Result<Charge> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    let broken = |why: String| {
        Failure::user(format!("the variable {ROLE} is set, but no charge came on the standard input: {why}"))
            .advice(format!(
                "only a job manager or a worker sets {ROLE}: unset it to run the program by itself"
            ))
    };
    read.map_err(|error| broken(error.to_string()))?;
    let charge = serde_json::from_str(&line).map_err(|error| broken(error.to_string()))?;
    let watch = || {
        let mut rest = Vec::new();
        // It says nothing more; this comes back when it is gone.
        while std::io::stdin().lock().read_until(b'\n', &mut rest).is_ok_and(|bytes| bytes > 0) {
            rest.clear();
        }
        desert("whoever started this process is gone");
    };
    let thread = std::thread::Builder::new().name("guardian".into()).stack_size(64 * 1024).spawn(watch);
    thread.map_err(|error| Failure::external("a thread cannot be started").because(error))?;
    Ok(charge)
}

/// Ends this process: it is of no use to anybody any more.
pub(crate) fn desert(why: &str) -> ! {
    tracing::error!("this process ends: {why}");
    std::process::exit(DESERTED)
}
