//! The first words of a connection: who calls, what for, and whether it may come in.
//!
//! Answers for what is said. Not for how it is proved (`handshake`) nor for who judges it (the listener's host).
//! Holds: a refusal has a reason that reaches the other side, and says whether to ask again.

use millstream_model::error::{Failure, Retry};
use serde::{Deserialize, Serialize};

/// What a connection is for, and who makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Messages: a conversation, or the bytes of a program.
    Control(Introduction),
    /// Records, between two processes of a job.
    Data(Hello),
}

/// Who wants to converse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduction {
    /// What the caller is: `worker`, `master`, `executor`, ...
    pub role: String,
    /// Its name, for people and for whoever has to know it again.
    pub name: String,
    /// What it belongs to: a job's name, say; empty where there is no such thing.
    pub job: String,
    /// Which attempt at that: a lower one than the receiver's is over.
    pub term: u64,
}

/// Who wants to exchange records. The edges that the connection carries follow from job, attempt and graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The job.
    pub job: String,
    /// The attempt at the job; a later one has a greater number.
    pub attempt: u64,
    /// The number of the process among those of the attempt.
    pub process: u32,
    /// What program and graph, with its edges, amount to.
    pub fingerprint: String,
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Control(Introduction { role, name, .. }) => write!(f, "{role} {name}"),
            Self::Data(Hello { job, attempt, process, .. }) => {
                write!(f, "process {process} in attempt {attempt} at job {job}")
            }
        }
    }
}

/// What the one who listens says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Come in; the process that says so has this number, where processes have numbers.
    Welcome {
        /// The number of the listening process.
        process: u32,
    },
    /// Stay out.
    Refused(Refusal),
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The proof is not that of the token here.
    WrongToken,
    /// The port is there for something else: messages, or records.
    OtherPurpose,
    /// The job does not run here, not yet or not any more.
    UnknownJob,
    /// A later attempt runs here: who asks was given up.
    StaleAttempt {
        /// The attempt that runs here.
        current: u64,
    },
    /// This process has not yet begun the attempt.
    NotYet {
        /// The attempt that runs here.
        current: u64,
    },
    /// Another program, or another graph.
    OtherProgram {
        /// What runs here.
        here: String,
    },
    /// The process is connected already.
    Twice,
    /// The message cannot be understood.
    Malformed,
    /// For a reason in words.
    Because(String),
}

impl Refusal {
    /// Whether the same request may be granted a little later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::UnknownJob | Self::NotYet { .. })
    }

    /// The refusal as the error of who was refused.
    pub fn failure(&self, purpose: &Purpose) -> Failure {
        match (self, purpose) {
            (Self::WrongToken, _) => Failure::user("the token of this process is not that of the other one")
                .advice(
                    "give all processes of the cluster the same token: --token-file FILE, or none of them",
                ),
            (Self::OtherPurpose, _) => {
                Failure::user(format!("the other side has another use for its port than {purpose}"))
                    .advice("check the port")
            }
            (Self::Malformed, _) => {
                Failure::internal("the other process could not read what this one said of itself")
            }
            (Self::Because(why), _) => Failure::external(format!("refused: {why}")).retry(Retry::No),
            (refusal, Purpose::Data(hello)) => refusal.of_job(hello),
            (refusal, Purpose::Control(_)) => {
                Failure::external(format!("refused: {refusal:?}")).retry(Retry::No)
            }
        }
    }

    fn of_job(&self, hello: &Hello) -> Failure {
        let Hello { job, attempt, process, fingerprint } = hello;
        match self {
            Self::StaleAttempt { current } => Failure::external(format!(
                "attempt {attempt} at job `{job}` was given up: the other process is at attempt {current}"
            )),
            Self::NotYet { current } => Failure::external(format!(
                "the other process is at attempt {current} of job `{job}`, and not yet at {attempt}"
            )),
            Self::OtherProgram { here } => Failure::user(format!(
                "the other process runs another program or graph under job `{job}`: {here} there, {fingerprint} here"
            ))
            .advice("start every process of a job from the same binary with the same arguments"),
            Self::Twice => {
                Failure::internal(format!("process {process} is connected to the other one already"))
            }
            _ => Failure::external(format!("job `{job}` does not run on the other process")),
        }
    }
}
