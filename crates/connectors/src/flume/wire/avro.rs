//! Calls over Avro: what a source is asked, and what it answers; what a sink asks, and what it is answered.
//!
//! Answers for messages, which stand in frames (`netty`). Not for the bytes of events (`packed`).

use std::borrow::Cow;
use std::fmt;

use super::cursor::{Cursor, Malformed, Read, put_avro_bytes, put_varint, put_zigzag};
use super::handshake::{self, Greeting, Protocol, SOURCE, SPARK, skip_map};
use super::packed::{Packed, block};

/// What a caller is to be answered, besides whether its events were taken.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::flume) enum Asked {
    /// Events: OK or FAILED.
    Events,
    /// Nothing but the handshake.
    Nothing,
    /// To call again, with the text of its protocol.
    Again,
    /// That what it asks for is not to be had.
    Wrong(String),
}

/// The listening side of a connection.
#[derive(Debug, Default)]
pub(in crate::flume) struct Listening {
    greeted: bool,
}

impl Listening {
    /// Reads a call, and adds its events to those packed. Gives what is to be answered, the greeting first.
    pub(in crate::flume) fn hear(
        &mut self,
        message: &[u8],
        into: &mut Packed,
    ) -> Read<(Option<Greeting>, Asked)> {
        let mut message = Cursor::new(message);
        let mut greeting = None;
        if !self.greeted {
            let found = handshake::greeted(&SOURCE, &mut message)?;
            let refused = match &found {
                Greeting::Known { .. } => None,
                Greeting::Unknown => Some(Asked::Again),
                Greeting::Other => Some(Asked::Wrong(format!("this is a source of {}", SOURCE.name))),
            };
            if let Some(refused) = refused {
                return Ok((Some(found), refused));
            }
            self.greeted = true;
            greeting = Some(found);
        }
        skip_map(&mut message)?;
        let asked = match message.avro_text()? {
            "appendBatch" => {
                let mut has_size = false;
                loop {
                    let count = block(&mut message, &mut has_size)?;
                    if count == 0 {
                        break;
                    }
                    for _ in 0..count {
                        into.take_avro(&mut message)?;
                    }
                }
                Asked::Events
            }
            "append" => {
                into.take_avro(&mut message)?;
                Asked::Events
            }
            "" => Asked::Nothing,
            other => return Ok((greeting, Asked::Wrong(format!("there is no message `{other}`")))),
        };
        message.end()?;
        Ok((greeting, asked))
    }
}

/// Writes an answer's message.
pub(in crate::flume) fn answer(greeting: Option<&Greeting>, asked: &Asked, taken: bool, out: &mut Vec<u8>) {
    if let Some(greeting) = greeting {
        handshake::answer(&SOURCE, greeting, out);
    }
    match asked {
        Asked::Nothing | Asked::Again => {}
        // No meta, no error, and the status: OK or FAILED.
        Asked::Events => out.extend_from_slice(&[0, 0, if taken { 0 } else { 2 }]),
        Asked::Wrong(what) => {
            out.extend_from_slice(&[0, 1, 0]);
            put_avro_bytes(out, what.as_bytes());
        }
    }
}

/// Why a call has no result.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::flume) enum Unanswered {
    /// The answer is none.
    Malformed(Malformed),
    /// The other side says so.
    Refused(String),
}

impl From<Malformed> for Unanswered {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "its answer is not Flume's: {malformed}"),
            Self::Refused(what) => write!(f, "it answered with an error: {what}"),
        }
    }
}

impl std::error::Error for Unanswered {}

/// The calling side of a connection.
pub(in crate::flume) struct Calling {
    protocol: &'static Protocol,
    greeted: bool,
}

impl Calling {
    pub(in crate::flume) fn source() -> Self {
        Self { protocol: &SOURCE, greeted: false }
    }

    pub(in crate::flume) fn spark() -> Self {
        Self { protocol: &SPARK, greeted: false }
    }

    /// Writes what stands before a call's arguments.
    pub(in crate::flume) fn begin(&self, name: &str, out: &mut Vec<u8>) {
        if !self.greeted {
            handshake::greet(self.protocol, out);
        }
        out.push(0);
        put_avro_bytes(out, name.as_bytes());
    }

    /// Reads what stands before a result.
    pub(in crate::flume) fn answered<'a>(&mut self, message: &'a [u8]) -> Result<Cursor<'a>, Unanswered> {
        let mut message = Cursor::new(message);
        if !self.greeted {
            if !handshake::answered(&mut message)? {
                return Err(Unanswered::Refused("it speaks another protocol".into()));
            }
            self.greeted = true;
        }
        skip_map(&mut message)?;
        if message.byte()? == 0 {
            return Ok(message);
        }
        // A union whose first branch is a text; no other is declared by these protocols.
        let what = match message.zigzag()? {
            0 => message.avro_text()?.to_owned(),
            branch => format!("error {branch}"),
        };
        Err(Unanswered::Refused(what))
    }
}

/// Writes the argument of `appendBatch`.
pub(in crate::flume) fn put_events(events: &Packed, out: &mut Vec<u8>) {
    if events.count > 0 {
        put_zigzag(out, events.count.into());
        out.extend_from_slice(&events.bytes);
    }
    out.push(0);
}

/// Reads a source's status: whether it is OK.
pub(in crate::flume) fn status(mut result: Cursor<'_>) -> Read<bool> {
    let status = result.zigzag()?;
    result.end()?;
    Ok(status == 0)
}

/// A batch that Spark's sink gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::flume) struct Pulled {
    /// Why there is none; empty where there is.
    pub(in crate::flume) error: String,
    pub(in crate::flume) sequence: String,
}

/// Reads the result of `getEventBatch`, the events into those packed.
pub(in crate::flume) fn pulled(mut result: Cursor<'_>, into: &mut Packed) -> Read<Pulled> {
    let error = result.avro_text()?.to_owned();
    let sequence = result.avro_text()?.to_owned();
    let mut has_size = false;
    loop {
        let count = block(&mut result, &mut has_size)?;
        if count == 0 {
            break;
        }
        for _ in 0..count {
            into.take_avro(&mut result)?;
        }
    }
    result.end()?;
    Ok(Pulled { error, sequence })
}

/// Writes the argument of `getEventBatch`.
pub(in crate::flume) fn put_wanted(count: u32, out: &mut Vec<u8>) {
    put_varint(out, u64::from(count) << 1);
}

/// A name of what is asked for, for messages.
pub(in crate::flume) fn shown(asked: &Asked) -> Option<Cow<'_, str>> {
    match asked {
        Asked::Wrong(what) => Some(Cow::Borrowed(what)),
        _ => None,
    }
}
