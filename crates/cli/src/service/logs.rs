//! The log of a job manager or worker: to standard error, as text or as JSON lines.

use clap::{Args, ValueEnum};

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
    /// From now on. A log that there is already, in a test or a larger program, stays.
    pub(crate) fn begin(self) {
        let level = match self.log {
            Level::Error => tracing::Level::ERROR,
            Level::Warn => tracing::Level::WARN,
            Level::Info => tracing::Level::INFO,
            Level::Debug => tracing::Level::DEBUG,
        };
        let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr);
        let _stays = match self.log_format {
            Format::Text => log.with_ansi(false).with_target(false).try_init(),
            Format::Json => log.json().flatten_event(true).try_init(),
        };
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
