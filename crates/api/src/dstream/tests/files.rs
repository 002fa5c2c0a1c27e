//! Files that appear in a folder.

use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;

use millstream_model::text::Text;

use super::*;

/// Writes a file elsewhere and moves it into the folder whole.
fn put(folder: &Path, name: &str, text: &str) {
    let open = folder.join(format!(".{name}.open"));
    fs::write(&open, text).unwrap();
    fs::rename(open, folder.join(name)).unwrap();
}

/// A program that tells the lines of each batch, sorted; started.
fn watching(folder: &Path) -> (StreamingContext, ManualClock, Receiver<Vec<Text>>) {
    let (batches, clock) = program();
    let (each, seen) = channel();
    batches.text_file_stream(folder).foreach_rdd(move |rdd| {
        let mut lines = rdd.collect()?;
        lines.sort();
        let _told = each.send(lines);
        Ok(())
    });
    batches.start().unwrap();
    (batches, clock, seen)
}

#[test]
fn the_files_that_appeared_in_an_interval_make_its_batch_each_once() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "before", "old\n");
    let (_batches, clock, seen) = watching(folder.path());
    let step = || {
        clock.advance(seconds(1));
        seen.recv().unwrap()
    };
    assert_eq!(step(), [""; 0], "what was there at the start is not read");
    put(folder.path(), "a", "one\ntwo\n");
    put(folder.path(), "b", "three");
    assert_eq!(step(), ["one", "three", "two"]);
    assert_eq!(step(), [""; 0]);
    put(folder.path(), "c", "four\n");
    assert_eq!(step(), ["four"]);
}

#[test]
fn files_being_written_folders_and_additions_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let (_batches, clock, seen) = watching(folder.path());
    let step = || {
        clock.advance(seconds(1));
        seen.recv().unwrap()
    };
    fs::write(folder.path().join(".open"), "x\n").unwrap();
    fs::write(folder.path().join("_part.inprogress"), "x\n").unwrap();
    fs::create_dir(folder.path().join("deeper")).unwrap();
    put(folder.path(), "empty", "");
    assert_eq!(step(), [""; 0]);
    fs::rename(folder.path().join(".open"), folder.path().join("whole")).unwrap();
    assert_eq!(step(), ["x"]);
    fs::write(folder.path().join("whole"), "x\ny\n").unwrap();
    assert_eq!(step(), [""; 0], "a name is read once");
}

#[test]
fn a_name_that_was_gone_is_new_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_batches, clock, seen) = watching(folder.path());
    for (text, expected) in [(Some("one\n"), vec!["one"]), (None, vec![]), (Some("two\n"), vec!["two"])] {
        match text {
            Some(text) => put(folder.path(), "today", text),
            None => fs::remove_file(folder.path().join("today")).unwrap(),
        }
        clock.advance(seconds(1));
        assert_eq!(seen.recv().unwrap(), expected);
    }
}

#[test]
fn a_file_under_a_window_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let (batches, clock) = program();
    let lines = batches.text_file_stream(folder.path()).window(seconds(2), seconds(1));
    let (each, seen) = channel();
    lines.foreach_rdd(move |rdd| {
        each.send(rdd.collect()?).unwrap();
        Ok(())
    });
    batches.start().unwrap();
    put(folder.path(), "a", "one\n");
    clock.advance(seconds(1));
    assert_eq!(seen.recv().unwrap(), ["one"]);
    fs::remove_file(folder.path().join("a")).unwrap();
    clock.advance(seconds(1));
    assert_eq!(seen.recv().unwrap(), ["one"], "out of memory: the file is gone");
}

#[test]
fn a_folder_that_is_not_there_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (batches, _) = program();
    batches.text_file_stream(folder.path().join("nowhere")).print(1);
    let error = batches.start().unwrap_err().to_string();
    assert!(error.contains("cannot read the folder") && error.contains("nowhere"), "{error}");
}

#[test]
fn a_folder_that_goes_away_ends_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let (batches, clock, _seen) = watching(&inner);
    fs::remove_dir(&inner).unwrap();
    clock.advance(seconds(1));
    let error = batches.await_termination().unwrap_err().to_string();
    assert!(error.starts_with("the inputs of the batch of 1970-01-01T00:00:01.000Z failed"), "{error}");
    assert!(error.contains("inner"), "{error}");
}
