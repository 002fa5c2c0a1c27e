//! What an action asks of the engine, whatever its records and results are.
//!
//! Answers for taking the types off an action and putting them back onto its results. Not for running it.
//! Holds: a result that was written down is read back as the type that it was written from.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::lineage::{Dataset, Lineage, Properties, Pull, TaskContext};
use millstream_dataflow::state::StateData;
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::accumulator::Added;
use super::team::LostBlock;

/// What a task that ended well left.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// To accumulators.
    pub(super) added: Added,
    /// How long the attempt ran.
    pub(super) took: Duration,
}

/// What became of a task that ended well.
pub(super) enum Outcome {
    /// Its blocks are where they belong.
    Stored,
    /// The result, as it is.
    Value(Box<dyn Any + Send>),
    /// The result, written down.
    Written(Vec<u8>),
    /// The result is written down where the task ran: so many bytes.
    Kept(u64),
    /// It came to nothing, as these blocks could not be had.
    Lost(Vec<LostBlock>, Failure),
}

/// What is done with a partition.
pub(super) type Work = Arc<dyn Fn(usize, &TaskContext) -> Result<Outcome> + Send + Sync>;

/// How results of an action are written down for other processes.
pub struct ResultCodec<R> {
    encode: fn(&R) -> Result<Vec<u8>>,
    decode: fn(&[u8]) -> Result<R>,
}

impl<R> Clone for ResultCodec<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ResultCodec<R> {}

impl<R> fmt::Debug for ResultCodec<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResultCodec({})", std::any::type_name::<R>())
    }
}

impl<R: StateData> ResultCodec<R> {
    /// That of every type that can be state, in the same encoding.
    pub fn of() -> Self {
        Self { encode: encode::<R>, decode: decode::<R> }
    }
}

impl<R> ResultCodec<R> {
    /// One for results that say themselves how they are written down.
    pub fn new(encode: fn(&R) -> Result<Vec<u8>>, decode: fn(&[u8]) -> Result<R>) -> Self {
        Self { encode, decode }
    }
}

pub(super) fn encode<R: StateData>(result: &R) -> Result<Vec<u8>> {
    to_bytes(result).map_err(|error| {
        Failure::user("the result of an action cannot be encoded for other processes").because(error)
    })
}

pub(super) fn decode<R: StateData>(bytes: &[u8]) -> Result<R> {
    from_bytes(bytes)
        .map_err(|error| Failure::external("the result of an action came back damaged").because(error))
}

/// The result of a task as bytes.
pub(super) type Encode = Arc<dyn Fn(&dyn Any) -> Result<Vec<u8>> + Send + Sync>;

/// An action.
#[derive(Clone)]
pub(super) struct Action {
    pub(super) dataset: Arc<dyn Lineage>,
    pub(super) partitions: Vec<usize>,
    pub(super) work: Work,
    /// How its results are written down, where that is known.
    pub(super) encode: Option<Encode>,
    pub(super) properties: Arc<Properties>,
    /// What executors are told of it, where they do not come to it by themselves.
    pub(super) shipped: Option<Arc<Vec<u8>>>,
}

impl Action {
    pub(super) fn new<T: Record, R: Send + 'static>(
        properties: Arc<Properties>,
        codec: Option<ResultCodec<R>>,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        let read = Arc::clone(dataset);
        let work: Work = Arc::new(move |partition, task| {
            Ok(Outcome::Value(Box::new(action(read.read(partition, task)?, task)?)))
        });
        let encode = codec.map(|codec| {
            Arc::new(move |value: &dyn Any| match value.downcast_ref::<R>() {
                Some(value) => (codec.encode)(value),
                None => Err(Failure::internal("a result of another type")),
            }) as Encode
        });
        let (dataset, partitions) = (Arc::clone(dataset) as Arc<dyn Lineage>, partitions.to_vec());
        Self { dataset, partitions, work, encode, properties, shipped: None }
    }
}

/// The results that tasks gave, with their type.
pub(super) fn typed<R: 'static>(outcomes: Vec<Outcome>, codec: Option<ResultCodec<R>>) -> Result<Vec<R>> {
    let result = |outcome| match (outcome, codec) {
        (Outcome::Value(value), _) => match value.downcast::<R>() {
            Ok(value) => Ok(*value),
            Err(_) => Err(Failure::internal("a result of another type")),
        },
        (Outcome::Written(bytes), Some(codec)) => (codec.decode)(&bytes),
        _ => Err(Failure::internal("a task that ended well gave no result")),
    };
    outcomes.into_iter().map(result).collect()
}
