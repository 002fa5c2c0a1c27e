//! One operator with its outputs: a link of a fused chain.
//!
//! Answers for handing batches and control elements to the operator and on, and for turning a panic or an error of
//! user code into a failure that names the operator, the record and its place. Not for what the operator does.
//! Holds: what an operator emitted for a batch has been handed on before the next batch or control element comes.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use millstream_model::error::{Failure, Result};
use millstream_model::id::{OperatorUid, Subtask};

use super::{ChainContext, Control, Downstream, OnError, Operator, OperatorContext, Output, SideOutputs};
use crate::batch::{Batch, Origin};
use crate::state::OperatorSnapshot;

/// Who an operator is.
#[derive(Clone, Debug)]
pub struct LinkIdentity {
    /// Its name, for people.
    pub name: Arc<str>,
    /// Its uid, for its state.
    pub uid: OperatorUid,
    /// Where it counts.
    pub counts: Arc<LinkCounts>,
    /// What it does with records that user code gives an error for.
    pub on_error: OnError,
}

/// What has passed through an operator, over all its subtasks and since the attempt began; updated once per batch.
#[derive(Debug, Default)]
pub struct LinkCounts {
    /// Records that came in.
    pub records_in: AtomicU64,
    /// Records that went out through the main output.
    pub records_out: AtomicU64,
    /// Records that user code gave an error for and that were left out, as [`OnError`] says.
    pub records_skipped: AtomicU64,
    /// The last watermark that came in, in milliseconds; `i64::MIN` before the first.
    pub watermark: AtomicI64,
}

/// An operator, its main output, and where it stands.
pub struct Link<In, Out> {
    identity: LinkIdentity,
    subtask: Subtask,
    operator: Box<dyn Operator<In, Out>>,
    output: Output<Out>,
    /// Records that came in whole batches before the current one.
    seen: u64,
    /// Records of the output that are counted already.
    told: u64,
}

impl<In, Out> Link<In, Out> {
    /// A link that is to be opened before use.
    pub fn new(identity: LinkIdentity, operator: Box<dyn Operator<In, Out>>, output: Output<Out>) -> Self {
        Self { identity, subtask: Subtask { index: 0, of: 1 }, operator, output, seen: 0, told: 0 }
    }

    /// Runs user code; a panic becomes a failure, and either is given the operator's name.
    fn guard<R>(
        &mut self,
        call: impl FnOnce(&mut dyn Operator<In, Out>, &mut Output<Out>) -> Result<R>,
    ) -> Result<R> {
        let (operator, output) = (&mut *self.operator, &mut self.output);
        let result = catch_unwind(AssertUnwindSafe(|| call(operator, output)))
            .unwrap_or_else(|panic| Err(Failure::user(format!("panicked: {}", panic_text(&*panic)))));
        match result {
            Ok(value) => {
                self.output.flush();
                self.output.check()?;
                Ok(value)
            }
            Err(failure) => Err(self.place(failure)),
        }
    }

    fn place(&self, failure: Failure) -> Failure {
        if failure.is_cancelled() {
            return failure;
        }
        failure.in_operator(&self.identity.name, &self.identity.uid, self.subtask)
    }
}

/// What a panic said, if it was text.
fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with a value that is no text")
}

impl<In, Out> Downstream<In> for Link<In, Out> {
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.output.downstream().open(context)?;
        self.subtask = context.subtask;
        let mut own = OperatorContext {
            uid: &self.identity.uid,
            name: &self.identity.name,
            subtask: context.subtask,
            groups: context.groups,
            max_parallelism: context.max_parallelism,
            mode: context.mode,
            on_error: &self.identity.on_error,
            counts: &self.identity.counts,
            wakeup: context.wakeup.clone(),
            cancelled: context.cancelled.clone(),
            restore: context.restore.restore(&self.identity.uid)?,
        };
        let opened = self.operator.open(&mut own);
        let unclaimed = own.restore.unclaimed();
        opened.map_err(|failure| self.place(failure))?;
        if unclaimed.is_empty() {
            return Ok(());
        }
        let listed = unclaimed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(self.place(
            Failure::user(format!("the checkpoint has state that the operator no longer declares: {listed}"))
                .advice("declare the state under its old name, or start without this checkpoint"),
        ))
    }

    fn batch(&mut self, batch: &mut Batch<In>) -> Result<()> {
        let count = batch.len() as u64;
        self.output.set_origin(batch.origin().map(Origin::blurred));
        let origin = batch.origin().cloned();
        let result = self.guard(|operator, output| operator.on_batch(batch, output));
        if let Err(failure) = result {
            let (handed, was_placed) = (batch.handed(), failure.is_placed_in(&self.identity.uid));
            if was_placed && handed > 0 {
                let failure = failure.on_record(self.seen + handed as u64);
                return Err(match origin {
                    Some(origin) => failure.at(origin.position(handed - 1)),
                    None => failure,
                });
            }
            return Err(failure);
        }
        self.seen += count;
        let out = self.output.emitted();
        self.identity.counts.records_in.fetch_add(count, Ordering::Relaxed);
        self.identity.counts.records_out.fetch_add(out - self.told, Ordering::Relaxed);
        self.told = out;
        batch.clear();
        Ok(())
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        match control {
            Control::Watermark(time) => {
                let time = *time;
                self.identity.counts.watermark.store(time.millis(), Ordering::Relaxed);
                if let Some(passed) = self.guard(|op, out| op.on_watermark(time, out))? {
                    self.output.control(&mut Control::Watermark(passed));
                }
            }
            Control::Idle => {
                if self.operator.on_idle() {
                    self.output.control(control);
                }
            }
            Control::Barrier(pass) => {
                let mut snapshot = OperatorSnapshot::new();
                let barrier = pass.barrier;
                self.guard(|op, _| op.snapshot(&mut snapshot, barrier))?;
                pass.snapshots.push((self.identity.uid.clone(), snapshot));
                self.output.control(control);
            }
            Control::Tick(now) => {
                let now = *now;
                self.guard(|op, out| op.on_processing_time(now, out))?;
                self.output.control(control);
            }
            Control::Flush => {
                self.guard(|op, _| op.on_flush())?;
                self.output.control(control);
            }
            Control::End => {
                self.guard(|op, out| op.on_end(out))?;
                self.output.control(control);
            }
        }
        self.output.check()
    }
}

/// A [`Link`] whose operator also emits to side outputs, which it reaches through `sides`.
pub struct SideLink<In, Out> {
    link: Link<In, Out>,
    sides: std::rc::Rc<std::cell::RefCell<SideOutputs>>,
}

impl<In, Out> SideLink<In, Out> {
    /// A link with side outputs that its operator shares.
    pub fn new(link: Link<In, Out>, sides: std::rc::Rc<std::cell::RefCell<SideOutputs>>) -> Self {
        Self { link, sides }
    }
}

impl<In, Out> Downstream<In> for SideLink<In, Out> {
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.sides.borrow_mut().open(context)?;
        self.link.open(context)
    }

    fn batch(&mut self, batch: &mut Batch<In>) -> Result<()> {
        self.link.batch(batch)?;
        let finished = self.sides.borrow_mut().finish_batch();
        finished.map_err(|failure| self.link.place(failure))
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.link.control(control)?;
        if self.link.operator.tells_sides() && matches!(control, Control::Watermark(_) | Control::Idle) {
            return Ok(());
        }
        let passed = self.sides.borrow_mut().control(control);
        passed.map_err(|failure| self.link.place(failure))
    }
}
