//! The tests of files in S3 and HDFS, against servers that are fetched and started for them.
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
    let servers =
        [services::start("s3", services::Life::Tied)?, services::start("hdfs", services::Life::Tied)?];
    let facts = servers.iter().flat_map(|server| &server.facts);
    let facts: Vec<(&str, &str)> = facts.map(|(name, value)| (&**name, &**value)).collect();
    project.cargo(&["test", "-p", PACKAGE, "--no-fail-fast"], &facts)
}
