//! The two threads of a running program: one cuts a batch at each batch time, the other processes them in turn.
//!
//! Answers for the order of things: cut, queue, process, let go; and for the way they end. Not for what an operation
//! computes.
//! Holds: a batch is cut at its time even while another is processed; batches are processed one at a time, in order, as
//! jobs of the same engine that runs the program's other Rdds; after a failure no other batch is begun.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use millstream_dataflow::lineage::panic_message;
use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::backlog::{Backlog, Notice};
use super::checkpoint::{CheckpointPlan, Checkpoints, Resumed};
use super::clock::{Clock, Waited};
use super::input::{Input, ReceiverEvent, ReceiverEvents};
use super::listener::StreamingListener;
use super::program::Program;
use super::progress::{Progress, Stop};
use super::status::{BatchInfo, StreamingStatus};
use super::together::GivenBatches;
use crate::stage::{ProgramRole, StageEngine};

thread_local! {
    /// Whether this thread belongs to a streaming program, so that waiting for its end here would be for ever.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

type Listeners = Mutex<Vec<Arc<dyn StreamingListener>>>;

/// A program that runs: what its threads and the user's handle share.
pub struct Batches {
    pub(super) program: Arc<dyn Program>,
    pub(super) clock: Clock,
    /// What waits and what is done.
    pub progress: Progress,
    listeners: Listeners,
    checkpoint: Mutex<Option<CheckpointPlan>>,
    /// Let go of at the end, so that another program can have the folder.
    checkpoints: Mutex<Option<Arc<Checkpoints>>>,
    /// Set when there is to be a stop, for those who wait for the clock.
    called_off: AtomicBool,
    /// What batches that were cut are to be given, where other processes follow.
    pub(super) given: Mutex<GivenBatches>,
    /// Whether this process does as another one tells.
    pub(super) is_following: AtomicBool,
}

impl Batches {
    /// A program that is to run by `clock`, with at most `longest_queue` batches waiting.
    pub fn new(program: Arc<dyn Program>, clock: Clock, longest_queue: usize) -> Self {
        Self {
            program,
            clock,
            progress: Progress::new(longest_queue),
            listeners: Mutex::default(),
            checkpoint: Mutex::default(),
            checkpoints: Mutex::default(),
            called_off: AtomicBool::new(false),
            given: Mutex::default(),
            is_following: AtomicBool::new(false),
        }
    }

    /// Has the program checkpointed from the start on.
    pub fn checkpoint(&self, plan: CheckpointPlan) {
        *self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan);
    }

    /// How the program is to be checkpointed, if it is.
    pub fn checkpoint_plan(&self) -> Option<CheckpointPlan> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells `listener` of each batch and receiver from now on.
    pub fn add_listener(&self, listener: Arc<dyn StreamingListener>) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    fn tell(&self, what: impl Fn(&dyn StreamingListener)) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        listeners.iter().for_each(|listener| what(&**listener));
    }

    /// Whether the caller is one of the program's own threads.
    pub fn is_inside() -> bool {
        INSIDE.get()
    }

    /// Asks for the end, and returns at once. Where the process follows another one, that one decides.
    pub fn stop(&self, how: Stop) {
        if self.is_following.load(Ordering::SeqCst) {
            return;
        }
        self.progress.stop(how);
        self.call_off();
    }

    /// Ends the program because of a failure, and returns at once.
    pub fn fail(&self, failure: Failure) {
        self.progress.fail(failure);
        self.call_off();
    }

    fn call_off(&self) {
        self.called_off.store(true, Ordering::SeqCst);
        self.clock.wake();
    }

    /// How it does now.
    pub fn status(&self) -> StreamingStatus {
        let receivers = self.program.inputs().iter().filter_map(|input| input.receiver()).collect();
        StreamingStatus { receivers, ..self.progress.status() }
    }

    /// Starts the inputs and the two threads.
    ///
    /// # Errors
    /// What is wrong with the program or an input, or that it was started before.
    pub fn start(self: &Arc<Self>) -> Result<()> {
        self.progress.begin()?;
        let started = self.start_all();
        if started.is_err() {
            self.stop_inputs();
            *self.checkpoints() = None;
            self.stop(Stop::Now);
            self.progress.end();
        }
        started
    }

    fn start_all(self: &Arc<Self>) -> Result<()> {
        self.program.timeline().check()?;
        self.program.begin()?;
        if let Some(engine) = self.shared_engine() {
            return self.start_together(&engine);
        }
        let resumed = self.open_checkpoints()?;
        let events = self.receiver_events();
        for input in self.program.inputs() {
            input.start(&events)?;
        }
        let begun = self.program.timeline().begin(self.clock.now());
        let first = match resumed {
            // The times that have passed since are those of batches too.
            Some(resumed) => {
                resumed.pending.into_iter().for_each(|time| self.submit(time));
                resumed.cut + self.program.timeline().interval()
            }
            None => {
                self.checkpointed(|checkpoints| {
                    checkpoints.begin(begun - self.program.timeline().interval())
                })?;
                begun
            }
        };
        let (cutter, processor) = (Arc::clone(self), Arc::clone(self));
        spawn("batch-cutter", move || cutter.cut_all(first))?;
        let process = move || {
            processor.process_all();
            processor.progress.end();
        };
        spawn("batch-jobs", process).map(drop).inspect_err(|_| self.stop(Stop::Now))
    }

    /// The engine, where other processes run the program too.
    fn shared_engine(&self) -> Option<Arc<StageEngine>> {
        self.program.engine().filter(|engine| engine.role() != ProgramRole::Alone)
    }

    pub(super) fn checkpoints(&self) -> MutexGuard<'_, Option<Arc<Checkpoints>>> {
        self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the checkpoints, if there are any.
    pub(super) fn checkpointed(&self, what: impl FnOnce(&Checkpoints) -> Result<()>) -> Result<()> {
        let checkpoints = self.checkpoints().clone();
        checkpoints.map_or(Ok(()), |checkpoints| what(&checkpoints))
    }

    fn open_checkpoints(&self) -> Result<Option<Resumed>> {
        let Some(plan) = self.checkpoint_plan() else { return Ok(None) };
        let (checkpoints, resumed) = Checkpoints::open(&plan, &*self.program)?;
        *self.checkpoints() = Some(Arc::new(checkpoints));
        Ok(resumed)
    }

    /// Puts a batch that an earlier process had cut into the queue.
    pub(super) fn submit(&self, time: Timestamp) {
        let batch = BatchInfo { time, records: 0, submitted: self.clock.now(), started: None, ended: None };
        self.tell(|listener| listener.on_batch_submitted(&batch));
        self.progress.submit(batch);
    }

    pub(super) fn receiver_events(self: &Arc<Self>) -> ReceiverEvents {
        // Weak: a receiver must not keep the program alive.
        let batches = Arc::downgrade(self);
        ReceiverEvents(Arc::new(move |event| {
            let Some(batches) = batches.upgrade() else { return };
            INSIDE.set(true);
            match event {
                ReceiverEvent::Started(name) => batches.tell(|listener| listener.on_receiver_started(&name)),
                ReceiverEvent::Stopped(name) => batches.tell(|listener| listener.on_receiver_stopped(&name)),
                ReceiverEvent::Failed(name, failure) => {
                    let failure = failure.within(format!("the receiver {name} failed"));
                    batches.tell(|listener| listener.on_receiver_error(&name, &failure));
                    batches.fail(failure);
                }
            }
        }))
    }

    fn stop_inputs(&self) -> bool {
        let inputs = self.program.inputs();
        // All are asked, whatever the first says.
        inputs.iter().map(|input| input.stop()).filter(|left| *left).count() > 0
    }

    /// The thread that cuts.
    pub(super) fn cut_all(&self, first: Timestamp) {
        let interval = self.program.timeline().interval();
        let (mut next, mut backlog) = (first, Backlog::default());
        let cut = |time, backlog: &mut Backlog| {
            let inputs = self.program.inputs();
            catching(|| self.cut(time, &inputs, backlog)).unwrap_or_else(|failure| {
                self.fail(failure.within(format!("the inputs of the batch of {time} failed")));
            });
        };
        while self.clock.wait_until(next, &self.called_off) == Waited::Reached {
            self.progress.wait_for_room();
            if self.progress.stopping().is_some() {
                break;
            }
            cut(next, &mut backlog);
            next = next + interval;
        }
        let left = self.stop_inputs();
        if left && self.progress.stopping() == Some(Stop::Gracefully) {
            cut(next, &mut backlog);
        }
        self.progress.close();
    }

    fn cut(&self, time: Timestamp, inputs: &[Arc<dyn Input>], backlog: &mut Backlog) -> Result<()> {
        let records = match self.shared_engine() {
            Some(_) => self.take(time, inputs)?,
            None => {
                let records = inputs.iter().map(|input| input.cut(time)).sum::<Result<u64>>()?;
                self.checkpointed(|checkpoints| checkpoints.cut(time, &*self.program, &[]))?;
                records
            }
        };
        let batch = BatchInfo { time, records, submitted: self.clock.now(), started: None, ended: None };
        self.tell(|listener| listener.on_batch_submitted(&batch));
        let queued = self.progress.submit(batch);
        match backlog.note(queued) {
            Some(Notice::FallsBehind) => tracing::warn!(
                queued,
                interval = ?self.program.timeline().interval(),
                "batches take longer than their interval and queue up; receivers are slowed when they hold their limit"
            ),
            Some(Notice::CaughtUp) => tracing::info!("no batch waits for long any more"),
            None => {}
        }
        Ok(())
    }

    /// The thread that processes.
    pub(super) fn process_all(&self) {
        let mut last = None;
        while let Some(batch) = self.progress.next(|| self.clock.now()) {
            self.tell(|listener| listener.on_batch_started(&batch));
            if let Err(failure) = catching(|| self.process(batch.time)) {
                self.fail(failure);
                continue;
            }
            last = Some(batch.time);
            let batch = BatchInfo { ended: Some(self.clock.now()), ..batch };
            self.tell(|listener| listener.on_batch_completed(&batch));
            self.progress.complete(batch);
        }
        if let Some(time) = last {
            let written = catching(|| self.written(time, true));
            written.unwrap_or_else(|failure| self.fail(failure));
        }
        if let Some(engine) = self.shared_engine() {
            self.tell_end(&engine);
        }
        self.program.clear();
        *self.checkpoints() = None;
    }

    fn process(&self, time: Timestamp) -> Result<()> {
        if let Some(engine) = self.shared_engine() {
            self.tell_batch(&engine, time)?;
        }
        self.program.process(time)?;
        self.program.forget(time);
        self.written(time, false)?;
        self.program.inputs().iter().for_each(|input| input.done(time));
        Ok(())
    }

    fn written(&self, time: Timestamp, last: bool) -> Result<()> {
        self.checkpointed(|checkpoints| checkpoints.done(time, &*self.program, last)).map_err(|failure| {
            failure.within(format!(
                "the checkpoint of the batch of {} ms ({time}) cannot be written",
                time.millis()
            ))
        })
    }
}

/// What `work` gives; a panic is a failure.
pub(super) fn catching(work: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panic_message(&*panic)))
}

pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<ThreadId> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        INSIDE.set(true);
        work();
    });
    let failed = |error| Failure::external(format!("no thread can be started for {name}")).because(error);
    thread.map(|handle| handle.thread().id()).map_err(failed)
}
