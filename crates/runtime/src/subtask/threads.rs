//! The threads of an attempt: starting them, joining them, and naming those that do not come.
//!
//! Holds: a thread is on the list from before it starts until nothing of it runs any more.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Result};

use crate::sync::{Builder, Condvar, JoinHandle, Mutex, MutexGuard, now, wait_until};

/// The names of the threads that run, by number.
#[derive(Default)]
struct Running {
    names: Mutex<BTreeMap<usize, String>>,
    fewer: Condvar,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a thread off the list when its function has returned or panicked.
struct OnList(Arc<Running>, usize);

impl Drop for OnList {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
        self.0.fewer.notify_all();
    }
}

/// The threads of an attempt.
#[derive(Default)]
pub(crate) struct Threads {
    running: Arc<Running>,
    handles: BTreeMap<usize, JoinHandle<()>>,
}

impl Threads {
    /// Starts a thread.
    pub(crate) fn start(&mut self, name: String, run: impl FnOnce() + Send + 'static) -> Result<()> {
        let number = self.handles.len();
        self.running.lock().insert(number, name.clone());
        let on_list = OnList(self.running.clone(), number);
        let body = move || {
            // Moved in whole, so that it is dropped last, by a panic too.
            let _on_list = on_list;
            run();
        };
        let handle = Builder::new().name(name.clone()).spawn(body).map_err(|error| {
            Failure::external(format!("the thread `{name}` cannot be started")).because(error)
        })?;
        self.handles.insert(number, handle);
        Ok(())
    }

    /// Waits for all of them, but no longer than `timeout`.
    ///
    /// # Errors
    /// The names of those that still run; they are left to themselves.
    pub(crate) fn join(mut self, timeout: Duration) -> Result<()> {
        let deadline = now() + timeout;
        let mut running = self.running.lock();
        while !running.is_empty() && now() < deadline {
            running = wait_until(&self.running.fewer, &self.running.names, running, Some(deadline));
        }
        self.handles.retain(|number, _| !running.contains_key(number));
        let names = running.values().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        drop(running);
        for handle in std::mem::take(&mut self.handles).into_values() {
            // A panic was reported as a failure by the thread itself.
            let _ = handle.join();
        }
        if names.is_empty() {
            return Ok(());
        }
        Err(Failure::user(format!("these subtasks did not stop within {timeout:?}: {names}"))
            .advice("user code there blocks or loops; let it return between records"))
    }
}
