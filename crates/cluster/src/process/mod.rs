//! A program's process, started here and held here.
//!
//! Answers for how it is started (own process group, charge on its standard input, nothing of our own settings in its
//! environment), for its lines, for its end, and that nothing of it is left. Not for what it says to others.
//! Holds: the process ends when whoever holds it is gone, for its standard input ends then (and on Linux the system kills it,
//! stopped or not, once it is one of ours); when its end is told, its
//! lines were, and its process group is gone.

mod lines;
mod program;
mod refused;

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_runtime::control::{Charge, ROLE, Role};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::dispatcher::Exit;
pub use lines::Stream;
pub use program::Program;

/// What of our own environment a program is not given: its settings are those of whoever submitted it.
const SETTINGS: &str = "MILLSTREAM_";

/// How long lines may take after the process has ended: somebody else may hold its pipes.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How many lines of standard error its end is told with.
const LAST_WORDS: usize = 12;

/// A process to be started.
#[derive(Debug)]
pub struct Launch {
    /// The program.
    pub program: Program,
    /// How its user calls it.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables beside our own.
    pub environment: BTreeMap<String, String>,
    /// The folder that it starts in, which is there.
    pub folder: PathBuf,
    /// Who it is.
    pub charge: Charge,
}

/// A process that was started. Whoever drops it ends the process.
#[derive(Debug)]
pub struct Running {
    group: Arc<Mutex<Option<Pid>>>,
    _input: ChildStdin,
}

impl Launch {
    /// Starts it. `said` is told each line, `ended` its end, once, both on other threads.
    ///
    /// # Errors
    /// If it cannot be started: no program, none for this machine, no room.
    pub fn start(
        self,
        said: impl Fn(Stream, String) + Send + Sync + 'static,
        ended: impl FnOnce(Exit) + Send + 'static,
    ) -> Result<Running> {
        let charge = serde_json::to_string(&self.charge)
            .map_err(|error| Failure::internal("a charge cannot be written").because(error))?;
        let group = Arc::new(Mutex::new(None));
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let (done, lines_done) = channel();
        let (to_us, spawned) = channel();
        let (waited_for, words) = (Arc::clone(&group), Arc::clone(&last_words));
        // The system kills the process when the thread that started it ends: so that is the one that waits for it.
        spawn("process", move || match self.spawn() {
            Err(failure) => drop(to_us.send(Err(failure))),
            Ok(mut child) => {
                let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
                let pid = Pid::from_raw(child.id().cast_signed());
                *waited_for.lock().unwrap_or_else(PoisonError::into_inner) = pid;
                drop(to_us.send(Ok(pipes)));
                ended(wait(child, &waited_for, &lines_done, &words));
            }
        })?;
        let gone = |_| Failure::internal("the thread of a process ended without a word");
        let (Some(mut input), Some(out), Some(err)) = spawned.recv().map_err(gone)?? else {
            return Err(Failure::internal("a process was started without its pipes"));
        };
        // One that ends before it has read this tells more by its end.
        let _ended_already = input.write_all(charge.as_bytes()).and_then(|()| input.write_all(b"\n"));
        let said = Arc::new(said);
        let (to_out, done_too) = (Arc::clone(&said), done.clone());
        spawn("lines-out", move || {
            lines::read(out, |line| to_out(Stream::Out, line));
            let _nobody_waits = done_too.send(());
        })?;
        spawn("lines-err", move || {
            lines::read(err, |line| {
                let mut words = last_words.lock().unwrap_or_else(PoisonError::into_inner);
                if words.len() == LAST_WORDS {
                    words.pop_front();
                }
                words.push_back(line.clone());
                drop(words);
                said(Stream::Err, line);
            });
            let _nobody_waits = done.send(());
        })?;
        Ok(Running { group, _input: input })
    }

    fn spawn(&self) -> Result<Child> {
        let role = match self.charge.role {
            Role::Master { .. } => "master",
            Role::Executor { .. } => "executor",
        };
        let mut command = self.program.command();
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with(SETTINGS)) {
            command.env_remove(name);
        }
        command
            .args(&self.arguments)
            .envs(&self.environment)
            .env(ROLE, role)
            .current_dir(&self.folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // The binary was written a moment ago, and a process that was forked in that moment may hold it open.
        for _ in 0..50 {
            match command.spawn() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                other => return other.map_err(|error| self.program.refused(&self.name, &error)),
            }
        }
        Err(Failure::external(format!(
            "the program {} is held open for writing by another process",
            self.name
        )))
    }
}

impl Running {
    /// Ends it at once. Its end is told as any other.
    pub fn kill(&self) {
        if let Some(group) = *self.group.lock().unwrap_or_else(PoisonError::into_inner) {
            // Gone already is as well.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    thread.map(drop).map_err(|error| Failure::external("no thread can be started").because(error))
}

/// Waits for the process, ends what is left of its group, and is how it ended.
fn wait(
    mut child: Child,
    group: &Mutex<Option<Pid>>,
    lines_done: &Receiver<()>,
    last_words: &Mutex<VecDeque<String>>,
) -> Exit {
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        // Not reaped yet: until that its number is nobody else's, so that what is killed is what is meant.
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        let mut group = group.lock().unwrap_or_else(PoisonError::into_inner);
        let _gone = kill_process_group(pid, Signal::KILL);
        *group = None;
    }
    let status = child.wait();
    for _ in 0..2 {
        let _late = lines_done.recv_timeout(LAST_LINES);
    }
    let last_words = last_words.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    let status = status.ok();
    Exit {
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        last_words,
    }
}

#[cfg(test)]
mod tests;
