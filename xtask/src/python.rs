//! The tests of the Python package: a wheel is built and put into an empty environment, and the tests import it there.
//!
//! Answers for the environments and for their being used again: the one with maturin stays; the one for the tests is new
//! each time, so that nothing but what the wheel asks for is in it. Not for what is tested (`tests/python`).
//! Holds: what cannot be run has failed; nothing is skipped because an interpreter or a registry is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;
use crate::services;

/// Builds the wheel. Kept as long as this is what is wanted.
const TOOLS: [&str; 1] = ["maturin>=1.9,<2"];
/// What the tests need besides the wheel and what it depends on.
const TEST_TOOLS: [&str; 1] = ["pytest>=8,<10"];
/// What tests ask about the types that a program sees, the kernel of a notebook with what talks to it, and a client of
/// Kafka and an Avro that are not those under test.
const ASKED: [&str; 5] = [
    "mypy>=1.11,<3",
    "ipykernel>=6.29,<8",
    "jupyter_client>=8,<9",
    "kafka-python>=2.2,<3",
    "fastavro>=1.9,<2",
];

/// Runs the tests, with a broker of Kafka beside them. `PYTHON` names another interpreter than `python3`.
pub(crate) fn run(project: &Project) -> Result<()> {
    let tests = interpreter(project)?;
    project.run(Command::new(&tests).args(["-m", "pip", "install", "--quiet"]).args(ASKED))?;
    // The command of the wheel and the one that cargo builds pass the same tests.
    project.cargo(&["build", "-p", "millstream-cli"], &[])?;
    let broker = services::start("kafka", services::Life::Tied)?;
    let mut pytest = Command::new(tests);
    pytest.envs(&broker.facts);
    let stores =
        [services::start("s3", services::Life::Tied)?, services::start("hdfs", services::Life::Tied)?];
    stores.iter().for_each(|store| {
        pytest.envs(&store.facts);
    });
    pytest.env("MILLSTREAM_BINARY", project.target().join("debug/millstream"));
    project.run(pytest.args(["-m", "pytest", "tests/python"]))
}

/// An interpreter that has the package.
pub(crate) fn interpreter(project: &Project) -> Result<PathBuf> {
    let wheel = build(project, Profile::Tested)?;
    environment(project, "environment", &wheel, None)
}

/// Runs the tests that hand programs to real clusters of Flink and Spark, which are fetched and started for them.
///
/// Each client is in an environment of its own, into which the wheel is installed with the extra of that client; the
/// tests run in one that has neither.
pub(crate) fn run_on_clusters(project: &Project) -> Result<()> {
    let wheel = build(project, Profile::Tested)?;
    let tests = environment(project, "environment", &wheel, None)?;
    let mut pytest = Command::new(tests);
    pytest.args(["-m", "pytest", "tests/clusters"]);
    let mut running = Vec::new();
    for name in ["flink", "spark"] {
        let client = environment(project, name, &wheel, Some(name))?;
        pytest.env(format!("MILLSTREAM_{}_CLIENT", name.to_uppercase()), client);
        let cluster = services::start(name, services::Life::Tied)?;
        pytest.envs(&cluster.facts);
        running.push(cluster);
    }
    project.run(&mut pytest)
}

/// Measures Python programs beside the same ones on PySpark and PyFlink: each client with the wheel beside it, built as
/// users get it.
pub(crate) fn bench(project: &Project, arguments: &[String]) -> Result<()> {
    let wheel = build(project, Profile::Released)?;
    let mut bench = Command::new(services::python());
    for name in ["flink", "spark"] {
        let client = environment(project, &format!("bench-{name}"), &wheel, Some(name))?;
        bench.env(format!("MILLSTREAM_{}_CLIENT", name.to_uppercase()), client);
    }
    let inputs = project.target().join("bench-inputs");
    project.run(bench.arg("bench/python/main.py").arg("--inputs").arg(inputs).args(arguments))
}

/// How the wheel is built.
#[derive(Clone, Copy)]
enum Profile {
    /// As the other tests are, so that what they have built is used.
    Tested,
    /// As users get it.
    Released,
}

/// The wheel.
fn build(project: &Project, profile: Profile) -> Result<PathBuf> {
    let python = services::python();
    let (profile, wheels) = match profile {
        Profile::Tested => ("dev", "wheels"),
        Profile::Released => ("release", "released-wheels"),
    };
    let (tools, wheels) = (folder(project).join("tools"), folder(project).join(wheels));
    let program = |name: &str| tools.join("bin").join(name);
    if !program("maturin").exists() {
        project.run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&tools))?;
        project.run(Command::new(program("pip")).args(["install", "--quiet"]).args(TOOLS))?;
    }
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels).with_context(|| format!("cannot empty {}", wheels.display()))?;
    }
    let mut build = Command::new(program("maturin"));
    build.args(["build", "--profile", profile, "--interpreter", &python, "--out"]).arg(&wheels);
    project.run(&mut build)?;
    the_wheel(&wheels)
}

/// The interpreter of a new environment with the wheel, and with a service's client where one is named.
fn environment(project: &Project, name: &str, wheel: &Path, client: Option<&str>) -> Result<PathBuf> {
    let at = folder(project).join(name);
    project.run(Command::new(services::python()).args(["-m", "venv", "--clear"]).arg(&at))?;
    let mut wanted = wheel.as_os_str().to_owned();
    if let Some(client) = client {
        // What is in the cache is not copied; pip finds that the extra asks for nothing more.
        services::show(&services::fetch(client)?.folder, &at)?;
        wanted.push(format!("[{client}]"));
    }
    let mut install = Command::new(at.join("bin/pip"));
    project.run(install.args(["install", "--quiet"]).arg(&wanted).args(TEST_TOOLS))?;
    Ok(at.join("bin/python"))
}

fn folder(project: &Project) -> PathBuf {
    project.target().join("python-tests")
}

/// The one file that was built.
fn the_wheel(folder: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let files: Vec<_> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    match files.as_slice() {
        [wheel] => Ok(wheel.clone()),
        files => bail!("maturin was to leave one wheel in {}, there are {}", folder.display(), files.len()),
    }
}
