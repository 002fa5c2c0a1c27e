//! Keys: what lies between a key and the subtask that owns it.

mod group;

pub use group::{
    KeyGroup, KeyGroupRange, MaxParallelism, ParallelismError, key_group_of, range_of, subtask_of,
};
