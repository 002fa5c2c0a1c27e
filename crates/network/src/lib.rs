//! Bytes between the processes of a cluster.
//!
//! Answers for who may speak with whom: one introduction and one security for all connections, whether messages follow
//! (`conversation`, `reception`) or records (`millstream_runtime::network`). Answers for frames of messages and their
//! checksums, and for noticing that the other side is gone. Knows nothing of records.
//! Holds: whatever the other side sends, it costs this one no more than its limits say; a corrupt, foreign or silent peer
//! is an error and a closed connection, never a panic; nobody waits for a peer that is gone.

mod caller;
pub mod certs;
pub mod conversation;
pub mod frame;
pub mod handshake;
pub mod introduction;
pub mod listener;
mod near;
pub mod reception;
mod security;
pub mod socket;
mod tls;
pub mod token;

pub use caller::{Called, call, first_of};
pub use conversation::{Hearer, Pulse, Speaker, connect};
pub use introduction::{Answer, Hello, Introduction, Purpose, Refusal};
pub use listener::{Guest, Host, Listener, Strangers};
pub use reception::{Arrived, Reception};
pub use security::Security;
pub use tls::{Tls, TlsFiles};
pub use token::Token;
