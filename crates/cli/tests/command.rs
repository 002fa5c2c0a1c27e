//! The command as cargo builds it, where there is no Python or no package. With both it is tested by tests/python.

#![allow(clippy::unwrap_used, reason = "what is no `#[test]` itself is called by tests only")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn millstream(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command.current_dir(folder).args(arguments).env_remove("MILLSTREAM_PYTHON");
    command
}

fn said(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn folder_with_a_program() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("job.py"), "print('ran')").unwrap();
    folder
}

#[test]
fn without_a_python_it_says_what_to_install() {
    let folder = folder_with_a_program();
    let mut command = millstream(folder.path(), &["run", "job.py"]);
    command.env("PATH", folder.path());
    let (code, said) = said(command);
    assert_eq!(code, Some(127));
    assert!(said.starts_with("error: there is no `python3` to run job.py with\n"), "{said}");
    assert!(said.contains("install Python 3.9 or later, or name an interpreter with --python"), "{said}");
}

#[test]
fn without_the_package_it_says_where_to_install_it() {
    let folder = folder_with_a_program();
    let bare = folder.path().join("bare-python");
    // Isolated, and without the folders that packages are installed in.
    fs::write(&bare, "#!/bin/sh\nexec python3 -I -S \"$@\"\n").unwrap();
    fs::set_permissions(&bare, Permissions::from_mode(0o755)).unwrap();
    let mut command = millstream(folder.path(), &["run", "job.py"]);
    command.env("MILLSTREAM_PYTHON", &bare);
    let (code, said) = said(command);
    assert_eq!(code, Some(127));
    assert!(said.contains("has no package millstream"), "{said}");
    assert!(said.contains("-m pip install ."), "{said}");
}

#[test]
fn an_interpreter_that_cannot_be_started_is_named() {
    let folder = folder_with_a_program();
    let command = millstream(folder.path(), &["run", "--python", "./job.py", "job.py"]);
    let (code, said) = said(command);
    assert_eq!(code, Some(127));
    assert!(said.starts_with("error: `./job.py`, which is to run job.py, cannot be started: "), "{said}");
}

#[test]
fn a_program_that_is_not_there_needs_no_python() {
    let folder = folder_with_a_program();
    let mut command = millstream(folder.path(), &["run", "none.py"]);
    command.env("PATH", folder.path());
    let (code, said) = said(command);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error: there is no program none.py\n"), "{said}");
}

#[test]
fn the_exit_codes_of_the_help_are_those_of_the_code() {
    use millstream_cli::exit::{INTERRUPTED, NOT_INSTALLED, NOT_STARTED, RAISED, WELL};
    let folder = folder_with_a_program();
    let help = millstream(folder.path(), &["run", "--help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(i32::from(WELL)));
    let help = String::from_utf8(help.stdout).unwrap();
    let codes = help.lines().skip_while(|line| !line.starts_with("Exit codes:")).skip(1);
    let codes: Vec<u8> = codes.filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    assert_eq!(codes, [WELL, RAISED, NOT_STARTED, NOT_INSTALLED, INTERRUPTED]);
}

#[test]
fn each_shell_has_its_completion() {
    let folder = folder_with_a_program();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = millstream(folder.path(), &["completion", shell]).output().unwrap();
        assert!(script.status.success());
        assert!(String::from_utf8(script.stdout).unwrap().contains("engine"), "{shell}");
    }
}
