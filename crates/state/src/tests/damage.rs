//! What a message says when files are damaged, of another version, or of another job.

use std::fs;

use millstream_model::error::{Fault, Retry};

use super::*;

/// A folder with the checkpoints 1 and 2.
fn two() -> (tempfile::TempDir, CheckpointStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = CheckpointStore::open(folder.path()).unwrap();
    for id in 1..3 {
        write(&store, CheckpointName::checkpoint(id), 1, 200);
    }
    (folder, store)
}

fn change(file: &std::path::Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_truncated_manifest_is_named_with_the_checkpoint_that_is_intact() {
    let (folder, store) = two();
    change(&manifest_file(folder.path(), 2), |text| text.truncate(text.len() / 2));
    let error = store.latest().unwrap_err();
    let message = error.to_string();
    let file =
        format!("the manifest {}/checkpoint-000002/manifest.json is damaged: ", folder.path().display());
    assert!(message.starts_with(&file), "{message}");
    assert!(
        message.ends_with(
            "; checkpoint-000001 is intact: restore that one by its name (--restore checkpoint-000001)"
        ),
        "{message}"
    );
    assert_eq!((error.fault(), error.retry()), (Fault::External, Retry::No));
    change(&manifest_file(folder.path(), 1), |text| text.truncate(7));
    let message = store.latest().unwrap_err().to_string();
    assert!(
        message.ends_with("; no other checkpoint in the folder is intact: start without restoring"),
        "{message}"
    );
}

#[test]
fn a_checkpoint_without_its_state_file_is_not_called_intact() {
    let (folder, store) = two();
    change(&manifest_file(folder.path(), 2), |text| text.truncate(9));
    change(&state_file(folder.path(), 1), |bytes| bytes.truncate(100));
    let message = store.latest().unwrap_err().to_string();
    assert!(message.contains("no other checkpoint in the folder is intact"), "{message}");
}

#[test]
fn a_manifest_in_anothers_place_is_refused() {
    let (folder, store) = two();
    fs::copy(manifest_file(folder.path(), 1), manifest_file(folder.path(), 2)).unwrap();
    let message = store.latest().unwrap_err().to_string();
    assert!(message.contains("is damaged: it is the manifest of checkpoint-000001; "), "{message}");
}

#[test]
fn a_manifest_of_a_newer_format_says_what_to_do() {
    let (folder, store) = two();
    let newer = r#"{"format":"millstream checkpoint","format_version":9,"content":{"anything":true}}"#;
    fs::write(manifest_file(folder.path(), 2), newer).unwrap();
    assert_eq!(
        store.latest().unwrap_err().to_string(),
        format!(
            "the manifest {}/checkpoint-000002/manifest.json has format version 9, and this Millstream reads up to 1; \
             restore it with the version of Millstream that wrote it, or a later one",
            folder.path().display()
        )
    );
}

#[test]
fn a_truncated_a_changed_and_a_missing_state_file_are_named() {
    let (folder, store) = two();
    let manifest = store.latest().unwrap();
    let file = state_file(folder.path(), 2);
    let whole = fs::read(&file).unwrap();
    let message = || restored(&store, &manifest, 0, 1).unwrap_err().to_string();
    let begin = format!("the state file {} is damaged: ", file.display());
    let end = "(state `counts` of operator `mean`); checkpoint-000001 is intact: restore that one by its name (--restore checkpoint-000001)";

    fs::write(&file, &whole[..1_000]).unwrap();
    let truncated = message();
    assert!(truncated.starts_with(&format!("{begin}it ends at byte 1000 and must reach ")), "{truncated}");
    assert!(truncated.ends_with(end), "{truncated}");

    let mut changed = whole.clone();
    changed[10] ^= 1;
    fs::write(&file, &changed).unwrap();
    let changed = message();
    assert!(changed.starts_with(&begin) && changed.ends_with(end), "{changed}");
    assert!(changed.contains(" bytes at 8 have another checksum than was written"), "{changed}");

    fs::remove_file(&file).unwrap();
    assert_eq!(message(), format!("{begin}it is missing {end}"));
}

#[test]
fn a_checkpoint_of_another_job_lists_both_sides_and_says_what_to_do() {
    let (folder, store) = two();
    let manifest = store.latest().unwrap();
    let operator = |uid: &str, has_state| ProgramOperator {
        uid: uid.to_owned(),
        name: format!("{uid}-name"),
        has_state,
    };
    let program = [operator("lines", false), operator("counts", true)];
    let error = store.check_fits(&manifest, "words", &program).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "checkpoint-000002 in {} does not fit this program: it is of the job `delays`, the program is `words`
  in the program:
    uid `lines` (lines-name): no state
    uid `counts` (counts-name): keeps state, is not in the checkpoint
  in the checkpoint:
    uid `lines` (TcpLines): no state
    uid `mean` (mean-delay): state without an operator in the program
  give an operator the uid its state was written under with .uid(\"..\"); to go on without the others: \
             --restore-unmatched ignore, or unmatched: UnmatchedState::Ignore in the checkpoint settings",
            folder.path().display()
        )
    );
    assert_eq!(error.fault(), Fault::User);
    let program = [operator("mean", true), operator("new", false)];
    store.check_fits(&manifest, "delays, renamed", &program).unwrap();
}

#[test]
fn another_max_parallelism_is_refused_with_both_numbers() {
    let (_folder, store) = two();
    let manifest = store.latest().unwrap();
    let error = store.restore(&manifest, "mean", 0, 1, MaxParallelism::new(256).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "operator `mean` has max parallelism 128 in the checkpoint and 256 in the program; it cannot change while state \
         is kept: set it to 128"
    );
}
