//! What the dispatcher is told, and what it has done about it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use millstream_model::error::Failure;
use millstream_runtime::control::{Ask, ExecutorId, ToManager, ToMaster};
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// When something happened: both clocks in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// From some start on, never back: what waits are measured by.
    pub steady: u64,
    /// Since 1970, for people.
    pub wall: i64,
}

/// The number of a job in its job manager's folder, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(pub u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job-{}", self.0)
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for JobId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for JobId {
    type Err = String;

    /// Only what [`JobId`]'s `Display` writes: a job has one name.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_prefix("job-").and_then(|digits| digits.parse().ok()).map(JobId);
        match number {
            Some(id) if id.to_string() == text => Ok(id),
            _ => Err(format!("`{text}` is no name of a job (expected job-1, job-2, ...)")),
        }
    }
}

/// The number of a worker's connection: a worker that comes back is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub u64);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker-{}", self.0)
    }
}

/// Who waits for an answer: each gets exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId(pub u64);

/// What a program is, and so how it is started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A binary, which is started by itself.
    #[default]
    Binary,
    /// The plan of a Python program, which an interpreter is started with.
    PythonPlan,
    /// What interpreters of executors are started with, of a Python program that runs where it was submitted: that process
    /// is the job's master, and the job ends with it.
    PythonDriver,
}

impl Kind {
    /// Whether the job's master is the process that submitted it.
    #[must_use]
    pub fn is_driven(self) -> bool {
        self == Self::PythonDriver
    }
}

/// A program and how it is to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The SHA-256 of its binary or plan, in hexadecimal.
    pub program: String,
    /// Which of them it is.
    #[serde(default)]
    pub kind: Kind,
    /// The SHA-256 of each file that has to be beside it.
    #[serde(default)]
    pub files: Vec<String>,
    /// How its file is called.
    pub file_name: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Variables beside those that the job manager's and the workers' own environments have.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// What of a job outlives the job manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Its name.
    pub id: JobId,
    /// The program.
    pub submission: Submission,
    /// When it was submitted, in milliseconds since 1970.
    pub submitted: i64,
    /// The number of its last master, from 1.
    pub term: u64,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
    /// The name that the program gave it, if it has said so.
    #[serde(default)]
    pub name: Option<String>,
    /// What every later master of it is given beside the submission's variables.
    #[serde(default)]
    pub parallelism: Option<u32>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// By itself, with this code.
    pub code: Option<i32>,
    /// By this signal.
    pub signal: Option<i32>,
    /// The last lines that it wrote to standard error.
    pub last_words: Vec<String>,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "it ended with exit code {code}")?,
            (None, Some(signal)) => write!(f, "it was ended by signal {signal}{}", signal_name(signal))?,
            (None, None) => f.write_str("it ended in a way that is not known")?,
        }
        if !self.last_words.is_empty() {
            f.write_str("; its last words:")?;
        }
        for line in &self.last_words {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

fn signal_name(signal: i32) -> &'static str {
    match signal {
        2 => " (SIGINT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        9 => " (SIGKILL: by hand, or for want of memory)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// What can be asked of a job from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// What its master is asked.
    Master(Ask),
    /// To go on with another parallelism: it stops with a savepoint and is started again from it.
    Rescale {
        /// The subtasks of each operator that says nothing else.
        parallelism: u32,
    },
}

/// What the dispatcher is told.
#[derive(Debug)]
pub enum Event {
    /// A worker has made itself known.
    WorkerJoined {
        /// A new number.
        worker: WorkerId,
        /// For people: `worker-2 at 10.0.0.7`.
        name: String,
        /// How many slots it has.
        slots: u32,
        /// Processes that still run there, of a time before, and their slots.
        running: Vec<(ExecutorId, u32)>,
    },
    /// A worker's connection is gone.
    WorkerLost {
        /// Which.
        worker: WorkerId,
        /// What is known about why.
        why: String,
    },
    /// A worker has seen the end of an executor, or could not start it.
    ExecutorExited {
        /// Where.
        worker: WorkerId,
        /// Which.
        executor: ExecutorId,
        /// How.
        why: String,
    },
    /// Somebody wants a program run; the reply is the job's name.
    Submit {
        /// Who.
        reply: ReplyId,
        /// What.
        submission: Submission,
        /// A new secret.
        token: String,
    },
    /// A job that was there before this job manager.
    Restore {
        /// The job.
        record: JobRecord,
        /// A new secret.
        token: String,
    },
    /// Something is asked of a job.
    Wished {
        /// By whom.
        reply: ReplyId,
        /// Of which job.
        job: JobId,
        /// What.
        wish: Wish,
    },
    /// A master says something.
    MasterSaid {
        /// Of which job.
        job: JobId,
        /// Which master.
        term: u64,
        /// What.
        said: ToManager,
    },
    /// A master's connection is gone.
    MasterLost {
        /// Of which job.
        job: JobId,
        /// Which master.
        term: u64,
        /// What is known about why.
        why: String,
    },
    /// A master's process has ended.
    MasterExited {
        /// Of which job.
        job: JobId,
        /// Which master.
        term: u64,
        /// How.
        exit: Exit,
    },
    /// A master's process could not be started.
    MasterNotStarted {
        /// Of which job.
        job: JobId,
        /// Which master.
        term: u64,
        /// Why.
        failure: Failure,
    },
    /// Time passes.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Start a process as the job's master.
    StartMaster(Start),
    /// Let in whoever submitted the job as its master.
    ExpectMaster(Start),
    /// End the process; its exit is told as for any other.
    EndMaster {
        /// Of which job.
        job: JobId,
        /// Which master.
        term: u64,
    },
    /// Tell a master something.
    TellMaster {
        /// Of which job.
        job: JobId,
        /// Which master.
        term: u64,
        /// What.
        what: ToMaster,
    },
    /// Have a worker start an executor.
    StartExecutor {
        /// Where.
        worker: WorkerId,
        /// Its number.
        executor: ExecutorId,
        /// How many slots it has.
        slots: u32,
        /// Where its master listens.
        master: SocketAddr,
        /// The program.
        start: Start,
    },
    /// Have a worker end an executor; its exit is told as for any other.
    EndExecutor {
        /// Where.
        worker: WorkerId,
        /// Which.
        executor: ExecutorId,
    },
    /// Answer whoever waits.
    Reply(ReplyId, Result<String, Failure>),
    /// Write down what is known of a job.
    Keep(JobRecord),
    /// A job is too long ago to be listed: what is kept of it can go.
    Forget(JobId),
}

/// A process to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Of which job.
    pub job: JobId,
    /// Which master it is, or belongs to.
    pub term: u64,
    /// The secret of the job's processes.
    pub token: String,
    /// The program, with the variables that it needs now.
    pub submission: Submission,
}
