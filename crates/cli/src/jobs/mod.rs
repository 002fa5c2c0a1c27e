//! The commands that ask a job manager: what runs, what it printed, and how it is to end.

pub(crate) mod ask;
mod checkpoints;
mod follow;
mod show;
pub(crate) mod submit;

use clap::{Args, ValueEnum};
use millstream_cluster::client::Client;
use millstream_cluster::dispatcher::JobId;
use millstream_model::error::Result;

use crate::access::Access;

/// Whom to ask.
#[derive(Args, Clone, Debug)]
pub(crate) struct Whom {
    /// The job manager: HOST:PORT of its REST interface.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    pub(crate) master: String,
    #[command(flatten)]
    pub(crate) access: Access,
}

impl Whom {
    pub(crate) fn client(&self) -> Result<Client> {
        self.access.client(&self.master)
    }
}

/// To standard output.
pub(crate) fn say(what: &str) {
    show::print(what);
}

/// How a list is shown.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// For people, or for programs.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Text,
    Json,
}

/// A job by its name.
#[derive(Args, Clone, Debug)]
pub(crate) struct OneJob {
    /// The job: job-1, as `millstream list` shows it.
    #[arg(value_name = "JOB", value_parser = |text: &str| text.parse::<JobId>())]
    pub(crate) job: JobId,
    #[command(flatten)]
    pub(crate) whom: Whom,
}
