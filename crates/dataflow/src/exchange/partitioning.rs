//! Which subtask gets a record.

use std::fmt;
use std::sync::Arc;

use millstream_model::id::OperatorUid;
use millstream_model::key::{MaxParallelism, key_group_of, subtask_of};

use super::MakeCombine;

/// Finds the hash of a record's key; the same one for the exchange and for the operator behind it.
pub type KeySelector<T> = Arc<dyn Fn(&[T], &mut Vec<u64>) + Send + Sync>;

/// A function of the user's: the record and the number of receivers in, the receiver's index out.
pub type Partitioner<T> = Arc<dyn Fn(&T, usize) -> usize + Send + Sync>;

/// How the records of an edge are shared out among the subtasks behind it.
pub enum Partitioning<T> {
    /// Nothing was said: as `Forward` where the numbers of subtasks are equal, else as `Rebalance`.
    Unset,
    /// Subtask *n* to subtask *n*, fused into one chain. A job in which their numbers differ is refused.
    Forward,
    /// In turn to all of them.
    Rebalance,
    /// In turn to those that are next to the sender, so that not all channels are needed.
    Rescale,
    /// At random to all of them.
    Shuffle,
    /// Each record to all of them.
    Broadcast,
    /// All to the first one.
    Global,
    /// By the hash of the key; writes the hashes of a batch of records into a column.
    Keyed(KeySelector<T>),
    /// As [`Partitioning::Keyed`]; in batch mode, records of one key are made one before they are sent.
    Combined(KeySelector<T>, MakeCombine<T>),
    /// As a function of the user's says.
    Custom(Partitioner<T>),
}

impl<T> Clone for Partitioning<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Unset => Self::Unset,
            Self::Forward => Self::Forward,
            Self::Rebalance => Self::Rebalance,
            Self::Rescale => Self::Rescale,
            Self::Shuffle => Self::Shuffle,
            Self::Broadcast => Self::Broadcast,
            Self::Global => Self::Global,
            Self::Keyed(select) => Self::Keyed(select.clone()),
            Self::Combined(select, make) => Self::Combined(select.clone(), make.clone()),
            Self::Custom(choose) => Self::Custom(choose.clone()),
        }
    }
}

impl<T> fmt::Display for Partitioning<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unset | Self::Forward => "forward",
            Self::Rebalance => "rebalance",
            Self::Rescale => "rescale",
            Self::Shuffle => "shuffle",
            Self::Broadcast => "broadcast",
            Self::Global => "global",
            Self::Keyed(_) | Self::Combined(..) => "keyed",
            Self::Custom(_) => "custom",
        })
    }
}

impl<T> Partitioning<T> {
    /// Whether a sender of `from` subtasks and a receiver of `to` can be one chain.
    pub fn can_fuse(&self, from: u32, to: u32) -> bool {
        match self {
            Self::Unset | Self::Forward => from == to,
            Self::Keyed(_) | Self::Combined(..) => from == 1 && to == 1,
            _ => false,
        }
    }
}

/// The receivers that a keyed exchange chooses among.
#[derive(Clone, Debug)]
pub struct Route {
    /// The name of the operator that receives.
    pub name: Arc<str>,
    /// Its uid.
    pub uid: OperatorUid,
    /// How many receivers there are.
    pub receivers: u16,
    /// The number of key groups of the job.
    pub max_parallelism: MaxParallelism,
}

impl Route {
    /// The receiver for each key group.
    pub fn table(&self) -> Vec<u16> {
        (0..self.max_parallelism.get())
            .map(|group| {
                subtask_of(millstream_model::key::KeyGroup(group), self.receivers, self.max_parallelism)
            })
            .collect()
    }

    /// The key group of a hash, as an index into [`Route::table`].
    #[inline]
    pub fn group(&self, hash: u64) -> usize {
        usize::from(key_group_of(hash, self.max_parallelism).0)
    }
}
