//! The rules of the house, each a check.
//!
//! Answers for running the checks asked for and for printing what they find. The rules themselves are in the modules.
//! Holds: each check runs whatever became of the one before; a check that could not be made counts as failed.

mod commands;
mod dependencies;
mod duplicates;
mod layering;
mod length;
mod licences;
mod naming;
#[cfg(test)]
mod sample;

use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use crate::finding::Finding;
use crate::project::Project;
use crate::summary::Outcome;

/// A rule of the house. The order is that of running: what takes no compiler first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    /// Who may depend on whom.
    Layering,
    /// No file with more lines than a person reads in one go.
    Length,
    /// No drawers: no folder or file named as one.
    Naming,
    /// Only permissive licences in what is used.
    Licences,
    /// One version of each dependency, or a reason for two.
    Duplicates,
    /// Formatted by rustfmt.
    Fmt,
    /// No warning from clippy.
    Clippy,
    /// No warning from rustdoc.
    Docs,
}

impl Check {
    fn name(self) -> String {
        self.to_possible_value().map_or_else(|| format!("{self:?}"), |value| value.get_name().to_owned())
    }

    fn findings(self, project: &Project) -> Result<Vec<Finding>> {
        match self {
            Check::Layering => layering::check(project),
            Check::Length => length::check(project),
            Check::Naming => naming::check(project),
            Check::Licences => licences::check(project),
            Check::Duplicates => duplicates::check(project),
            Check::Fmt => Ok(commands::fmt(project)),
            Check::Clippy => Ok(commands::clippy(project)),
            Check::Docs => Ok(commands::docs(project)),
        }
    }

    fn timed(self, project: &Project) -> Outcome {
        eprintln!("check: {}", self.name());
        let start = Instant::now();
        let faults = match self.findings(project) {
            Ok(findings) => {
                findings.iter().for_each(|finding| eprintln!("{finding}"));
                findings.len()
            }
            Err(error) => {
                eprintln!("check: {} could not be made: {error:#}", self.name());
                1
            }
        };
        Outcome { name: self.name(), faults, took: start.elapsed() }
    }
}

/// Runs the checks in `only`, or all of them if it is empty, in the order of [`Check`].
pub(crate) fn run(project: &Project, only: &[Check]) -> Vec<Outcome> {
    let chosen = Check::value_variants().iter().filter(|check| only.is_empty() || only.contains(check));
    chosen.map(|check| check.timed(project)).collect()
}
