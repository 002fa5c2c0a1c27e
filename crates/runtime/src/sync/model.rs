//! The model checker's threads, and a clock that moves on each time somebody looks at it.

pub(crate) use shuttle::sync::atomic;
pub(crate) use shuttle::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use shuttle::thread::{Builder, JoinHandle};

use std::cell::Cell;
use std::sync::{Arc, LazyLock, PoisonError};
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

thread_local! {
    /// How often the clock was looked at; all threads of a model run on the one of its test.
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// The time: a millisecond later each time. What is decided by it is decided by the schedule alone.
pub(crate) fn now() -> Instant {
    *START + Duration::from_millis(LOOKS.replace(LOOKS.get() + 1))
}

/// Waits for a message, until `deadline` if there is one.
pub(crate) fn receive_until<T>(
    messages: &Receiver<T>,
    deadline: Option<Instant>,
) -> Result<T, RecvTimeoutError> {
    let Some(deadline) = deadline else {
        return messages.recv().map_err(|_| RecvTimeoutError::Disconnected);
    };
    loop {
        match messages.try_recv() {
            Ok(message) => return Ok(message),
            Err(TryRecvError::Disconnected) => return Err(RecvTimeoutError::Disconnected),
            Err(TryRecvError::Empty) if now() >= deadline => return Err(RecvTimeoutError::Timeout),
            Err(TryRecvError::Empty) => shuttle::thread::yield_now(),
        }
    }
}

/// Waits to be notified, or, if there is a deadline, for a step of somebody else: waking for no reason is allowed.
pub(crate) fn wait_until<'a, T>(
    condition: &Condvar,
    lock: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> MutexGuard<'a, T> {
    if deadline.is_none() {
        return condition.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
    drop(guard);
    shuttle::thread::yield_now();
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test under `count` schedules of each of two kinds: at random, and with few but well-placed changes of threads
/// (PCT). `MILLSTREAM_MODEL_FACTOR` multiplies their number, for a long run. A failure tells the seed that replays it.
pub(crate) fn schedules(count: usize, test: impl Fn() + Send + Sync + 'static) {
    use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
    let factor = std::env::var("MILLSTREAM_MODEL_FACTOR").ok().and_then(|factor| factor.parse().ok());
    let (count, test) = (count * factor.unwrap_or(1), Arc::new(test));
    let schedulers: [Box<dyn Scheduler + Send>; 2] =
        [Box::new(RandomScheduler::new(count)), Box::new(PctScheduler::new(3, count))];
    for scheduler in schedulers {
        let mut config = shuttle::Config::new();
        config.stack_size = 1 << 20;
        let test = test.clone();
        shuttle::Runner::new(scheduler, config).run(move || {
            LOOKS.set(0);
            test();
        });
    }
}
