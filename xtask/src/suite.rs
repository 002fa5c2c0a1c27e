//! The entire test suite, in the order in which a fault is found soonest.
//!
//! Answers for the order and for nothing being left out. Not for services: a stage that needs one starts it itself.
//! Holds: every stage runs, even after one has failed, and a failed stage does not cut short the tests in it.

use std::time::Instant;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, TargetKind};

use crate::chaos;
use crate::check;
use crate::flume;
use crate::fuzz;
use crate::kafka;
use crate::project::Project;
use crate::python;
use crate::storage;
use crate::summary::Outcome;

/// A part of the suite.
struct Stage {
    name: &'static str,
    run: fn(&Project) -> Result<()>,
}

/// After the checks: what is cheap to build and quick to fail first.
const STAGES: [Stage; 12] = [
    Stage { name: "unit tests", run: unit_tests },
    Stage { name: "models", run: models },
    Stage { name: "integration tests", run: integration_tests },
    Stage { name: "doc tests", run: doc_tests },
    Stage { name: "benchmark", run: benchmark },
    Stage { name: "fuzzing", run: fuzz::briefly },
    Stage { name: "flume", run: flume::run },
    Stage { name: "kafka", run: kafka::run },
    Stage { name: "storage", run: storage::run },
    Stage { name: "python", run: python::run },
    Stage { name: "chaos", run: chaos::run },
    Stage { name: "clusters", run: python::run_on_clusters },
];

/// Runs the checks and then all stages; or the one stage that is named.
pub(crate) fn run(project: &Project, only: Option<&str>) -> Result<Vec<Outcome>> {
    let Some(only) = only else {
        let mut outcomes = check::run(project, &[]);
        outcomes.extend(STAGES.iter().map(|stage| stage.timed(project)));
        return Ok(outcomes);
    };
    let stage = STAGES.iter().find(|stage| stage.name == only).with_context(|| {
        format!("there is no stage {only:?}; there are {}", STAGES.map(|stage| stage.name).join(", "))
    })?;
    Ok(vec![stage.timed(project)])
}

impl Stage {
    fn timed(&self, project: &Project) -> Outcome {
        eprintln!("test: {}", self.name);
        let start = Instant::now();
        let result = (self.run)(project);
        if let Err(error) = &result {
            eprintln!("test: {} failed: {error:#}", self.name);
        }
        Outcome { name: self.name.to_owned(), faults: usize::from(result.is_err()), took: start.elapsed() }
    }
}

/// The tests beside the code, of libraries, programs and examples.
fn unit_tests(project: &Project) -> Result<()> {
    project.cargo(&["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--examples"], &[])
}

/// Channels and coordinator under the model checker, which takes the place of threads and locks. `MILLSTREAM_MODEL_FACTOR`
/// multiplies the number of schedules that are tried.
fn models(project: &Project) -> Result<()> {
    project.cargo(&["test", "-p", "millstream-runtime", "--features", "model", "--lib", "model_"], &[])
}

/// The tests that use a package from the outside.
fn integration_tests(project: &Project) -> Result<()> {
    // cargo refuses a pattern that matches no target.
    if !has_integration_tests(&project.metadata()?) {
        eprintln!("test: there are no integration tests yet");
        return Ok(());
    }
    let elsewhere = [chaos::PACKAGE, flume::PACKAGE, kafka::PACKAGE, storage::PACKAGE];
    let elsewhere: Vec<&str> = elsewhere.iter().flat_map(|package| ["--exclude", package]).collect();
    project.cargo(&[&["test", "--workspace", "--no-fail-fast", "--test", "*"][..], &elsewhere].concat(), &[])
}

/// All workloads of the benchmark on small inputs: every contender, a peer or Millstream, finds what the loop finds. Its
/// figures mean nothing, so that it need not be built for speed: it is built as the tests were.
fn benchmark(project: &Project) -> Result<()> {
    project.cargo(&["run", "-p", "millstream-bench", "--", "--short"], &[])
}

/// The examples in the documentation.
fn doc_tests(project: &Project) -> Result<()> {
    project.cargo(&["test", "--workspace", "--no-fail-fast", "--doc"], &[])
}

/// True if a member of the workspace has a test target of its own (a file below its `tests/`).
fn has_integration_tests(metadata: &Metadata) -> bool {
    let packages = metadata.workspace_packages();
    packages.iter().flat_map(|package| &package.targets).any(|target| target.is_kind(TargetKind::Test))
}
