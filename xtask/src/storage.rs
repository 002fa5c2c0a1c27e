//! The tests of files in S3 and HDFS, with Kafka beside them, and the measurement beside HDFS' own clients, against servers
//! that are fetched and started for them.
//!
//! Answers for the servers' addresses being in the tests' environment. Not for what is tested (`tests/storage`).
//! Holds: a server that cannot be had fails the suite.

use std::process::Command;

use anyhow::Result;

use crate::project::Project;
use crate::services;

/// The package with the tests, which nothing but this stage runs.
pub(crate) const PACKAGE: &str = "millstream-storage-tests";

/// Runs the tests.
pub(crate) fn run(project: &Project) -> Result<()> {
    let start = |name| services::start(name, services::Life::Tied);
    // What is in Kafka goes on to HDFS in one of them.
    let servers = [start("s3")?, start("hdfs")?, start("kafka")?];
    let facts = servers.iter().flat_map(|server| &server.facts);
    let facts: Vec<(&str, &str)> = facts.map(|(name, value)| (&**name, &**value)).collect();
    project.cargo(&["test", "-p", PACKAGE, "--no-fail-fast"], &facts)?;
    // The benchmark's workloads, small: every contender finds what the client by itself finds.
    let short = ["run", "-p", "millstream-bench", "--features", "hdfs", "--", "--short", "--only", "hdfs"];
    project.cargo(&short, &facts)
}

/// Measures the rows of files, with HDFS beside its client alone and Hadoop's own command.
pub(crate) fn bench(project: &Project, arguments: &[String]) -> Result<()> {
    let hdfs = services::start("hdfs", services::Life::Tied)?;
    let mut bench = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    bench.args(["run", "--release", "-p", "millstream-bench", "--features", "hdfs", "--"]);
    bench.args(["--only", "files,", "--only", "hdfs,"]).args(arguments).envs(&hdfs.facts);
    project.run(&mut bench)
}
