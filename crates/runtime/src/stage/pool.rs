//! A fixed set of threads that run tasks.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

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
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn new(slots: usize) -> Result<Self> {
        let (tasks, queue) = channel::<Task>();
        let queue = Arc::new(Mutex::new(queue));
        let threads = (0..slots)
            .map(|slot| {
                let queue = Arc::clone(&queue);
                Builder::new().name(format!("task-slot-{slot}")).spawn(move || work(&queue)).map_err(
                    |error| Failure::external("no thread can be started for a task slot").because(error),
                )
            })
            .collect::<Result<_>>()?;
        Ok(Self { tasks: Some(tasks), queue, threads })
    }

    /// Queues a task. The caller bounds how many there are: one for each partition of a stage.
    pub(super) fn run(&self, task: Task) -> Result<()> {
        let sent = self.tasks.as_ref().is_some_and(|tasks| tasks.send(task).is_ok());
        if sent { Ok(()) } else { Err(Failure::internal("all task slots have ended")) }
    }

    /// Whether this is one of the pool's own threads, where nobody may wait for a task.
    pub(super) fn is_inside(&self) -> bool {
        WORKS_FOR.get() == Arc::as_ptr(&self.queue)
    }
}

fn work(queue: &Arc<Queue>) {
    WORKS_FOR.set(Arc::as_ptr(queue));
    loop {
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
        for thread in self.threads.drain(..) {
            // The last handle may be let go inside a task: a slot cannot wait for itself.
            if thread.thread().id() != here {
                let _ended = thread.join();
            }
        }
    }
}
