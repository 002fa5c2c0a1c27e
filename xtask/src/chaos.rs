//! Jobs on a cluster under faults, with an object store of their own.
//!
//! Answers for the store's program being there, and for an interpreter that has the package. Not for the faults (`tests/chaos`), which start the store where they can
//! strike it. Holds: a store that cannot be had fails the suite.

use anyhow::Result;

use crate::project::Project;
use crate::python;
use crate::services;

/// The package with the test, which nothing but this stage runs.
pub(crate) const PACKAGE: &str = "millstream-chaos";

/// Runs it. `MILLSTREAM_FAULTS` and `MILLSTREAM_SEED` are the test's own.
pub(crate) fn run(project: &Project) -> Result<()> {
    let server = services::start("s3", services::Life::Tied)?;
    let python = python::interpreter(project)?.display().to_string();
    let mut facts: Vec<(&str, &str)> = server.facts.iter().map(|(name, value)| (&**name, &**value)).collect();
    facts.push(("MILLSTREAM_CHAOS_PYTHON", &python));
    project.cargo(&["test", "-p", PACKAGE, "--", "--nocapture"], &facts)
}
