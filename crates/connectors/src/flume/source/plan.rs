//! What follows from the settings of a source, checked.

use std::path::PathBuf;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::settings::{ByteSize, shown_duration};

use crate::flume::listen::ListenLimits;
use crate::flume::log::LogLimits;
use crate::flume::pull::PullSettings;
use crate::flume::settings::{self, Acknowledge, Chosen, Compression, ListenProtocol, LogLost};

/// A source as its readers need it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) way: Way,
    pub(super) log: Option<LogPlan>,
    /// Whether agents are told at once.
    pub(super) at_once: bool,
    pub(super) memory: usize,
    pub(super) answer_within: Duration,
    pub(super) start_timeout: Duration,
    pub(super) agent_timeout: Duration,
}

#[derive(Debug)]
pub(super) enum Way {
    Listen(ListenLimits),
    Pull(PullSettings),
}

#[derive(Debug)]
pub(super) struct LogPlan {
    folder: PathBuf,
    pub(super) limits: LogLimits,
    pub(super) keep: usize,
    pub(super) on_lost: LogLost,
}

impl LogPlan {
    /// The folder of an address: `0.0.0.0_4141`.
    pub(super) fn folder_of(&self, address: &str) -> PathBuf {
        let name = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        self.folder.join(address.chars().map(name).collect::<String>())
    }
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

impl Plan {
    pub(super) fn new(is_pull: bool, chosen: &Chosen) -> Result<Self> {
        chosen.check()?;
        let frame_max = bytes(chosen.get(&settings::FRAME_MAX)?);
        let way = if is_pull {
            Way::Pull(PullSettings {
                batch: chosen.get(&settings::PULL_BATCH)?,
                requests: chosen.get(&settings::REQUESTS)?,
                frame_max,
                request_timeout: chosen.get(&settings::PULL_REQUEST_TIMEOUT)?,
                start_timeout: chosen.get(&settings::START_TIMEOUT)?,
                outage_timeout: chosen.get(&settings::OUTAGE_TIMEOUT)?,
            })
        } else {
            Way::Listen(ListenLimits {
                protocol: chosen.get(&settings::LISTEN_PROTOCOL)?,
                deflate: chosen.get(&settings::COMPRESSION)? == Compression::Deflate,
                connections: chosen.get(&settings::CONNECTIONS)?,
                frame_max,
                request_timeout: chosen.get(&settings::LISTEN_REQUEST_TIMEOUT)?,
                idle_timeout: chosen.get(&settings::IDLE_TIMEOUT)?,
            })
        };
        let agent_timeout =
            chosen.get(if is_pull { &settings::PULL_TIMEOUT } else { &settings::PUSH_TIMEOUT })?;
        let log = match chosen.given(&settings::LOG)? {
            None => None,
            Some(folder) => Some(LogPlan {
                folder,
                limits: LogLimits {
                    segment: chosen.get(&settings::LOG_SEGMENT)?.0,
                    limit: chosen.get(&settings::LOG_LIMIT)?.0,
                },
                keep: chosen.get(&settings::LOG_KEEP)?,
                on_lost: chosen.get(&settings::LOG_LOST)?,
            }),
        };
        let own = Self {
            way,
            log,
            at_once: chosen.get(&settings::ACKNOWLEDGE)? == Acknowledge::Received,
            memory: bytes(chosen.get(&settings::MEMORY)?),
            answer_within: chosen.get(&settings::ANSWER_WITHIN)?,
            start_timeout: chosen.get(&settings::START_TIMEOUT)?,
            agent_timeout,
        };
        own.check(frame_max)?;
        Ok(own)
    }

    /// Refuses settings that contradict each other.
    fn check(&self, frame_max: usize) -> Result<()> {
        if frame_max.saturating_mul(4) > self.memory {
            return Err(Failure::user(
                "the setting `memory` is less than four times `frame-max`: one request might not fit",
            )
            .advice("raise `memory`, or lower `frame-max`"));
        }
        if self.at_once && self.log.is_some() {
            return Err(Failure::user(
                "a log is of no use where agents are told at once that their events are taken",
            )
            .advice("leave out the setting `log`, or `acknowledge`=`received`"));
        }
        if self.answer_within >= self.agent_timeout {
            return Err(Failure::user(format!(
                "answer-within is {}, but agents wait no longer than {} (agent-timeout)",
                shown_duration(self.answer_within),
                shown_duration(self.agent_timeout)
            ))
            .advice("lower answer-within: what waits longer is sent twice"));
        }
        if let Way::Listen(ListenLimits { protocol: ListenProtocol::Thrift, deflate: true, .. }) = self.way {
            return Err(Failure::user("Flume's Thrift connections are never compressed")
                .advice("leave out the setting `compression`, or set `protocol` to avro"));
        }
        if let Some(log) = &self.log
            && log.limits.limit < 2 * log.limits.segment
        {
            return Err(Failure::user("the setting `log-limit` is less than two files of `log-segment`")
                .advice("files are let go of as wholes: raise `log-limit`, or lower `log-segment`"));
        }
        Ok(())
    }

    /// Refuses checkpoints that come too rarely for what agents are told.
    pub(super) fn check_checkpoints(&self, interval: Option<Duration>) -> Result<()> {
        if self.at_once {
            return Ok(());
        }
        let Some(interval) = interval else {
            return Err(Failure::user(
                "a Flume source acknowledges what checkpoints or its log have, and this job takes no checkpoints",
            )
            .advice("enable checkpoints, or set acknowledge to received, with which a kill loses events"));
        };
        if self.log.is_some() {
            return Ok(());
        }
        let (every, timeout) = (shown_duration(interval), shown_duration(self.agent_timeout));
        if interval >= self.agent_timeout {
            return Err(Failure::user(format!(
                "checkpoints are taken every {every}, but agents send what is not acknowledged again after {timeout}"
            ))
            .advice("name a folder by the setting `log`, take checkpoints more often, or, where the agents' own")
            .advice("timeout is longer, say so by agent-timeout"));
        }
        if interval * 2 > self.agent_timeout {
            tracing::warn!(
                "checkpoints every {every} leave little of the {timeout} after which Flume agents send again; the setting \
                 `log` names a folder with which they need not wait"
            );
        }
        Ok(())
    }
}
