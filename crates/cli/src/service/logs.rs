//! The log of a job manager or worker: to standard error, as text or as JSON lines.

use clap::{Args, ValueEnum};
use millstream_cluster::log;

/// How it is written.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Log {
    /// How the log is written.
    #[arg(long, value_enum, default_value = "text")]
    log_format: Format,
    /// From which level on.
    #[arg(long, value_enum, default_value = "info")]
    log: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Log {
    /// From now on.
    pub(crate) fn begin(self) {
        log::Log::from(self).begin();
    }

    /// To be handed to a child.
    pub(crate) fn words(self) -> [&'static str; 4] {
        let format = match self.log_format {
            Format::Text => "text",
            Format::Json => "json",
        };
        let level = match self.log {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        };
        ["--log-format", format, "--log", level]
    }
}

impl From<Log> for log::Log {
    fn from(log: Log) -> Self {
        let level = match log.log {
            Level::Error => log::Level::Error,
            Level::Warn => log::Level::Warn,
            Level::Info => log::Level::Info,
            Level::Debug => log::Level::Debug,
        };
        let format = match log.log_format {
            Format::Text => log::Format::Text,
            Format::Json => log::Format::Json,
        };
        Self { level, format }
    }
}
