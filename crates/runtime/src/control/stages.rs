//! Between an executor and the master of its job, about tasks of stages.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use millstream_model::error::Failure;
use serde::{Deserialize, Serialize};

use super::{Bytes, ExecutorId};
use crate::stage::Counters;

/// Which computation of a job of the program a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskPart {
    /// It gives the job's action a result.
    Result,
    /// It leaves the blocks of the shuffle of this number.
    Map(u64),
}

/// An attempt at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number, from 1: no other attempt at the task has the same.
    pub number: u32,
    /// The how many-th of those that count, from 1. One that was lost with a process does not.
    pub counted: u32,
}

/// One attempt at one task, by its name: every process of the program knows what it computes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskOrdered {
    /// The job's number in the program, from 0.
    pub job: u64,
    /// The number of the stage, of which the master uses none twice.
    pub stage: u64,
    /// What it computes.
    pub part: TaskPart,
    /// Its place in the stage.
    pub at: usize,
    /// The partition of the stage's data set.
    pub partition: usize,
    /// Which attempt.
    pub attempt: Attempt,
    /// What the program says of the job.
    pub properties: BTreeMap<String, String>,
}

/// An executor and where it serves blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockPeer {
    /// Who.
    pub executor: ExecutorId,
    /// Where.
    pub blocks: SocketAddr,
}

/// What a master tells an executor about tasks.
#[derive(Debug, Serialize, Deserialize)]
pub enum StageOrder {
    /// Who has the blocks of a shuffle; told before a task that reads them, and again when it changes.
    Places {
        /// The shuffle.
        shuffle: u64,
        /// Those who have some.
        peers: Vec<BlockPeer>,
        /// For each map task who of them, counted in `peers`.
        maps: Vec<(usize, usize)>,
    },
    /// Run this.
    Run(TaskOrdered),
    /// Stop an attempt that nobody waits for any more, and say when its slot is free.
    Abandon {
        /// The stage.
        stage: u64,
        /// The task's place in it.
        at: usize,
        /// The number of the attempt.
        attempt: u32,
    },
    /// Stop the tasks of a stage, and say when they have stopped.
    Leave {
        /// Which.
        stage: u64,
    },
    /// What the tasks of a job are, where the program runs in its master alone; told before the first of them.
    Shipped {
        /// The job's number.
        job: u64,
        /// Its action and lineage, in the form of whoever made them.
        what: Bytes,
        /// Where what they refer to can be read.
        lends: SocketAddr,
    },
    /// A job that was shipped has ended.
    Over {
        /// The job's number.
        job: u64,
    },
    /// Nobody asks for these any more, where the program runs in its master alone.
    Forget {
        /// Shuffles.
        shuffles: Vec<u64>,
        /// Kept data sets.
        datasets: Vec<u64>,
    },
    /// A job of the program has ended: the program goes on with its result.
    Ended {
        /// The job's number.
        number: u64,
        /// What the job amounts to: a program that has come to another one there is told so.
        fingerprint: String,
        /// Why there is no result, if there is none.
        result: Result<(), Failure>,
        /// The values of accumulators that it changed, and behind these the parts of the result.
        left: ResultTold,
        /// What was run so far, in all processes.
        counters: Box<Counters>,
    },
}

/// What an action leaves: its first part are the values of accumulators, then comes one for each task.
#[derive(Debug, Serialize, Deserialize)]
pub enum ResultTold {
    /// A small one.
    Whole(Vec<Vec<u8>>),
    /// It can be read there.
    At(SocketAddr),
}

/// What an executor tells the master about tasks.
#[derive(Debug, Serialize, Deserialize)]
pub enum StageEvent {
    /// It serves blocks there; its first words.
    Serves {
        /// Where.
        blocks: SocketAddr,
    },
    /// An attempt at a task has ended.
    Ended {
        /// The stage.
        stage: u64,
        /// The task's place in it.
        at: usize,
        /// The number of the attempt.
        attempt: u32,
        /// How.
        end: TaskEnd,
        /// The partitions that were kept here since the last message, and those that no longer are.
        kept: Vec<KeptChange>,
        /// What was counted here in all.
        counters: Box<Counters>,
    },
    /// What an attempt that is about to end well has for the program, where that runs in its master alone: it counts once the
    /// attempt has ended.
    Told {
        /// The data set that the stage ends with.
        dataset: u64,
        /// The partition.
        partition: usize,
        /// The number of the attempt.
        attempt: u32,
        /// In a form of the program's.
        what: Bytes,
    },
    /// An attempt that nobody waits for has no slot here any more.
    Abandoned {
        /// The stage.
        stage: u64,
        /// The task's place in it.
        at: usize,
        /// The number of the attempt.
        attempt: u32,
    },
    /// No task of the stage runs here any more, but for these.
    Left {
        /// The stage.
        stage: u64,
        /// The partitions whose tasks do not stop; others have their slots.
        stuck: Vec<usize>,
    },
}

/// How an attempt ended.
#[derive(Debug, Serialize, Deserialize)]
pub enum TaskEnd {
    /// What it left is here; of an action's result this many bytes.
    Done {
        /// The size of the result.
        bytes: u64,
        /// What it added to accumulators, by their numbers.
        added: Vec<(u64, Vec<u8>)>,
    },
    /// It came to nothing since these could not be had.
    Lost {
        /// Shuffle, map task, and the executor that was asked, if one was known.
        blocks: Vec<(u64, usize, Option<ExecutorId>)>,
        /// What was said.
        why: Failure,
    },
    /// It failed.
    Failed(Failure),
}

/// A partition that is kept, or no longer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptChange {
    /// The data set.
    pub dataset: u64,
    /// Its partition.
    pub partition: usize,
    /// How many bytes it takes in memory and on disk; `None` if it is no longer kept.
    pub bytes: Option<(usize, usize)>,
}
