//! What is said over a connection, in either protocol: requests out of bytes, answers into bytes.

use crate::flume::settings::ListenProtocol;
use crate::flume::wire::avro::{self, Asked, Listening, shown};
use crate::flume::wire::cursor::Read;
use crate::flume::wire::handshake::Greeting;
use crate::flume::wire::netty::{Frames, begin_frame, end_frame};
use crate::flume::wire::packed::Packed;
use crate::flume::wire::thrift;
use crate::flume::wire::thrift_events::{self, Called};

/// One side of a conversation.
pub(super) enum Dialogue {
    Avro { frames: Frames, listening: Listening },
    Thrift,
}

/// A request that is to be answered.
pub(super) enum Request {
    Avro { serial: i32, greeting: Option<Greeting>, asked: Asked },
    Thrift(Called),
}

impl Dialogue {
    pub(super) fn new(protocol: ListenProtocol) -> Self {
        match protocol {
            ListenProtocol::Avro => Self::Avro { frames: Frames::default(), listening: Listening::default() },
            ListenProtocol::Thrift => Self::Thrift,
        }
    }

    /// How long the request at the front is, once it is whole.
    pub(super) fn whole(&mut self, bytes: &[u8], max: usize) -> Read<Option<usize>> {
        match self {
            Self::Avro { frames, .. } => frames.whole(bytes, max),
            Self::Thrift => thrift::whole(bytes, max),
        }
    }

    /// Reads a whole request; adds its events to those packed.
    pub(super) fn hear(&mut self, request: &mut [u8], into: &mut Packed) -> Read<Request> {
        match self {
            Self::Avro { frames, listening } => {
                let (serial, message) = frames.open(request);
                let (greeting, asked) = listening.hear(message, into)?;
                Ok(Request::Avro { serial, greeting, asked })
            }
            Self::Thrift => {
                thrift_events::hear(request.get(4..).unwrap_or_default(), into).map(Request::Thrift)
            }
        }
    }
}

impl Request {
    /// What is wrong with it, if it asks for something that is not to be had.
    pub(super) fn wrong(&self) -> Option<String> {
        match self {
            Self::Avro { asked, .. } => shown(asked).map(|what| what.into_owned()),
            Self::Thrift(called) => called.wrong().map(str::to_owned),
        }
    }

    /// Writes the answer.
    pub(super) fn answer(&self, taken: bool, out: &mut Vec<u8>) {
        match self {
            Self::Avro { serial, greeting, asked } => {
                let begin = begin_frame(out, *serial);
                avro::answer(greeting.as_ref(), asked, taken, out);
                end_frame(out, begin);
            }
            Self::Thrift(called) => thrift_events::answer(called, taken, out),
        }
    }
}

/// What a connection's first bytes say it is, where they are none of the protocol that is expected.
pub(super) fn looks_like(bytes: &[u8], protocol: ListenProtocol, deflate: bool) -> &'static str {
    match bytes {
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] if !deflate && protocol == ListenProtocol::Avro => {
            "; it looks compressed: set `compression` to deflate"
        }
        [_, _, _, _, 0x82 | 0x80, ..] if protocol == ListenProtocol::Avro => {
            "; it looks like Thrift: set `protocol` to thrift"
        }
        [0, 0, 0, 1, 0, 0, ..] if protocol == ListenProtocol::Thrift => {
            "; it looks like Avro: set `protocol` to avro"
        }
        [b'A'..=b'Z', b'A'..=b'Z', b'A'..=b'Z', ..] => "; it looks like HTTP",
        [0x16, 3, ..] => "; it looks like TLS, which is not spoken here",
        _ => "",
    }
}
