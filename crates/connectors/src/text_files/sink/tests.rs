//! Real files, with kills between the phases.

use std::fs;
use std::path::Path;

use millstream_dataflow::batch::Batch;
use millstream_model::id::CheckpointId;
use millstream_model::time::Timestamp;
use millstream_testkit::conformance::{check_sink, open_writer};

use super::*;

/// The lines of all files that a reader sees.
fn visible(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lines.extend(visible(&path));
        } else if !path.file_name().unwrap().to_str().unwrap().starts_with('.') {
            lines.extend(fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        }
    }
    lines
}

#[test]
fn staged_files_are_invisible_until_committed_and_a_kill_loses_and_doubles_nothing() {
    let one_a_batch = Rolling { bytes: 1, ..Rolling::default() };
    for (rolling, buckets) in [(Rolling::default(), Buckets::None), (one_a_batch, Buckets::Hourly)] {
        let make = || {
            let folder = tempfile::tempdir().unwrap();
            let sink = TextFilesSink::below(folder.path().join("out")).rolling(rolling).buckets(buckets);
            let seen: Box<dyn Fn() -> Vec<String>> = Box::new(move || visible(&folder.path().join("out")));
            (sink, seen)
        };
        check_sink(make, &[1_u32, 2, 3, 4, 5], u32::to_string);
    }
}

#[test]
fn a_later_run_does_not_overwrite_the_files_of_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    for record in ["a", "b"] {
        let sink = TextFilesSink::below(folder.path());
        let mut writer = open_writer(&sink, Vec::new()).unwrap();
        writer.write(&mut Batch::from(vec![record])).unwrap();
        let staged = writer.prepare(CheckpointId(1)).unwrap();
        sink.committer().unwrap().unwrap().commit(staged).unwrap();
    }
    assert_eq!(fs::read_to_string(folder.path().join("part-0-0.txt")).unwrap(), "a\n");
    assert_eq!(fs::read_to_string(folder.path().join("part-0-1.txt")).unwrap(), "b\n");
}

#[test]
fn a_folder_that_cannot_be_made_and_a_full_disk_are_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let sink = TextFilesSink::<u32>::below(folder.path().join("file/out"));
    let error = open_writer(&sink, Vec::new()).err().unwrap().to_string();
    assert!(error.starts_with("cannot make the folder `") && error.contains("file/out`\n"), "{error}");
    let full = names::failed("write to", Path::new("out/x"), std::io::ErrorKind::StorageFull.into());
    assert!(full.to_string().contains("cannot write to `out/x`\n"), "{full}");
    assert!(full.to_string().contains("the disk is full: make room"), "{full}");
}

#[test]
fn a_file_that_is_old_enough_is_closed_when_the_clock_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let sink = TextFilesSink::below(folder.path());
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    writer.write(&mut Batch::from(vec![1])).unwrap();
    writer.on_time(Timestamp::now()).unwrap();
    assert!(folder.path().join(".part-0-0.inprogress").exists());
    writer.on_time(Timestamp::now() + Duration::from_secs(61)).unwrap();
    assert!(folder.path().join(".part-0-0.pending").exists());
    assert_eq!(writer.prepare(CheckpointId(1)).unwrap().len(), 1);
}
