//! What a process of a program is told before anything else.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use millstream_model::error::Result;
use millstream_network::{Security, Tls, TlsFiles, Token};
use serde::{Deserialize, Serialize};

use super::ExecutorId;
use crate::log::Log;

/// The variable in the environment of a process that a cluster started: `master` or `executor`.
pub const ROLE: &str = "MILLSTREAM_ROLE";

/// The variable in the environment of a process of a job that was rescaled: how many subtasks its operators have, whatever
/// the program says.
pub const RESCALED: &str = "MILLSTREAM_RESCALED";

/// The exit code of such a process that ends because those that it belongs to are gone.
pub const DESERTED: i32 = 70;

/// Who a process is, and whom it reports to: one line of JSON on its standard input.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The cluster's name for the job: letters, digits, dashes.
    pub job: String,
    /// Which master of this job it belongs to, from 1: one with a lower number has nothing to say any more.
    pub term: u64,
    /// The secret that the processes of this job know each other by.
    pub token: String,
    /// Where the certificates are that it shows and asks for, if connections are encrypted.
    pub tls: Option<TlsFiles>,
    /// The address to listen at; the ports are free ones.
    pub listen: IpAddr,
    /// How it writes its log, where the program sets up none.
    #[serde(default)]
    pub log: Log,
    /// Where it keeps copies of state, shared with the processes of this job on the machine and removed by whoever started it.
    #[serde(default)]
    pub local: Option<PathBuf>,
    /// What it is to be.
    pub role: Role,
}

/// What a process is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The master of the job.
    Master {
        /// Where the job manager listens for it.
        manager: SocketAddr,
    },
    /// An executor.
    Executor {
        /// Its number in the cluster, never used twice.
        executor: ExecutorId,
        /// How many slots it has.
        slots: u32,
        /// Where the master listens for it.
        master: SocketAddr,
    },
}

impl Charge {
    /// What the process shows to others of its job, and asks of them.
    ///
    /// # Errors
    /// If the token is none, or the certificates cannot be used.
    pub fn security(&self) -> Result<Security> {
        let tls = self.tls.clone().map(Tls::new).transpose()?.map(Arc::new);
        // Whether to listen beyond this machine was decided by whoever gave the address: job manager or worker.
        Ok(Security { token: Token::new(&self.token)?, tls, insecure: true })
    }
}

impl fmt::Debug for Charge {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, term, token: _, tls, listen, log, local, role } = self;
        f.debug_struct("Charge")
            .field("job", job)
            .field("term", term)
            .field("tls", tls)
            .field("listen", listen)
            .field("log", log)
            .field("local", local)
            .field("role", role)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_one_line_and_its_secret_is_not_shown() {
        let role = Role::Executor { executor: ExecutorId(7), slots: 2, master: ([127, 0, 0, 1], 9).into() };
        let charge = Charge {
            job: "j-1".into(),
            term: 3,
            token: "whisper".into(),
            tls: None,
            listen: [127, 0, 0, 1].into(),
            log: Log::default(),
            local: Some("state".into()),
            role,
        };
        let line = serde_json::to_string(&charge).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Charge>(&line).unwrap(), charge);
        assert!(!format!("{charge:?}").contains("whisper"));
    }
}
