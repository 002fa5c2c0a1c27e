//! Calls over Avro.

use std::net::TcpStream;

use super::wire::Wire;
use super::{CallError, Wait};
use crate::flume::wire::avro::{Calling, Pulled, Unanswered, pulled, put_events, put_wanted, status};
use crate::flume::wire::cursor::{Cursor, put_avro_bytes};
use crate::flume::wire::netty::{Frames, begin_frame, end_frame};
use crate::flume::wire::packed::Packed;

/// A connection to an agent's source, or to Spark's sink in it.
pub(in crate::flume) struct AvroClient {
    wire: Wire,
    calling: Calling,
    serial: i32,
    max: usize,
    out: Vec<u8>,
}

impl AvroClient {
    /// To a source of type `avro`.
    pub(in crate::flume) fn to_source(stream: TcpStream, deflate: bool) -> Self {
        // Its answers are a few bytes, and the text of its protocol.
        Self {
            wire: Wire::new(stream, deflate),
            calling: Calling::source(),
            serial: 0,
            max: 1 << 20,
            out: Vec::new(),
        }
    }

    /// To Spark's sink, whose answers have `max` bytes at the most.
    pub(in crate::flume) fn to_spark(stream: TcpStream, max: usize) -> Self {
        Self { wire: Wire::new(stream, false), calling: Calling::spark(), serial: 0, max, out: Vec::new() }
    }

    /// Calls, and gives what the answer is read as.
    fn call<T>(
        &mut self,
        name: &str,
        arguments: impl FnOnce(&mut Vec<u8>),
        wait: Wait<'_>,
        read: impl FnOnce(Cursor<'_>) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.serial = self.serial.wrapping_add(1);
        self.out.clear();
        let begin = begin_frame(&mut self.out, self.serial);
        self.calling.begin(name, &mut self.out);
        arguments(&mut self.out);
        end_frame(&mut self.out, begin);
        self.wire.send(&self.out, wait)?;
        let mut frames = Frames::default();
        let mut frame = self.wire.receive(|bytes| frames.whole(bytes, self.max), wait)?;
        let (serial, message) = frames.open(&mut frame);
        if serial != self.serial {
            let what = format!("it answered call {serial} instead of {}", self.serial);
            return Err(Unanswered::Refused(what).into());
        }
        read(self.calling.answered(message)?)
    }

    /// Sends events; whether they were taken.
    pub(in crate::flume) fn append(&mut self, events: &Packed, wait: Wait<'_>) -> Result<bool, CallError> {
        self.call("appendBatch", |out| put_events(events, out), wait, |result| Ok(status(result)?))
    }

    /// Asks for up to `most` events.
    pub(in crate::flume) fn pull(
        &mut self,
        most: u32,
        into: &mut Packed,
        wait: Wait<'_>,
    ) -> Result<Pulled, CallError> {
        self.call("getEventBatch", |out| put_wanted(most, out), wait, |result| Ok(pulled(result, into)?))
    }

    /// Says that a batch is taken, or that it is not.
    pub(in crate::flume) fn settle(
        &mut self,
        sequence: &str,
        taken: bool,
        wait: Wait<'_>,
    ) -> Result<(), CallError> {
        let name = if taken { "ack" } else { "nack" };
        self.call(name, |out| put_avro_bytes(out, sequence.as_bytes()), wait, |_| Ok(()))
    }
}
