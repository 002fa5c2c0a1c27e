//! Records from and to peers over TCP, plain or encrypted.
//!
//! Answers for connecting, with a wait between attempts that doubles; for listening to several clients; and for telling one
//! record from the next. Not for what records mean.
//! Holds: a socket cannot be asked again, so what was read before a kill and is in no checkpoint is lost.

mod framing;
mod listen;
mod peer;
mod reconnect;
pub mod settings;
mod sink;
mod source;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

pub use framing::Framing;
pub use listen::{Bound, TcpServer};
pub use peer::Peer;
pub use reconnect::Reconnect;
pub use sink::TcpSink;
pub use source::{TcpLines, TcpSource};
