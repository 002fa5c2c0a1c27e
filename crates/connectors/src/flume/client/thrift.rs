//! Calls over Thrift.

use std::net::TcpStream;

use super::wire::Wire;
use super::{CallError, Wait};
use crate::flume::wire::packed::Packed;
use crate::flume::wire::thrift::{self, Encoding};
use crate::flume::wire::thrift_events::{answered, call};

/// The largest answer of a source.
const MAX: usize = 1 << 20;

/// A connection to an agent's source.
pub(in crate::flume) struct ThriftClient {
    wire: Wire,
    encoding: Encoding,
    number: i32,
    out: Vec<u8>,
}

impl ThriftClient {
    pub(in crate::flume) fn new(stream: TcpStream, encoding: Encoding) -> Self {
        Self { wire: Wire::new(stream, false), encoding, number: 0, out: Vec::new() }
    }

    /// Sends events; whether they were taken.
    pub(in crate::flume) fn append(&mut self, events: &Packed, wait: Wait<'_>) -> Result<bool, CallError> {
        self.number = self.number.wrapping_add(1).max(1);
        self.out.clear();
        call(self.encoding, self.number, events, &mut self.out)?;
        self.wire.send(&self.out, wait)?;
        let frame = self.wire.receive(|bytes| thrift::whole(bytes, MAX), wait)?;
        Ok(answered(frame.get(4..).unwrap_or_default(), self.number)?)
    }
}
