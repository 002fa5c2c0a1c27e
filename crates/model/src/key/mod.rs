//! Keys: how they are hashed, which key group they belong to, and which subtask owns a group.

mod group;
pub mod hash;

pub use group::{
    KeyGroup, KeyGroupRange, MaxParallelism, ParallelismError, key_group_of, range_of, subtask_of,
};
