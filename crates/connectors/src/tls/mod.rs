//! TLS of TCP and HTTP connections.
//!
//! Answers for the settings of TLS, for reading certificates and keys, and for a connection that is plain or encrypted. Not
//! for what is said over it.
//! Holds: a server is believed only with a certificate for its name, from somebody who is trusted; a key is in no message.

mod advice;
mod config;
mod list;
mod stream;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use advice::advice;
pub(crate) use config::{ClientTls, ServerTls};
pub(crate) use list::{CLIENT, CLIENT_OF_HTTPS, SERVER};
pub(crate) use stream::{Stream, is_waiting};
