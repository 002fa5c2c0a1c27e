//! Ctrl-C: the first stops the running jobs and streaming contexts in order, the second ends the process.

use std::sync::{Mutex, Once, PoisonError};

/// Asks for a stop and returns at once.
type Stop = Box<dyn Fn() + Send>;

static RUNNING: Mutex<Vec<(u64, Stop)>> = Mutex::new(Vec::new());
static STOPPED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
static HANDLER: Once = Once::new();
static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// The exit code of a process that a second Ctrl-C ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// Keeps a job among those that Ctrl-C stops.
pub(crate) struct Guard(u64);

impl Drop for Guard {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != self.0);
    }
}

/// Lets Ctrl-C call `stop` until the guard is dropped. Where the program handles the signal itself, it stays so.
pub(crate) fn stop_on_ctrl_c(stop: impl Fn() + Send + 'static) -> Guard {
    use std::sync::atomic::Ordering;
    HANDLER.call_once(|| {
        let handled = ctrlc::try_set_handler(|| {
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            if running.is_empty() || STOPPED.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
            running.iter().for_each(|(_, stop)| stop());
        });
        if let Err(error) = handled {
            tracing::debug!(%error, "the program handles Ctrl-C itself");
        }
    });
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    STOPPED.store(false, Ordering::Relaxed);
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push((id, Box::new(stop)));
    Guard(id)
}
