//! The channels of a job that cross from one process to another.
//!
//! Answers for the bytes between two processes, for flow control across them and for noticing that the other one is gone.
//! Not for which subtask runs where, nor for what is done when a process is lost.
//! Holds: a channel that is blocked stops no other.

pub mod certs;
mod connection;
mod credit;
pub mod frame;
pub mod handshake;
mod listener;
mod remote;
mod security;
mod settings;
mod socket;
mod tls;
mod token;

pub use connection::{Connection, Lost, Why};
pub use handshake::{Expected, Hello};
pub use listener::{Admissions, Listener, Peer, connect};
pub use remote::{Incoming, RemoteSender};
pub use security::Security;
pub use settings::{Compression, NetworkSettings};
pub use tls::{Tls, TlsFiles};
pub use token::Token;
