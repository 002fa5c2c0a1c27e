//! The processes of a running server, its folder, and their end.
//!
//! Holds: a process is known by the child that was started, or by its id and its folder, never by its name; dropping the
//! value ends the processes and removes their folder, and what is `Tied` ends with this program too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How long a server may take until it is ready, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a process may take to end.
const END: Duration = Duration::from_secs(15);
const PIDS: &str = "processes";

/// How long a server may live.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// No longer than this program, however that ends.
    Tied,
    /// Until it is stopped.
    OfItsOwn,
}

/// A server that runs in a folder of its own.
pub(crate) struct Running {
    /// All that it writes is here.
    pub(crate) folder: PathBuf,
    life: Life,
    children: Vec<(String, Child)>,
    /// Addresses and paths, under the names of the environment variables in which tests find them.
    pub(crate) facts: BTreeMap<String, String>,
}

impl Running {
    /// A new temporary folder in which nothing runs yet.
    pub(crate) fn new(name: &str, life: Life) -> Result<Running> {
        let folder = new_folder(name)?;
        Ok(Running { folder, life, children: Vec::new(), facts: BTreeMap::new() })
    }

    /// Starts a process with the folder as its current one; what it prints goes to `NAME.log` there.
    pub(crate) fn spawn(&mut self, name: &str, command: &Command) -> Result<()> {
        let log = self.folder.join(format!("{name}.log"));
        let log = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut started = Command::new("setpriv");
        if self.life == Life::Tied {
            started.args(["--pdeathsig", "TERM"]);
        }
        started.arg("--").arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => started.env(key, value),
                None => started.env_remove(key),
            };
        }
        started.current_dir(&self.folder).process_group(0).stdin(Stdio::null());
        started.stdout(log.try_clone()?).stderr(log);
        let child = started.spawn().with_context(|| format!("cannot start {started:?}"))?;
        self.children.push((name.to_owned(), child));
        Ok(())
    }

    /// Waits until the condition holds. An error, with the end of the log, if a process ends or it takes too long.
    pub(crate) fn wait_for(&mut self, what: &str, mut condition: impl FnMut() -> bool) -> Result<()> {
        let start = Instant::now();
        while !condition() {
            for (name, child) in &mut self.children {
                if let Some(status) = child.try_wait()? {
                    bail!("{name} ended with {status}:\n{}", last_lines(&self.folder, name));
                }
            }
            if start.elapsed() > PATIENCE {
                let logs = self.children.iter().map(|(name, _)| last_lines(&self.folder, name));
                bail!("{what} is not there after {PATIENCE:?}:\n{}", logs.collect::<Vec<_>>().join("\n"));
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Lets the processes run on after this program; the folder in which `stop_left` finds them.
    pub(crate) fn leave(mut self) -> Result<PathBuf> {
        let pids: Vec<String> = self.children.iter().map(|(_, child)| child.id().to_string()).collect();
        fs::write(self.folder.join(PIDS), pids.join("\n")).context("cannot note the processes")?;
        self.children.clear();
        Ok(std::mem::take(&mut self.folder))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (_, child) in self.children.iter_mut().rev() {
            signal("TERM", child.id());
            let start = Instant::now();
            while start.elapsed() < END && matches!(child.try_wait(), Ok(None)) {
                sleep(Duration::from_millis(50));
            }
            // Also what the process has started and left.
            signal("KILL", child.id());
            if let Err(error) = child.wait() {
                eprintln!("services: {error}");
            }
        }
        if self.folder.exists()
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            eprintln!("services: {} is left: {error}", self.folder.display());
        }
    }
}

/// A new folder for a running server.
fn new_folder(name: &str) -> Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("millstream-{name}-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Ends the processes that were left running in a folder, and removes it.
pub(crate) fn stop_left(folder: &Path) -> Result<()> {
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
    let noted = fs::read_to_string(folder.join(PIDS))
        .with_context(|| format!("no server was left running in {}", folder.display()))?;
    for pid in noted.lines() {
        let pid: u32 = pid.parse().with_context(|| format!("{} is damaged", folder.join(PIDS).display()))?;
        let here = |pid: u32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|current| current.starts_with(&folder))
        };
        // The id may be another process's by now.
        let start = Instant::now();
        while here(pid) {
            signal(if start.elapsed() < END { "TERM" } else { "KILL" }, pid);
            sleep(Duration::from_millis(100));
            ensure!(start.elapsed() < 2 * END, "process {pid} does not end");
        }
    }
    fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}

/// Sends a signal to a process and to those of its group. One that has ended is no fault.
fn signal(name: &str, pid: u32) {
    let mut kill = Command::new("kill");
    kill.args([&format!("-{name}"), "--", &format!("-{pid}")]).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = kill.status() {
        eprintln!("services: cannot start {kill:?}: {error}");
    }
}

fn last_lines(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Life, Running, new_folder, stop_left};
    use std::process::Command;

    #[test]
    fn what_is_dropped_is_ended_and_its_folder_removed() {
        let mut running = Running::new("test", Life::Tied).unwrap();
        running.spawn("sleeper", Command::new("sleep").arg("600")).unwrap();
        let process = format!("/proc/{}", running.children[0].1.id());
        assert!(std::path::Path::new(&process).exists());
        let folder = running.folder.clone();
        drop(running);
        assert!(!std::path::Path::new(&process).exists() && !folder.exists());
    }

    #[test]
    fn what_ends_before_it_is_ready_is_an_error_with_its_last_words() {
        let mut running = Running::new("test", Life::Tied).unwrap();
        running.spawn("speaker", Command::new("sh").args(["-c", "echo no such port; exit 3"])).unwrap();
        let error = running.wait_for("it", || false).unwrap_err().to_string();
        assert!(
            error.contains("speaker ended with exit status: 3") && error.contains("no such port"),
            "{error}"
        );
    }

    #[test]
    fn a_folder_in_which_nothing_was_left_is_refused() {
        let folder = new_folder("test").unwrap();
        let error = stop_left(&folder).unwrap_err().to_string();
        assert!(error.contains("no server was left running in"), "{error}");
        std::fs::remove_dir(&folder).unwrap();
    }
}
