//! A node: a source, an operator or a sink, with its names and its parallelism.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use millstream_model::id::{NodeId, OperatorUid};
use millstream_model::record::Record;

use crate::exchange::AnyBatch;
use crate::operator::{
    ChainContext, Control, Downstream, FanOut, Link, LinkIdentity, OnError, Operator, Output, RecordType,
    SideLink, SideOutputs,
};
use crate::sink::AnySink;
use crate::source::AnySource;

/// A source, an operator or a sink of a job.
#[derive(Clone)]
pub struct Node {
    /// Its place in the graph.
    pub id: NodeId,
    /// For people.
    pub name: Arc<str>,
    /// For its state: the user's, or `None` to derive one from its place.
    pub uid: Option<OperatorUid>,
    /// Where in the program it was given its uid.
    pub uid_given_at: Option<&'static Location<'static>>,
    /// How many subtasks; `None` for the job's.
    pub parallelism: Option<u32>,
    /// Whether it keeps state, so that a checkpoint must have some for it.
    pub keeps_state: bool,
    /// What it does with records that user code gives an error for.
    pub on_error: OnError,
    /// What it does.
    pub kind: NodeKind,
}

/// What a node does.
#[derive(Clone)]
pub enum NodeKind {
    /// Reads records from outside.
    Source(Arc<dyn AnySource>),
    /// Makes records of records.
    Operator(Arc<dyn OperatorNode>),
    /// Writes records to the outside.
    Sink(Arc<dyn AnySink>),
}

/// The first operator of a chain that receives from channels, its record type hidden.
pub trait ChainHead {
    /// As [`Downstream::open`].
    ///
    /// # Errors
    /// If an operator cannot be opened.
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()>;
    /// As [`Downstream::batch`].
    ///
    /// # Errors
    /// The failure of an operator of the chain.
    fn batch(&mut self, batch: AnyBatch) -> Result<()>;
    /// As [`Downstream::control`].
    ///
    /// # Errors
    /// The failure of an operator of the chain.
    fn control(&mut self, control: &mut Control<'_>) -> Result<()>;
}

/// Makes an operator, its record types hidden; called once for each subtask, on the thread that will run it.
pub trait OperatorNode: Send + Sync {
    /// The operator as a link in front of `output` (a `Box<dyn Downstream<Out>>`; `None` if nobody reads it) and
    /// `sides`: a `Box<dyn Downstream<In>>`.
    ///
    /// # Errors
    /// If `output` takes other records.
    fn link(
        &self,
        identity: LinkIdentity,
        output: Option<Box<dyn Any>>,
        sides: SideOutputs,
    ) -> Result<Box<dyn Any>>;

    /// The type of its records, where its function can give an error for one of them: [`OnError`] is for these.
    fn rejects(&self) -> Option<RecordType> {
        None
    }
}

/// What an operator reaches its side outputs through.
pub type SharedSides = Rc<RefCell<SideOutputs>>;

/// An [`OperatorNode`] made of a function that makes the operator.
pub struct OperatorFactory<In, Out, F> {
    make: F,
    can_reject: bool,
    types: PhantomData<fn(In) -> Out>,
}

impl<In, Out, F> OperatorFactory<In, Out, F>
where
    In: Record,
    Out: Record,
    F: Fn(&SharedSides) -> Box<dyn Operator<In, Out>> + Send + Sync + 'static,
{
    /// A node whose subtasks each run an operator of `make`'s.
    pub fn new(make: F) -> Self {
        Self { make, can_reject: false, types: PhantomData }
    }

    /// Says that the operator carries out [`OnError`].
    #[must_use]
    pub fn rejecting(mut self) -> Self {
        self.can_reject = true;
        self
    }
}

impl<In, Out, F> OperatorNode for OperatorFactory<In, Out, F>
where
    In: Record,
    Out: Record,
    F: Fn(&SharedSides) -> Box<dyn Operator<In, Out>> + Send + Sync,
{
    fn link(
        &self,
        identity: LinkIdentity,
        output: Option<Box<dyn Any>>,
        sides: SideOutputs,
    ) -> Result<Box<dyn Any>> {
        let output = match output {
            None => Box::new(FanOut::new(Vec::new())) as Box<dyn Downstream<Out>>,
            Some(any) => *any.downcast::<Box<dyn Downstream<Out>>>().map_err(|_| {
                Failure::internal(format!("what reads operator `{}` takes other records", identity.name))
            })?,
        };
        let has_sides = !sides.is_unread();
        let sides = Rc::new(RefCell::new(sides));
        let link = Link::new(identity, (self.make)(&sides), Output::new(output));
        let link: Box<dyn Downstream<In>> =
            if has_sides { Box::new(SideLink::new(link, sides)) } else { Box::new(link) };
        Ok(Box::new(link))
    }

    fn rejects(&self) -> Option<RecordType> {
        self.can_reject.then(RecordType::of::<In>)
    }
}
