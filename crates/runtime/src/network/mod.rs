//! The channels of a job that cross from one process to another.
//!
//! Answers for the bytes between two processes, for flow control across them and for noticing that the other one is gone.
//! Not for how they are introduced and encrypted (crate `network`), for which subtask runs where, nor for what is done when a process is lost.
//! Holds: a channel that is blocked stops no other.

mod admissions;
mod connection;
mod credit;
pub mod frame;
mod remote;
mod settings;

pub use admissions::{Admissions, Expected, Listener, Peer, connect};
pub use connection::{Connection, Lost, Why};
pub use remote::{Incoming, RemoteSender};
pub use settings::{Compression, NetworkSettings};
