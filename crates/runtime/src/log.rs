//! The log of a process that belongs to a cluster: to standard error, as text or as JSON lines.
//!
//! Answers for how it is written. Not for what is said in it, nor for a program that runs by itself: that one says where
//! its events go, or nobody hears them.
//! Holds: whoever set up a log before keeps it.

use serde::{Deserialize, Serialize};

/// How a log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// From which level on.
    pub level: Level,
    /// In which form.
    pub format: Format,
}

/// What a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One object: timestamp, level, message, fields, and under `spans` what it belongs to (job, operator, subtask).
    Json,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What ends something.
    Error,
    /// What went wrong and was mended.
    Warn,
    /// What happened.
    #[default]
    Info,
    /// How.
    Debug,
}

impl Log {
    /// From now on.
    pub fn begin(self) {
        let level = match self.level {
            Level::Error => tracing::Level::ERROR,
            Level::Warn => tracing::Level::WARN,
            Level::Info => tracing::Level::INFO,
            Level::Debug => tracing::Level::DEBUG,
        };
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
        let _stays = match self.format {
            Format::Text => log.with_ansi(false).with_target(false).try_init(),
            Format::Json => log.json().flatten_event(true).try_init(),
        };
    }
}
