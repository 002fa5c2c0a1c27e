//! The tests of the Kafka connector, against a broker that is fetched and started for them.
//!
//! Answers for the broker's address being in the tests' environment. Not for what is tested (`tests/kafka`).
//! Holds: a broker that cannot be had fails the suite.

use anyhow::Result;

use crate::project::Project;
use crate::services;

/// The package with the tests, which nothing but this stage runs.
pub(crate) const PACKAGE: &str = "millstream-kafka-tests";

/// Runs the tests.
pub(crate) fn run(project: &Project) -> Result<()> {
    let broker = services::start("kafka", services::Life::Tied)?;
    let facts: Vec<(&str, &str)> = broker.facts.iter().map(|(name, value)| (&**name, &**value)).collect();
    project.cargo(&["test", "-p", PACKAGE, "--no-fail-fast"], &facts)?;
    // The benchmark's workloads, small: every contender finds what librdkafka by itself finds.
    let short = ["run", "-p", "millstream-bench", "--features", "kafka", "--", "--short", "--only", "kafka"];
    project.cargo(&short, &facts)
}
