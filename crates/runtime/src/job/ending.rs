//! Joining the threads of an attempt, and naming those that do not come.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use millstream_model::error::Failure;

/// The threads of an attempt, with their names.
#[derive(Default)]
pub(crate) struct Threads(Vec<(String, JoinHandle<()>)>);

impl Threads {
    pub(crate) fn add(&mut self, name: String, thread: JoinHandle<()>) {
        self.0.push((name, thread));
    }

    /// Waits for all of them, but no longer than `timeout`.
    pub(crate) fn join(self, timeout: Duration) -> Result<(), Failure> {
        let deadline = Instant::now() + timeout;
        let mut left = self.0;
        loop {
            let (done, running): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, thread)| thread.is_finished());
            for (_, thread) in done {
                // A panic was reported as a failure by the thread itself.
                let _ = thread.join();
            }
            if running.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let names =
                    running.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                return Err(Failure::user(format!(
                    "these subtasks did not stop within {timeout:?}: {names}"
                ))
                .advice("user code there blocks or loops; let it return between records"));
            }
            left = running;
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}
