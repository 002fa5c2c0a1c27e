//! Checkpoint folders that are damaged, of another job, of another version, or in use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use millstream::connectors::discard::Discard;
use millstream::{CheckpointSettings, RestoreFrom, StreamEnvironment, UnmatchedState};

/// Counts some numbers by key, with a checkpoint at the end; gives what went wrong.
fn count(folder: &Path, uid: &str, change: impl FnOnce(&mut CheckpointSettings)) -> Result<(), String> {
    let mut settings = CheckpointSettings::in_folder(folder);
    change(&mut settings);
    let env = StreamEnvironment::new();
    env.enable_checkpoints(settings);
    let numbers = env.from_sequence(1, 100).uid("numbers");
    numbers.key_by(|n| n % 7).count().uid(uid).sink_to(Discard::new()).uid("away");
    env.execute("counting").map(drop).map_err(|failure| failure.to_string())
}

fn latest(settings: &mut CheckpointSettings) {
    settings.restore = RestoreFrom::Latest;
}

/// A folder with the checkpoints 1 and 2.
fn two() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        count(folder.path(), "count", |_| {}).unwrap();
    }
    folder
}

/// The manifest and the state files of checkpoint 2.
fn second(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let folder = folder.join("checkpoint-000002");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "state"));
    (folder.join("manifest.json"), files)
}

fn truncate(file: &Path) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn a_truncated_manifest_is_named_with_the_checkpoint_that_is_intact_and_that_one_restores() {
    let folder = two();
    let (manifest, _) = second(folder.path());
    truncate(&manifest);
    let said = count(folder.path(), "count", latest).unwrap_err();
    let begin = format!("the manifest {} is damaged: EOF while parsing", manifest.display());
    assert!(said.starts_with(&begin), "{said}");
    assert!(
        said.ends_with(
            "; checkpoint-000001 is intact: restore that one by its name (--restore checkpoint-000001)"
        ),
        "{said}"
    );
    count(folder.path(), "count", |settings| {
        settings.restore = RestoreFrom::Named("checkpoint-000001".into())
    })
    .unwrap();
}

#[test]
fn a_truncated_state_file_is_named_with_its_operator_and_the_checkpoint_that_is_intact() {
    let folder = two();
    let (_, files) = second(folder.path());
    files.iter().for_each(|file| truncate(file));
    let said = count(folder.path(), "count", latest).unwrap_err();
    assert!(said.contains("the state file ") && said.contains("/checkpoint-000002/"), "{said}");
    assert!(said.contains(" is damaged: it ends at byte "), "{said}");
    assert!(
        said.ends_with(
            "; checkpoint-000001 is intact: restore that one by its name (--restore checkpoint-000001)"
        ),
        "{said}"
    );
}

#[test]
fn a_checkpoint_of_another_program_lists_both_sides_and_what_to_do_and_can_be_left_behind() {
    let folder = two();
    assert_eq!(
        count(folder.path(), "tally", latest).unwrap_err(),
        format!(
            "checkpoint-000002 in {} does not fit this program
  in the program:
    uid `numbers` (NumberSequence): state
    uid `tally` (count): keeps state, is not in the checkpoint
    uid `away` (Discard): state
  in the checkpoint:
    uid `numbers` (NumberSequence): state
    uid `count` (count): state without an operator in the program
    uid `away` (Discard): state
  give an operator the uid its state was written under with .uid(\"..\"); to go on without the others: \
             --restore-unmatched ignore, or unmatched: UnmatchedState::Ignore in the checkpoint settings",
            folder.path().display()
        )
    );
    count(folder.path(), "tally", |settings| {
        (settings.restore, settings.unmatched) = (RestoreFrom::Latest, UnmatchedState::Ignore);
    })
    .unwrap();
}

#[test]
fn a_checkpoint_of_a_newer_version_says_both_versions() {
    let folder = two();
    let (manifest, _) = second(folder.path());
    fs::write(&manifest, r#"{"format":"millstream checkpoint","format_version":9,"content":{}}"#).unwrap();
    assert_eq!(
        count(folder.path(), "count", latest).unwrap_err(),
        format!(
            "the manifest {} has format version 9, and this Millstream reads up to 1; restore it with the version of \
             Millstream that wrote it, or a later one",
            manifest.display()
        )
    );
}

#[test]
fn a_checkpoint_that_is_not_there_is_refused_with_those_that_are() {
    let folder = two();
    assert_eq!(
        count(folder.path(), "count", |settings| settings.restore = RestoreFrom::Named("17".into()))
            .unwrap_err(),
        format!(
            "the checkpoint folder {} has no checkpoint-000017; it has checkpoint-000001, checkpoint-000002",
            folder.path().display()
        )
    );
}

#[test]
fn a_file_in_place_of_the_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(
        count(&file, "count", |_| {}).unwrap_err(),
        format!(
            "the checkpoint folder {} cannot be written to: File exists (os error 17); give the job a folder its user may \
             write to",
            file.display()
        )
    );
}

#[test]
fn a_second_process_on_a_checkpoint_folder_is_refused_and_told_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = folder.path().join("checkpoints");
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_cornered"))
            .arg("--checkpoints")
            .arg(&checkpoints)
            .args(["--", "wait"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut first = start();
    let deadline = Instant::now() + Duration::from_secs(30);
    let holder = || fs::read_to_string(checkpoints.join("lock")).unwrap_or_default();
    while holder().trim() != first.id().to_string() {
        assert!(Instant::now() < deadline, "the first process did not take the folder");
        std::thread::yield_now();
    }
    let second = start().wait_with_output().unwrap();
    assert!(!second.status.success());
    assert_eq!(
        String::from_utf8(second.stderr).unwrap(),
        format!(
            "error: the checkpoint folder {} is in use by process {}; stop that job first, or give this one a folder of its \
             own\n",
            checkpoints.display(),
            first.id()
        )
    );
    assert!(first.try_wait().unwrap().is_none(), "the first process was disturbed");
    first.kill().unwrap();
    first.wait().unwrap();
}
