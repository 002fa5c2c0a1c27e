//! Connections of a build without TLS: they are plain.
//!
//! Holds: who asks for more is refused when the sink is checked.

use std::net::TcpStream;

use millstream_model::error::Result;

use super::patience::Patience;
use super::wire::Shown;
use crate::kafka::settings::Credentials;

/// Nothing is needed to get in.
#[derive(Clone)]
pub(super) struct Door;

/// A connection to a broker.
pub(super) type Stream = TcpStream;

impl Door {
    pub(super) fn of(_: Credentials) -> Result<Self> {
        Ok(Self)
    }

    pub(super) fn through(&self, stream: TcpStream, _: &str, _: &Patience<'_>) -> Result<Stream> {
        Ok(stream)
    }

    pub(super) fn log_in(&self, _: impl FnMut(Shown<'_>) -> Result<Vec<u8>>) -> Result<()> {
        Ok(())
    }
}
