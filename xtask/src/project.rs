//! The project as it lies on disk: its folder, its files, its metadata, and commands run in it.
//!
//! Answers for all contact with git, cargo and the file system; what is read here is judged elsewhere, by pure functions.
//! Holds: children get no standard input, so that nothing can wait for a person.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{Metadata, MetadataCommand};

/// Dependencies are judged as they are built for this target.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The workspace that this program was started in.
pub(crate) struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the workspace around the current folder. An error if there is none.
    pub(crate) fn locate() -> Result<Project> {
        let mut locate = Command::new(cargo());
        locate.args(["locate-project", "--workspace", "--message-format", "plain"]);
        let manifest = PathBuf::from(output_of(&mut locate)?.trim_end());
        let root = manifest.parent().context("cargo names a manifest without a folder")?;
        Ok(Project { root: root.to_owned() })
    }

    /// The files that git tracks or would track (not ignored ones), relative to the root, `/` between the parts.
    /// Those deleted but not yet committed are left out.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut list = Command::new("git");
        list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(&self.root);
        let files = output_of(&mut list)?;
        let present = files.split('\0').filter(|file| !file.is_empty() && self.root.join(file).exists());
        Ok(present.map(str::to_owned).collect())
    }

    /// The text of a file, given relative to the root. An error names the file.
    pub(crate) fn read(&self, file: &str) -> Result<String> {
        std::fs::read_to_string(self.root.join(file)).with_context(|| format!("cannot read {file}"))
    }

    /// The workspace and all it depends on, as cargo resolves it on x86-64 Linux.
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        MetadataCommand::new()
            .cargo_path(cargo())
            .current_dir(&self.root)
            .other_options(["--filter-platform".to_owned(), TARGET.to_owned()])
            .exec()
            .context("cargo metadata failed")
    }

    /// Runs cargo in the root, its output passed through. An error, with the command in it, if it does not succeed.
    pub(crate) fn cargo(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
        let mut command = Command::new(cargo());
        command.args(arguments).envs(environment.iter().copied());
        self.run(&mut command)
    }

    /// Runs a command in the root, its output passed through. An error, with the command in it, if it does not succeed.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        command.current_dir(&self.root).stdin(Stdio::null());
        let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
        ensure!(status.success(), "{command:?} ended with {status}, see above");
        Ok(())
    }

    /// What a command prints, run in the root; its standard error is passed through. An error if it does not succeed.
    pub(crate) fn printed(&self, command: &mut Command) -> Result<Vec<u8>> {
        command.current_dir(&self.root).stdin(Stdio::null()).stderr(Stdio::inherit());
        let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
        ensure!(output.status.success(), "{command:?} ended with {}, see above", output.status);
        Ok(output.stdout)
    }

    /// Where what is built is put.
    pub(crate) fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), |at| self.root.join(at))
    }
}

/// The cargo that started this program, so that both are of one toolchain.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// What a command prints. An error, with what it complained of, if it does not succeed.
fn output_of(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} printed what is not UTF-8"))
}
