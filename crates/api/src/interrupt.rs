//! Ctrl-C: the first stops the running jobs and streaming contexts in order, the second ends the process.

use std::sync::{Mutex, Once, PoisonError};

use millstream_runtime::JobHandle;

/// Asks for a stop and returns at once.
type Stop = Box<dyn Fn() + Send>;

static RUNNING: Mutex<Vec<(u64, Stop)>> = Mutex::new(Vec::new());
static STOPPED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
static HANDLER: Once = Once::new();
static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// The exit code of a process that a second Ctrl-C ended, as shells have it.
const INTERRUPTED: i32 = 130;

/// Keeps what Ctrl-C stops among the running, until it is dropped.
#[must_use = "Ctrl-C stops the job only as long as this is kept"]
#[derive(Debug)]
pub struct StopOnCtrlC(u64);

impl Drop for StopOnCtrlC {
    fn drop(&mut self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|(id, _)| *id != self.0);
    }
}

/// Lets Ctrl-C call `stop` until the guard is dropped. Where the program handles the signal itself, it stays so.
pub(crate) fn on_ctrl_c(stop: impl Fn() + Send + 'static) -> StopOnCtrlC {
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
    StopOnCtrlC(id)
}

/// Lets Ctrl-C stop a job that was started with [`crate::StreamEnvironment::start`], in order: its sources stop, what is in
/// flight is processed, a last checkpoint is taken and sinks commit. A second Ctrl-C ends the process at once, with exit
/// code 130. Where the program handles the signal itself, it stays so.
///
/// ```
/// use millstream::StreamEnvironment;
/// use millstream::connectors::discard::Discard;
///
/// let env = StreamEnvironment::new();
/// env.from_sequence(1, 3).sink_to(Discard::new());
/// let job = env.start("count")?;
/// let _stops = millstream::stop_on_ctrl_c(&job);
/// assert!(!job.wait()?.stopped);
/// # Ok::<(), millstream::Failure>(())
/// ```
pub fn stop_on_ctrl_c(job: &JobHandle) -> StopOnCtrlC {
    let job = job.remote();
    on_ctrl_c(move || job.stop())
}
