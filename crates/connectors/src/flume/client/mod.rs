//! Connections that this job opens to agents: to send them events, and to pull events out of them.
//!
//! Answers for a call and its answer within a time, in either protocol. Not for which agent, nor for trying again.
//! Holds: whoever waits for an agent is asked every tenth of a second whether it is over.

mod avro;
mod thrift;
mod wire;

use std::fmt;
use std::io;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::shown_duration;

pub(super) use self::avro::AvroClient;
pub(super) use self::thrift::ThriftClient;
pub(super) use self::wire::dial;
use super::wire::avro::Unanswered;
use super::wire::cursor::Malformed;

/// How long to wait for an agent.
#[derive(Clone, Copy)]
pub(super) struct Wait<'a> {
    pub(super) timeout: Duration,
    pub(super) is_over: &'a dyn Fn() -> bool,
}

/// Why a call has no result.
#[derive(Debug)]
pub(super) enum CallError {
    Io(io::Error),
    Silent(Duration),
    Unanswered(Unanswered),
    /// The job is being stopped.
    Over,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("it closed the connection instead of answering")
            }
            Self::Io(error) => write!(f, "{error}"),
            Self::Silent(time) => write!(f, "it did not answer for {}", shown_duration(*time)),
            Self::Unanswered(unanswered) => write!(f, "{unanswered}"),
            Self::Over => f.write_str("the job is being stopped"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Unanswered> for CallError {
    fn from(unanswered: Unanswered) -> Self {
        Self::Unanswered(unanswered)
    }
}

impl From<Malformed> for CallError {
    fn from(malformed: Malformed) -> Self {
        Self::Unanswered(Unanswered::Malformed(malformed))
    }
}

/// Refuses what is no `host:port`.
pub(super) fn check_address(address: &str) -> Result<()> {
    let port = address.rsplit_once(':').map(|(host, port)| (!host.is_empty(), port.parse::<u16>()));
    match port {
        Some((true, Ok(_))) => Ok(()),
        _ => Err(Failure::user(format!("`{address}` is no address of a Flume agent"))
            .advice("give host and port, such as localhost:4141")),
    }
}
