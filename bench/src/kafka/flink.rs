//! The same job on a real cluster of Apache Flink, which `cargo xtask bench-kafka` starts beside the broker.
//!
//! Answers for running `bench/flink/KafkaCount.java`, compiled into a jar, and for what it took. Not for the cluster.
//! Holds: the client's start is no part of the time, which is Flink's own account of the job, from running to finished; the
//! processors' time is that of the cluster's processes while the job ran.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use millstream::{Failure, Result};

use super::Took;
use crate::process;

/// A running cluster.
pub(super) struct Cluster {
    /// Where it answers requests.
    master: String,
    /// The folder of its settings, which stands in the command of each of its processes.
    settings: String,
    home: String,
    /// The job and the connector, separated by a comma.
    jars: String,
}

impl Cluster {
    /// The cluster that the environment speaks of, if it does.
    pub(super) fn started() -> Option<Self> {
        let fact = |name: &str| std::env::var(format!("MILLSTREAM_FLINK_{name}")).ok();
        Some(Self {
            master: fact("MASTER")?,
            settings: fact("CONF")?,
            home: fact("HOME")?,
            jars: fact("JARS")?,
        })
    }

    /// Runs the job from topic to topic.
    pub(super) fn run(&self, servers: &str, from: &str, to: &str) -> Result<Took> {
        let before = self.processor_seconds();
        let (job, connector) =
            self.jars.split_once(',').ok_or_else(|| Failure::user("MILLSTREAM_FLINK_JARS names two jars"))?;
        let mut client = Command::new(format!("{}/bin/flink", self.home));
        client.args(["run", "-m", &self.master, "-Drestart-strategy.type=none", "-C"]);
        client.arg(format!("file://{connector}")).args(["-c", "KafkaCount", job, servers, from, to]);
        client.env("FLINK_CONF_DIR", &self.settings);
        let failed = |what: &str| Failure::external(format!("the client of Flink {what}"));
        let ended = client.output().map_err(|error| failed("cannot be started").because(error))?;
        let said = String::from_utf8_lossy(&ended.stdout);
        if !ended.status.success() {
            let why = String::from_utf8_lossy(&ended.stderr);
            return Err(failed(&format!("ended with {}", ended.status)).because(format!("{said}{why}")));
        }
        let processors = self.processor_seconds() - before;
        let named = said.split("JobID ").nth(1).and_then(|rest| rest.get(..32));
        let id = named.ok_or_else(|| failed("did not name its job"))?;
        let told = self.ask(&format!("/jobs/{id}"))?;
        let state = |name: &str| {
            let behind = told.split("\"timestamps\":").nth(1)?.split(&format!("\"{name}\":")).nth(1)?;
            let digits = behind.find(|letter: char| !letter.is_ascii_digit())?;
            behind.get(..digits)?.parse::<f64>().ok().filter(|time| *time > 0.0)
        };
        let (Some(begun), Some(over)) = (state("RUNNING"), state("FINISHED")) else {
            return Err(Failure::external(format!("Flink does not say that job {id} has finished"))
                .because(told.clone()));
        };
        Ok(Took { clock: (over - begun) / 1e3, processors: processors.max(0.01) })
    }

    fn ask(&self, path: &str) -> Result<String> {
        let failed = |error: std::io::Error| Failure::external("Flink does not answer").because(error);
        let mut stream = TcpStream::connect(&self.master).map_err(failed)?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: flink\r\n\r\n").map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        Ok(answer)
    }

    /// Of all processes with the cluster's settings in their command: job manager and task manager.
    fn processor_seconds(&self) -> f64 {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let own = processes.filter_map(|process| {
            let command = std::fs::read_to_string(process.path().join("cmdline")).ok()?;
            let is_part = command.contains(&self.settings) && command.contains("java");
            is_part.then(|| process::processor_seconds_of(&process.file_name().to_string_lossy()))?
        });
        own.sum()
    }
}
