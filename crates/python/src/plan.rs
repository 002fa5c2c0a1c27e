//! What a task is told: how one partition is made, and what becomes of it.
//!
//! Answers for naming a computation by what was shipped: functions are numbers of attachments, which hold their pickled
//! bytes, and inputs are places that the host of the task is asked for. Not for running it (`pipeline`).
//! Holds: a plan says nothing about the process that runs it, so that any worker can.

use millstream_dataflow::lineage::Properties;
use serde::{Deserialize, Serialize};

/// The number of a run of bytes that is sent along: a pickled function, or an encoded block.
pub(crate) type Attached = u32;

/// What a task asks its host for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BlockRef {
    /// What a map task left for a reducer.
    Shuffled { shuffle: u64, map: u64, reducer: u64 },
    /// A partition that is kept.
    Cached { dataset: u64, partition: u64 },
    /// The value of a broadcast variable.
    Broadcast(u64),
}

/// What is done with each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    Map,
    Filter,
    FlatMap,
    /// The second of each pair.
    MapValues,
    /// The second of each pair, into several pairs.
    FlatMapValues,
    KeyBy,
    Keys,
    Values,
}

impl Action {
    /// Whether there are as many records behind it as in front of it.
    pub(crate) fn makes_one_of_one(self) -> bool {
        match self {
            Self::Map | Self::MapValues | Self::KeyBy | Self::Keys | Self::Values => true,
            Self::Filter | Self::FlatMap | Self::FlatMapValues => false,
        }
    }
}

/// One step that is taken with each record on its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    /// What the user calls it.
    pub(crate) name: String,
    pub(crate) action: Action,
    pub(crate) function: Option<Attached>,
}

/// How the lines of a file become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LineType {
    Str,
    Bytes,
}

/// The functions of a combination by key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Combine {
    /// What the user calls it.
    pub(crate) name: String,
    /// Makes the first value of a key; `None` takes it as it is.
    pub(crate) create: Option<Attached>,
    /// Adds one more to it.
    pub(crate) merge: Attached,
}

/// How the records of one partition are made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Plan {
    /// `count` numbers from `start` on.
    Range { start: i64, step: i64, count: u64 },
    /// The records of a block that is sent along.
    Attached(Attached),
    /// The lines that begin in these bytes of a file.
    Lines { path: String, start: u64, end: u64, record: LineType },
    /// The records of blocks, one after the other.
    Fetched(Vec<BlockRef>),
    /// Hands the records on, and to the host to be kept.
    Keep { dataset: u64, partition: u64, of: Box<Plan> },
    /// Steps that are taken with each record.
    Steps { of: Box<Plan>, steps: Vec<Step> },
    /// What a function of the partition's number and of iterators over the inputs gives.
    Call { name: String, function: Attached, index: u64, of: Vec<Plan> },
    /// One after the other.
    Chain(Vec<Plan>),
    /// Pairs, one for each key.
    Combine { of: Box<Plan>, functions: Combine },
    /// For each key a pair of it and of a tuple of lists: its values in each of the inputs.
    Cogroup(Vec<Plan>),
    /// One record: how many pairs there are, and a list of `size` of their keys.
    Sample { name: String, of: Box<Plan>, size: u64, seed: u64 },
    /// Pairs in the order of their keys, or of what a function makes of these.
    Sort { of: Box<Plan>, key: Option<Attached>, ascending: bool },
}

/// The keys that cut the range of keys into partitions, in order; each belongs to the partition that it ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Cuts {
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

/// Which reducer gets a pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Partitioner {
    /// The portable hash of its key.
    Hash,
    /// Where its key falls between cuts. Keys of other types are given to a function, as [`Self::Function`] is.
    Range { function: Attached, cuts: Cuts, ascending: bool },
    /// What a function makes of its key, modulo the number of reducers.
    Function(Attached),
    /// Each in turn, whole records rather than pairs, beginning with a number.
    Turns(u64),
}

/// What becomes of the records.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Sink {
    /// One block.
    Collect,
    /// A block for each reducer.
    Shuffle { reducers: u64, partitioner: Partitioner },
}

/// A task without its attachments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    /// The number of the data set that ends the stage.
    pub(crate) stage: u64,
    pub(crate) partition: u64,
    /// From 0.
    pub(crate) attempt: u64,
    /// The number of this attempt among all of the context.
    pub(crate) id: u64,
    /// What the program said of the job.
    pub(crate) properties: Properties,
    pub(crate) plan: Plan,
    pub(crate) sink: Sink,
}
