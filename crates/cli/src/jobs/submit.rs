//! `run --master`: a Rust program to a cluster of Millstream's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use millstream_cluster::dispatcher::{Kind, Submission};
use millstream_model::error::{Failure, Result};
use millstream_model::settings::is_told;

use super::follow::follow;
use super::show;
use crate::access::Access;
use crate::exit;

/// Uploads the program, has it run, and follows it; the answer is the exit code.
pub(crate) fn run(words: Vec<OsString>, master: &str, access: &Access, detach: bool) -> Result<u8> {
    let mut words = words.into_iter();
    let program = PathBuf::from(words.next().unwrap_or_default());
    check(&program)?;
    let arguments = words.map(text).collect::<Result<Vec<String>>>()?;
    let client = access.client(master)?;
    let submission = Submission {
        program: client.upload(&program)?,
        kind: Kind::Binary,
        files: Vec::new(),
        file_name: program.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        arguments,
        environment: settings(std::env::vars_os())?,
    };
    let job = client.submit(&submission)?;
    if detach {
        show::print(&job.to_string());
        return Ok(exit::WELL);
    }
    follow(&client, job)
}

/// What of the environment is the program's.
fn settings(all: impl Iterator<Item = (OsString, OsString)>) -> Result<BTreeMap<String, String>> {
    let mut settings = BTreeMap::new();
    for (name, value) in all {
        let name = name.to_string_lossy().into_owned();
        if is_told(&name) {
            settings.insert(name, text(value)?);
        }
    }
    Ok(settings)
}

fn text(word: OsString) -> Result<String> {
    word.into_string().map_err(|word| {
        Failure::user(format!("`{}` is no text in UTF-8", word.display()))
            .advice("what goes to a cluster is text")
    })
}

/// Whether this is a program that a cluster of machines like this one can run.
fn check(program: &Path) -> Result<()> {
    let shown = program.display();
    if program.is_dir() {
        return Err(
            Failure::user(format!("{shown} is a folder")).advice("name the binary: target/release/NAME")
        );
    }
    let mut start = [0; 4];
    let read = File::open(program).and_then(|mut file| file.read_exact(&mut start));
    match read {
        Ok(()) if start == *b"\x7fELF" => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::user(format!("there is no program {shown}"))
                .advice("build it first: cargo build --release; then target/release/NAME"))
        }
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Err(Failure::user(format!("the program {shown} cannot be read")).because(error))
        }
        _ => Err(Failure::user(format!("{shown} is no binary for Linux"))
            .advice("give the binary that cargo built: target/release/NAME")
            .advice("or a Python program: NAME.py")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_cluster_can_run_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("job.sh");
        std::fs::write(&script, "#!/bin/sh\n").unwrap();
        let what = |path: &Path| check(path).unwrap_err().to_string();
        assert!(what(&script).contains("is no binary for Linux"));
        assert!(what(folder.path()).contains("is a folder"));
        assert!(what(Path::new("none")).starts_with("there is no program none"));
        assert!(check(&std::env::current_exe().unwrap()).is_ok());
    }

    #[test]
    fn the_settings_of_the_program_go_with_it() {
        let all = [("MILLSTREAM_PARALLELISM", "2"), ("MILLSTREAM_ROLE", "master"), ("HOME", "/")];
        let settings = settings(all.into_iter().map(|(name, value)| (name.into(), value.into()))).unwrap();
        assert_eq!(settings, [("MILLSTREAM_PARALLELISM".to_owned(), "2".to_owned())].into());
    }
}
