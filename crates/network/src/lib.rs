//! Bytes between the processes of a cluster.
//!
//! Answers for frames and their checksums, for who may speak with whom, for conversations in messages, and for noticing
//! that the other side is gone. Knows nothing of records, jobs or workers.
//! Holds: whatever the other side sends, it costs this one no more than its limits say; a corrupt, foreign or silent peer
//! is an error and a closed connection, never a panic; nobody waits for a peer that is gone.

pub mod conversation;
pub mod frame;
pub mod introduction;
pub mod reception;

pub use conversation::{Hearer, Pulse, Speaker, connect};
pub use introduction::Introduction;
pub use reception::{Arrived, Reception};
