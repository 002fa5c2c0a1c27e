//! Servers that come as Python packages: a folder of packages in the cache, and environments that see it.
//!
//! Answers for an environment that has the packages without copying them. Not for which packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The packages' folder in a fetched server's.
const FOLDER: &str = "packages";

/// The interpreter that everything is fetched for and run with. `PYTHON` names another than `python3`.
pub(crate) fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// A version with that of the interpreter, which the packages depend on.
pub(crate) fn version(of: &str) -> Result<String> {
    let script = "import sys; print('%d.%d' % sys.version_info[:2], end='')";
    let told = Command::new(python()).args(["-c", script]).stderr(Stdio::inherit()).output();
    let told = told.with_context(|| format!("cannot start {}", python()))?;
    ensure!(told.status.success(), "{} -c ended with {}", python(), told.status);
    Ok(format!("{of}-python{}", String::from_utf8_lossy(&told.stdout)))
}

/// Installs a requirement and what it depends on below `into`.
pub(crate) fn install(requirement: &str, into: &Path) -> Result<()> {
    let tools = into.join("tools");
    run(Command::new(python()).args(["-m", "venv"]).arg(&tools))?;
    let mut install = Command::new(tools.join("bin/pip"));
    run(install.args(["install", "--quiet", "--target"]).arg(into.join(FOLDER)).arg(requirement))?;
    fs::remove_dir_all(&tools).with_context(|| format!("cannot remove {}", tools.display()))
}

/// A package's folder.
pub(crate) fn package(fetched: &Path, name: &str) -> PathBuf {
    fetched.join(FOLDER).join(name)
}

/// Lets an environment that exists see the packages.
pub(crate) fn show(fetched: &Path, environment: &Path) -> Result<()> {
    let lib = environment.join("lib");
    let entries = fs::read_dir(&lib).with_context(|| format!("cannot read {}", lib.display()))?;
    for entry in entries {
        let entry = entry?.path().join("site-packages/millstream-services.pth");
        fs::write(&entry, format!("{}\n", fetched.join(FOLDER).display()))
            .with_context(|| format!("cannot write {}", entry.display()))?;
    }
    Ok(())
}

/// An interpreter that sees the packages and nothing else, in a new environment.
pub(crate) fn interpreter(fetched: &Path, environment: &Path) -> Result<PathBuf> {
    run(Command::new(python()).args(["-m", "venv", "--without-pip"]).arg(environment))?;
    show(fetched, environment)?;
    Ok(environment.join("bin/python"))
}

fn run(command: &mut Command) -> Result<()> {
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} ended with {status}, see above");
    Ok(())
}
