//! The tests of the Python package: a wheel is built and put into an empty environment, and the tests import it there.
//!
//! Answers for the environments and for their being used again: the one with maturin stays; the one for the tests is new
//! each time, so that nothing but what the wheel asks for is in it. Not for what is tested (`tests/python`).
//! Holds: what cannot be run has failed; nothing is skipped because an interpreter or a registry is missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::project::Project;

/// Builds the wheel. Kept as long as this is what is wanted.
const TOOLS: [&str; 1] = ["maturin>=1.9,<2"];
/// What the tests need besides the wheel and what it depends on.
const TEST_TOOLS: [&str; 1] = ["pytest>=8,<10"];

/// Runs the tests. `PYTHON` names another interpreter than `python3`.
pub(crate) fn run(project: &Project) -> Result<()> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let folder = project.target().join("python-tests");
    let (tools, tests, wheels) = (folder.join("tools"), folder.join("environment"), folder.join("wheels"));
    let program = |environment: &Path, name: &str| environment.join("bin").join(name);
    if !program(&tools, "maturin").exists() {
        project.run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&tools))?;
        project.run(Command::new(program(&tools, "pip")).args(["install", "--quiet"]).args(TOOLS))?;
    }
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels).with_context(|| format!("cannot empty {}", wheels.display()))?;
    }
    let mut build = Command::new(program(&tools, "maturin"));
    // Built as the other tests are, so that what they have built is used.
    build.args(["build", "--profile", "dev", "--interpreter", &python, "--out"]).arg(&wheels);
    project.run(&mut build)?;
    project.run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(&tests))?;
    let mut install = Command::new(program(&tests, "pip"));
    install.args(["install", "--quiet"]).arg(the_wheel(&wheels)?).args(TEST_TOOLS);
    project.run(&mut install)?;
    // The command of the wheel and the one that cargo builds pass the same tests.
    project.cargo(&["build", "-p", "millstream-cli"], &[])?;
    let mut pytest = Command::new(program(&tests, "python"));
    pytest.args(["-m", "pytest", "tests/python"]);
    project.run(pytest.env("MILLSTREAM_BINARY", project.target().join("debug/millstream")))
}

/// The one file that was built.
fn the_wheel(folder: &Path) -> Result<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let files: Vec<_> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    match files.as_slice() {
        [wheel] => Ok(wheel.clone()),
        files => bail!("maturin was to leave one wheel in {}, there are {}", folder.display(), files.len()),
    }
}
