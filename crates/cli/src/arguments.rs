//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::jobs::{self, ask};
use crate::{exit, service};

/// Streams and batches on one engine: runs programs written for Millstream, Flink or Spark.
#[derive(Debug, Parser)]
#[command(name = "millstream", version, after_help = exit::HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a program: here, on a cluster of Millstream's, or on one of Flink or Spark.
    Run(Run),
    /// Direct a cluster: jobs, workers, and the REST interface.
    #[command(name = "jobmanager")]
    JobManager(service::JobManager),
    /// Lend this machine's slots to a cluster.
    Worker(service::Worker),
    /// A job manager and workers on this machine, until Ctrl-C.
    LocalCluster(service::LocalCluster),
    /// The jobs of a cluster, or its workers.
    List(ask::List),
    /// All about a job.
    Status(ask::Status),
    /// What a job's processes printed.
    Logs(ask::Logs),
    /// End a job at once.
    Cancel(jobs::OneJob),
    /// End a job in order.
    Stop(ask::Stop),
    /// Take a savepoint of a job, and print its name.
    Savepoint(jobs::OneJob),
    /// Have a job go on with another parallelism, from a savepoint.
    Rescale(ask::Rescale),
    /// The checkpoints of a job, or those in a folder with operators and states.
    Checkpoints(ask::Checkpoints),
    /// Make a file with a token for a cluster, which its owner alone may read.
    Token {
        /// The file, which is not there yet.
        file: PathBuf,
    },
    /// Make an authority and certificates for development.
    Certs(service::certs::Certs),
    /// Print the script that completes this command in a shell.
    Completion {
        /// The shell: `source <(millstream completion bash)`.
        shell: Shell,
    },
}

/// One program and where it runs.
#[derive(Args, Debug)]
#[command(after_help = exit::HELP)]
pub(crate) struct Run {
    /// Answer the imports of this package, so that a program written for it runs as it is.
    #[arg(long = "as", value_name = "PACKAGE", value_enum, conflicts_with = "engine")]
    pub(crate) answers: Option<Package>,
    /// Hand the program to a cluster of this system, through its own client.
    #[arg(long, value_enum, requires = "master")]
    pub(crate) engine: Option<Engine>,
    /// Where the cluster is: HOST:PORT of its REST interface (of Millstream, or of Flink with --engine), spark://HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) master: Option<String>,
    /// On a cluster of Millstream's: print the job's name and do not wait for its end.
    #[arg(long, requires = "master", conflicts_with = "engine")]
    pub(crate) detach: bool,
    /// The file of the token of a cluster of Millstream's.
    #[arg(long, value_name = "FILE", requires = "master", conflicts_with = "engine")]
    pub(crate) token_file: Option<PathBuf>,
    /// Ask a cluster of Millstream's with the certificates of this folder, as `millstream certs` makes it.
    #[arg(long, value_name = "FOLDER", requires = "master", conflicts_with = "engine")]
    pub(crate) tls: Option<PathBuf>,
    /// The Python to run with [default: MILLSTREAM_PYTHON, or else the one that this command belongs to, or python3].
    #[arg(long, value_name = "INTERPRETER")]
    pub(crate) python: Option<PathBuf>,
    /// The interpreter was chosen already: it is this one.
    #[arg(long, hide = true)]
    pub(crate) here: bool,
    /// The program and its own arguments: `job.py --input lines.txt`.
    #[arg(required = true, num_args = 1.., trailing_var_arg = true, value_names = ["PROGRAM", "ARGS"])]
    pub(crate) program: Vec<OsString>,
}

/// A package whose imports can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Package {
    Pyflink,
    Pyspark,
}

impl Package {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pyflink => "pyflink",
            Self::Pyspark => "pyspark",
        }
    }
}

/// A system that a program can be handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Flink,
    Spark,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flink => "flink",
            Self::Spark => "spark",
        }
    }
}
