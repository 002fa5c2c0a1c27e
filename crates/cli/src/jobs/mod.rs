//! The commands that ask a job manager: what runs, what it printed, and how it is to end.

pub(crate) mod ask;
mod checkpoints;
mod follow;
mod show;
pub(crate) mod submit;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use millstream_cluster::client::Client;
use millstream_cluster::dispatcher::JobId;
use millstream_model::error::Result;

use crate::service::token;

/// Whom to ask.
#[derive(Args, Clone, Debug)]
pub(crate) struct Whom {
    /// The job manager: HOST:PORT of its REST interface.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    pub(crate) master: String,
    /// The file of the cluster's token.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

impl Whom {
    pub(crate) fn client(&self) -> Result<Client> {
        client(&self.master, self.token_file.as_ref())
    }
}

/// For the job manager at an address, with the token in a file.
///
/// # Errors
/// If this is no such address, or the token cannot be read.
pub fn client(master: &str, token_file: Option<&PathBuf>) -> Result<Client> {
    Client::new(master, token_file.map(|file| token::read(file)).transpose()?)
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
