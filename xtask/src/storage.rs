//! The tests of files in S3 and HDFS, with Kafka beside them, against servers that are fetched and started for them.
//!
//! Answers for the servers' addresses being in the tests' environment. Not for what is tested (`tests/storage`).
//! Holds: a server that cannot be had fails the suite.

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
    project.cargo(&["test", "-p", PACKAGE, "--no-fail-fast"], &facts)
}
