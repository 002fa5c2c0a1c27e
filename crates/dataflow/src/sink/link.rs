//! The end of a chain: a sink writer, and a sink whose types are hidden, as the runtime sees it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::time::Timestamp;

use super::{Committer, Sink, WriterContext, WriterOf};
use crate::batch::Batch;
use crate::operator::{Cancelled, Downstream, FanOut, Link, LinkIdentity, Operator, OperatorContext, Output};
use crate::source::Promise;
use crate::state::OperatorSnapshot;
use crate::state::encoding::from_bytes;
use crate::state::restore::Redistribution;
use crate::state::snapshot::OperatorPart;

/// The name of the operator state that holds what a sink has staged for the checkpoint.
pub const STAGED: &str = "staged";
/// The name of the operator state that holds what writers need to go on.
const WRITER: &str = "writer";

/// A [`Sink`] of hidden types.
pub trait AnySink: Send + Sync {
    /// As [`Sink::name`].
    fn name(&self) -> String;
    /// As [`Sink::promise`].
    fn promise(&self) -> Promise;
    /// As [`Sink::stays_in_the_process`].
    fn stays_in_the_process(&self) -> bool;
    /// As [`Sink::check_checkpoints`].
    ///
    /// # Errors
    /// As there.
    fn check_checkpoints(&self, timeout: Duration) -> Result<()>;
    /// The end of a chain: a `Box<dyn Downstream<Sink::Record>>`.
    fn downstream(&self, identity: LinkIdentity) -> Box<dyn Any>;
    /// As [`Sink::committer`].
    ///
    /// # Errors
    /// As there.
    fn committer(&self) -> Result<Option<Box<dyn AnyCommitter>>>;
}

/// A [`Committer`] of hidden types.
pub trait AnyCommitter: Send {
    /// Commits what writers staged, each encoded.
    ///
    /// # Errors
    /// As [`Committer::commit`], or if it is of another program.
    fn commit(&mut self, staged: &[Vec<u8>]) -> Result<()>;

    /// As [`Committer::cancel_when`].
    fn cancel_when(&mut self, cancelled: Cancelled);
}

/// Hides the types of a sink.
pub struct SinkAdapter<S>(pub Arc<S>);

impl<S: Sink> AnySink for SinkAdapter<S> {
    fn name(&self) -> String {
        self.0.name()
    }

    fn promise(&self) -> Promise {
        self.0.promise()
    }

    fn stays_in_the_process(&self) -> bool {
        self.0.stays_in_the_process()
    }

    fn check_checkpoints(&self, timeout: Duration) -> Result<()> {
        self.0.check_checkpoints(timeout)
    }

    fn downstream(&self, identity: LinkIdentity) -> Box<dyn Any> {
        let operator = WriterOperator { sink: self.0.clone(), writer: None, wakeup: None };
        let end: Box<dyn Downstream<()>> = Box::new(FanOut::new(Vec::new()));
        let link: Box<dyn Downstream<S::Record>> =
            Box::new(Link::new(identity, Box::new(operator), Output::new(end)));
        Box::new(link)
    }

    fn committer(&self) -> Result<Option<Box<dyn AnyCommitter>>> {
        Ok(self.0.committer()?.map(|committer| Box::new(CommitterAdapter(committer)) as _))
    }
}

struct CommitterAdapter<Staged>(Box<dyn Committer<Staged>>);

impl<Staged: crate::state::StateData> AnyCommitter for CommitterAdapter<Staged> {
    fn commit(&mut self, staged: &[Vec<u8>]) -> Result<()> {
        let staged = staged
            .iter()
            .map(|bytes| {
                from_bytes(bytes).map_err(|error| {
                    Failure::user("what the checkpoint has staged does not fit this sink").because(error)
                })
            })
            .collect::<Result<Vec<Staged>>>()?;
        self.0.commit(staged)
    }

    fn cancel_when(&mut self, cancelled: Cancelled) {
        self.0.cancel_when(cancelled);
    }
}

/// Drives a writer as the last operator of a chain.
struct WriterOperator<S: Sink> {
    sink: Arc<S>,
    writer: Option<WriterOf<S>>,
    wakeup: Option<crate::operator::Wakeup>,
}

impl<S: Sink> WriterOperator<S> {
    fn writer(&mut self) -> Result<&mut WriterOf<S>> {
        self.writer.as_mut().ok_or_else(|| Failure::internal("a sink was used before it was opened"))
    }
}

impl<S: Sink> Operator<S::Record, ()> for WriterOperator<S>
where
    S::Record: Record,
{
    fn open(&mut self, context: &mut OperatorContext<'_>) -> Result<()> {
        let restored = context.restore.claim_operator::<S::State>(WRITER, 1, Redistribution::Split)?;
        let own = WriterContext {
            subtask: context.subtask,
            wakeup: context.wakeup.clone(),
            cancelled: context.cancelled.clone(),
        };
        self.wakeup = Some(context.wakeup.clone());
        self.writer = Some(self.sink.writer(own, restored)?);
        Ok(())
    }

    fn on_batch(&mut self, batch: &mut Batch<S::Record>, _: &mut Output<()>) -> Result<()> {
        self.writer()?.write(batch)
    }

    fn on_processing_time(&mut self, now: Timestamp, _: &mut Output<()>) -> Result<()> {
        self.writer()?.on_time(now)
    }

    fn on_flush(&mut self) -> Result<()> {
        self.writer()?.flush()
    }

    fn on_end(&mut self, _: &mut Output<()>) -> Result<()> {
        self.writer()?.on_end()
    }

    fn snapshot(&mut self, snapshot: &mut OperatorSnapshot, barrier: crate::operator::Barrier) -> Result<()> {
        let writer = self.writer()?;
        let staged = writer.prepare(barrier.checkpoint)?;
        let state = writer.snapshot()?;
        snapshot.operator.push(OperatorPart::new(STAGED, 1, &staged)?);
        snapshot.operator.push(OperatorPart::new(WRITER, 1, state.as_slice())?);
        Ok(())
    }
}
