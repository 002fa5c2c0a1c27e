//! The settings of Flume's sources and sinks as data: names, types, defaults, meanings.
//!
//! Answers for what can be set and for refusing what cannot. Not for what follows from it.

mod choices;
mod list;
#[cfg(test)]
mod tests;

pub(super) use crate::chosen::Chosen;
pub use choices::{Acknowledge, Choose, Compression, ListenProtocol, LogLost, SendProtocol};
pub(super) use list::{
    ACKNOWLEDGE, AGENT_PAUSE, ANSWER_WITHIN, CHOOSE, COMPRESSION, CONNECTIONS, FRAME_MAX, IDLE_TIMEOUT,
    LISTEN_PROTOCOL, LISTEN_REQUEST_TIMEOUT, LOG, LOG_KEEP, LOG_LIMIT, LOG_LOST, LOG_SEGMENT, MEMORY,
    OUTAGE_TIMEOUT, PULL_BATCH, PULL_REQUEST_TIMEOUT, PULL_TIMEOUT, PUSH_TIMEOUT, REQUESTS, SEND_BATCH,
    SEND_PROTOCOL, SEND_REQUEST_TIMEOUT, START_TIMEOUT,
};
pub use list::{LISTEN_SETTINGS, PULL_SETTINGS, SINK_SETTINGS};
