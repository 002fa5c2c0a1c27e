//! One process of a program.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millstream_runtime::control::{Charge, ROLE, Role};

/// What can be done to a process besides killing it.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// It stands still.
    Stop,
    /// It goes on.
    Continue,
}

/// A process; killed when dropped.
pub struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
    listener: JoinHandle<()>,
}

impl Process {
    /// Starts a process of a program with a charge.
    pub(super) fn start(binary: &Path, arguments: &[String], charge: &Charge) -> Self {
        let role = match charge.role {
            Role::Master { .. } => "master",
            Role::Executor { .. } => "executor",
        };
        let mut command = Command::new(binary);
        command.args(arguments).env(ROLE, role).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let line = serde_json::to_string(charge).unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let said = Arc::new(Mutex::new(format!("{role} {}: ", child.id())));
        let (own, mut stderr) = (said.clone(), child.stderr.take().unwrap());
        let listener = std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(bytes @ 1..) = stderr.read(&mut some) {
                own.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..bytes]));
            }
        });
        Self { child, said, listener }
    }

    /// Its number in the system.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to its standard error.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    pub(super) fn signal(&mut self, signal: Signal) {
        let name = match signal {
            Signal::Stop => "-STOP",
            Signal::Continue => "-CONT",
        };
        let done = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    /// Kills it at once, with SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits for its end, and until all that it wrote has been read.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.has_ended().filter(|_| self.listener.is_finished()) {
                return status;
            }
            if Instant::now() > deadline {
                self.kill();
                panic!("a process did not end within {patience:?}; it said: {}", self.said());
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
