//! An edge: from a node's output to another node, with the type of the records that pass.

use std::any::Any;

use millstream_model::error::{Failure, Result};
use millstream_model::id::NodeId;
use millstream_model::record::Record;

use super::ChainHead;
use crate::batch::Batch;
use crate::exchange::{
    AnyBatch, BatchCodec, BatchDecoder, BatchEncoder, ChannelSender, ExchangeSender, Partitioning, Route,
};
use crate::operator::{ChainContext, Control, Downstream, FanOut, OutputTag, SideOutputs};
use crate::state::encoding::TypeSignature;

use std::sync::Arc;

/// A connection between two nodes.
#[derive(Clone)]
pub struct Edge {
    /// Who emits.
    pub from: NodeId,
    /// Who receives.
    pub to: NodeId,
    /// The side output it starts at; `None` for the main output.
    pub tag: Option<Arc<str>>,
    /// How the records are shared out; knows their type.
    pub exchange: Arc<dyn AnyExchange>,
}

/// A [`Partitioning`] of a hidden record type, and what else must be done by someone who knows the type.
///
/// Every `Box<dyn Any>` here holds a `Box<dyn Downstream<T>>` of the edge's record type.
pub trait AnyExchange: Send + Sync {
    /// `keyed`, `rebalance`, ...
    fn label(&self) -> String;
    /// Whether sender and receiver can be one chain.
    fn can_fuse(&self, from: u32, to: u32) -> bool;
    /// Whether the job is to be refused where sender and receiver have different numbers of subtasks.
    fn needs_equal_parallelism(&self) -> bool;
    /// Which receivers a sender needs channels to.
    fn receivers(&self, sender: u32, senders: u32, receivers: u32) -> std::ops::Range<u32>;
    /// The sending side.
    fn sender(
        &self,
        channels: Vec<Box<dyn ChannelSender>>,
        route: Route,
        batch_size: usize,
        flush_each: bool,
    ) -> Box<dyn Any>;
    /// One downstream for several readers.
    ///
    /// # Errors
    /// If one of them takes other records.
    fn fan_out(&self, readers: Vec<Box<dyn Any>>) -> Result<Box<dyn Any>>;
    /// Adds the reader of a side output.
    ///
    /// # Errors
    /// If it takes other records.
    fn add_side(&self, sides: &mut SideOutputs, tag: &Arc<str>, reader: Box<dyn Any>) -> Result<()>;
    /// The head of a chain that receives from a channel.
    ///
    /// # Errors
    /// If the chain takes other records.
    fn head(&self, chain: Box<dyn Any>) -> Result<Box<dyn ChainHead>>;
    /// The name of the record type, for people.
    fn record_type(&self) -> String;
    /// The sending end of a channel to another process. `None` where the program did not say how the records are
    /// written down: then both ends of the edge have to be in one process.
    fn encoder(&self) -> Option<Box<dyn BatchEncoder>>;
    /// The receiving end of a channel from another process; `None` as with [`AnyExchange::encoder`].
    fn decoder(&self) -> Option<Box<dyn BatchDecoder>>;
}

/// The exchange of an edge that carries records of type `T`.
pub struct TypedExchange<T> {
    partitioning: Partitioning<T>,
    codec: Option<BatchCodec<T>>,
}

impl<T> TypedExchange<T> {
    /// Shares records out as `partitioning` says, between subtasks of one process.
    pub fn new(partitioning: Partitioning<T>) -> Self {
        Self { partitioning, codec: None }
    }

    /// Says how the records are written down, where that is known, so that they can go to another process too.
    #[must_use]
    pub fn encoded_by(self, codec: Option<BatchCodec<T>>) -> Self {
        Self { codec, ..self }
    }
}

fn typed<T: 'static>(any: Box<dyn Any>) -> Result<Box<dyn Downstream<T>>> {
    any.downcast::<Box<dyn Downstream<T>>>().map(|boxed| *boxed).map_err(|_| {
        Failure::internal(format!("a chain does not take records of type `{}`", std::any::type_name::<T>()))
    })
}

impl<T: Record> AnyExchange for TypedExchange<T> {
    fn label(&self) -> String {
        self.partitioning.to_string()
    }

    fn can_fuse(&self, from: u32, to: u32) -> bool {
        self.partitioning.can_fuse(from, to)
    }

    fn needs_equal_parallelism(&self) -> bool {
        matches!(self.partitioning, Partitioning::Forward)
    }

    fn receivers(&self, sender: u32, senders: u32, receivers: u32) -> std::ops::Range<u32> {
        match self.partitioning {
            // Senders and receivers are laid side by side; a sender reaches those that begin beside it.
            Partitioning::Unset | Partitioning::Forward if senders == receivers => sender..sender + 1,
            Partitioning::Rescale if senders <= receivers => {
                sender * receivers / senders..(sender + 1) * receivers / senders
            }
            Partitioning::Rescale => {
                let one = sender * receivers / senders;
                one..one + 1
            }
            _ => 0..receivers,
        }
    }

    fn sender(
        &self,
        channels: Vec<Box<dyn ChannelSender>>,
        route: Route,
        batch_size: usize,
        flush_each: bool,
    ) -> Box<dyn Any> {
        let sender = ExchangeSender::new(self.partitioning.clone(), channels, route, batch_size, flush_each);
        Box::new(Box::new(sender) as Box<dyn Downstream<T>>)
    }

    fn fan_out(&self, readers: Vec<Box<dyn Any>>) -> Result<Box<dyn Any>> {
        let mut readers = readers.into_iter().map(typed::<T>).collect::<Result<Vec<_>>>()?;
        let one = match readers.len() {
            1 => readers.remove(0),
            _ => Box::new(FanOut::new(readers)),
        };
        Ok(Box::new(one))
    }

    fn add_side(&self, sides: &mut SideOutputs, tag: &Arc<str>, reader: Box<dyn Any>) -> Result<()> {
        sides.add(&OutputTag::<T>::new(tag.clone()), typed::<T>(reader)?);
        Ok(())
    }

    fn head(&self, chain: Box<dyn Any>) -> Result<Box<dyn ChainHead>> {
        Ok(Box::new(Head(typed::<T>(chain)?)))
    }

    fn record_type(&self) -> String {
        TypeSignature::of::<T>().name
    }

    fn encoder(&self) -> Option<Box<dyn BatchEncoder>> {
        self.codec.as_ref().map(BatchCodec::encoder)
    }

    fn decoder(&self) -> Option<Box<dyn BatchDecoder>> {
        self.codec.as_ref().map(BatchCodec::decoder)
    }
}

struct Head<T>(Box<dyn Downstream<T>>);

impl<T: 'static> ChainHead for Head<T> {
    fn open(&mut self, context: &mut ChainContext<'_>) -> Result<()> {
        self.0.open(context)
    }

    fn batch(&mut self, batch: AnyBatch) -> Result<()> {
        let mut batch: Box<Batch<T>> = batch.downcast().ok_or_else(|| {
            Failure::internal(format!(
                "a channel brought no records of type `{}`",
                std::any::type_name::<T>()
            ))
        })?;
        self.0.batch(&mut batch)
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.0.control(control)
    }
}
