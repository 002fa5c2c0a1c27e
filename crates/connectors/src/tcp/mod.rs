//! Lines from and to a TCP server.
//!
//! Answers for connecting, with a wait between attempts that doubles, and for cutting and writing lines. Not for
//! listening: Millstream is the client.
//! Holds: a socket cannot be asked again, so what was read before a kill and is in no checkpoint is lost.

mod reconnect;
mod sink;
mod source;
#[cfg(test)]
mod tests;

pub use reconnect::Reconnect;
pub use sink::TcpSink;
pub use source::{Peer, TcpLines};
