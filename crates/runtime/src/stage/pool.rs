//! A fixed number of threads that run tasks.
//!
//! Holds: a thread that was replaced takes no task any more, and nobody waits for it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle, ThreadId};

use millstream_model::error::{Failure, Result};

type Task = Box<dyn FnOnce() + Send>;
type Queue = Mutex<Receiver<Task>>;

thread_local! {
    /// The queue that this thread takes its tasks from.
    static WORKS_FOR: Cell<*const Queue> = const { Cell::new(std::ptr::null()) };
}

/// Threads that end when the pool is dropped.
pub(super) struct Pool {
    tasks: Option<Sender<Task>>,
    queue: Arc<Queue>,
    threads: Mutex<Vec<Slot>>,
}

/// A thread, and how it is told that another took its place.
struct Slot {
    thread: JoinHandle<()>,
    is_replaced: Arc<AtomicBool>,
}

impl Slot {
    fn start(number: usize, queue: &Arc<Queue>) -> Result<Self> {
        let (queue, is_replaced) = (Arc::clone(queue), Arc::<AtomicBool>::default());
        let told = Arc::clone(&is_replaced);
        let thread = Builder::new().name(format!("task-slot-{number}")).spawn(move || work(&queue, &told));
        let failed = |error| Failure::external("no thread can be started for a task slot").because(error);
        Ok(Self { thread: thread.map_err(failed)?, is_replaced })
    }
}

impl Pool {
    pub(super) fn new(slots: usize) -> Result<Self> {
        let (tasks, queue) = channel::<Task>();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..slots).map(|number| Slot::start(number, &queue)).collect::<Result<_>>()?;
        let threads = Mutex::new(threads);
        Ok(Self { tasks: Some(tasks), queue, threads })
    }

    /// How many tasks run at once.
    pub(super) fn slots(&self) -> usize {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Queues a task. The caller bounds how many there are: one for each partition of a stage.
    pub(super) fn run(&self, task: Task) -> Result<()> {
        let sent = self.tasks.as_ref().is_some_and(|tasks| tasks.send(task).is_ok());
        if sent { Ok(()) } else { Err(Failure::internal("all task slots have ended")) }
    }

    /// Starts others in the place of threads whose tasks do not stop.
    pub(super) fn replace(&self, stuck: &[ThreadId]) -> Result<()> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, slot) in threads.iter_mut().enumerate() {
            if stuck.contains(&slot.thread.thread().id()) {
                slot.is_replaced.store(true, Ordering::Release);
                *slot = Slot::start(number, &self.queue)?;
            }
        }
        Ok(())
    }

    /// Whether this is one of the pool's own threads, where nobody may wait for a task.
    pub(super) fn is_inside(&self) -> bool {
        WORKS_FOR.get() == Arc::as_ptr(&self.queue)
    }
}

fn work(queue: &Arc<Queue>, is_replaced: &AtomicBool) {
    WORKS_FOR.set(Arc::as_ptr(queue));
    while !is_replaced.load(Ordering::Acquire) {
        let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        // A task reports its own panics; one that escapes must not cost the slot.
        let _reported = catch_unwind(AssertUnwindSafe(task));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        drop(self.tasks.take());
        let here = std::thread::current().id();
        for Slot { thread, .. } in self.threads.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // The last handle may be let go inside a task: a slot cannot wait for itself.
            if thread.thread().id() != here {
                let _ended = thread.join();
            }
        }
    }
}
