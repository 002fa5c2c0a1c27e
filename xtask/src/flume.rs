//! The tests of the Flume connector, against agents that are fetched and started for them.
//!
//! Answers for an agent, and for what starts others, being in the tests' environment. Not for what is tested (`tests/flume`).
//! Holds: agents that cannot be had fail the suite.

use anyhow::Result;

use crate::project::Project;
use crate::services;

/// The package with the tests, which nothing but this stage runs.
pub(crate) const PACKAGE: &str = "millstream-flume-tests";

/// Runs the tests.
pub(crate) fn run(project: &Project) -> Result<()> {
    let agent = services::start("flume", services::Life::Tied)?;
    // What agents push goes on to Kafka in some of them.
    let broker = services::start("kafka", services::Life::Tied)?;
    let facts = agent.facts.iter().chain(&broker.facts);
    let facts: Vec<(&str, &str)> = facts.map(|(name, value)| (&**name, &**value)).collect();
    project.cargo(&["test", "-p", PACKAGE, "--no-fail-fast"], &facts)
}
