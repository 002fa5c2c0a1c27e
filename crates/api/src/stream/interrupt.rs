//! Ctrl-C: the first stops the running jobs in order, the second ends the process.

use std::sync::{Mutex, Once, PoisonError};

use millstream_runtime::job::JobRemote;

static RUNNING: Mutex<Vec<(u64, JobRemote)>> = Mutex::new(Vec::new());
static STOPPED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
static HANDLER: Once = Once::new();
static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// The exit code of a process that a second Ctrl-C ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// Keeps a job among those that Ctrl-C stops.
pub(super) struct Guard(u64);

impl Drop for Guard {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != self.0);
    }
}

/// Lets Ctrl-C stop this job until the guard is dropped. Where the program handles the signal itself, it stays so.
pub(super) fn stop_on_ctrl_c(job: JobRemote) -> Guard {
    use std::sync::atomic::Ordering;
    HANDLER.call_once(|| {
        let handled = ctrlc::try_set_handler(|| {
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            if running.is_empty() || STOPPED.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
            running.iter().for_each(|(_, job)| job.stop());
        });
        if let Err(error) = handled {
            tracing::debug!(%error, "the program handles Ctrl-C itself");
        }
    });
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    STOPPED.store(false, Ordering::Relaxed);
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push((id, job));
    Guard(id)
}
