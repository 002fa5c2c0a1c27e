//! What is on the disk is read again, whatever the end of who wrote it.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use millstream_model::error::Result;

use super::*;
use crate::flume::event::FlumeEvent;
use crate::flume::settings::LogLost;

const LIMITS: LogLimits = LogLimits { segment: 200, limit: 1 << 20 };

fn open(folder: &Path, from: Option<LogPlace>) -> Result<(Log, LogPlace)> {
    let opened = Log::open(folder, LIMITS, from, LogLost::Fail, &Arc::new(Bell::default()))?;
    Ok(opened.expect("nobody else has the log"))
}

fn batch(numbers: std::ops::Range<u32>) -> Packed {
    let mut packed = Packed::default();
    numbers.for_each(|n| packed.put_event(&FlumeEvent::new(format!("event {n}"))));
    packed
}

fn append(log: &Log, numbers: std::ops::Range<u32>) {
    let until = Instant::now() + Duration::from_secs(60);
    assert_eq!(log.append(&batch(numbers), until, &|| false).unwrap(), Appended::Yes);
}

fn read(log: &Log, reader: &mut LogReader, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    while reader.read(log, most, |event| found.push(event.text().into_owned())).unwrap() > 0 {}
    found
}

fn names(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|n| format!("event {n}")).collect()
}

#[test]
fn what_was_appended_is_read_from_every_place_also_by_the_next_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (log, place) = open(folder.path(), None).unwrap();
    (0..10).for_each(|n| append(&log, 5 * n..5 * n + 5));
    let mut reader = LogReader::new(place);
    let mut places = vec![place];
    for n in 0..50 {
        let read = reader.read(&log, 1, |event| assert_eq!(event.text(), format!("event {n}"))).unwrap();
        assert_eq!(read, 1);
        places.push(reader.place());
    }
    assert_eq!(reader.read(&log, 1, |_| ()).unwrap(), 0);
    drop(log);
    for (n, place) in (0..).zip(places) {
        let (log, from) = open(folder.path(), Some(place)).unwrap();
        assert_eq!(from, place);
        assert_eq!(read(&log, &mut LogReader::new(place), 3), names(n..50));
    }
    assert!(fs::read_dir(folder.path()).unwrap().count() > 3, "the log is of several files");
}

#[test]
fn one_sync_is_for_all_who_wait_and_nothing_is_mixed_up() {
    let folder = tempfile::tempdir().unwrap();
    let (log, place) = open(folder.path(), None).unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || (0..20).for_each(|n| append(log, thread * 100 + n..thread * 100 + n + 1)));
        }
    });
    let mut found = read(&log, &mut LogReader::new(place), 100);
    assert_eq!(found.len(), 160);
    found.sort();
    let mut expected: Vec<_> = (0..8).flat_map(|thread| names(thread * 100..thread * 100 + 20)).collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn an_entry_that_was_not_written_to_its_end_is_cut_off_at_every_length() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path(), None).unwrap();
    append(&log, 0..3);
    let whole = log.end().unwrap();
    append(&log, 3..5);
    let end = log.end().unwrap();
    drop(log);
    let file = segment(folder.path(), 0);
    let bytes = fs::read(&file).unwrap();
    for length in whole..end {
        // Cut short, and the same with zeros in place of what is missing, as a power failure may leave it.
        let cut = bytes[..length as usize].to_vec();
        let mut zeroed = cut.clone();
        zeroed.resize(end as usize, 0);
        for left in [cut, zeroed] {
            fs::write(&file, left).unwrap();
            let (log, place) = open(folder.path(), None).unwrap();
            assert_eq!(log.end().unwrap(), whole);
            append(&log, 7..8);
            let expected = [names(0..3), names(7..8)].concat();
            assert_eq!(read(&log, &mut LogReader::new(place), 9), expected, "cut at {length}");
        }
    }
}

#[test]
fn damage_before_whole_entries_is_told_of_and_not_taken_for_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path(), None).unwrap();
    append(&log, 0..3);
    append(&log, 3..5);
    drop(log);
    let file = segment(folder.path(), 0);
    let bytes = fs::read(&file).unwrap();
    for at in [0, 5, 13, 20] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x40;
        fs::write(&file, damaged).unwrap();
        let error = open(folder.path(), None).err().unwrap().to_string();
        assert!(error.contains("is damaged") && error.contains("the entry at byte 0"), "{error}");
    }
    fs::write(&file, bytes).unwrap();
    open(folder.path(), None).unwrap();
}

#[test]
fn files_that_checkpoints_have_go_and_a_start_without_checkpoint_goes_on_behind_them() {
    let folder = tempfile::tempdir().unwrap();
    let (log, place) = open(folder.path(), None).unwrap();
    (0..40).for_each(|n| append(&log, n..n + 1));
    let mut reader = LogReader::new(place);
    for _ in 0..30 {
        reader.read(&log, 1, |_| ()).unwrap();
    }
    let files = || fs::read_dir(folder.path()).unwrap().count();
    let before = files();
    log.trim(reader.place(), reader.place()).unwrap();
    assert!(files() < before, "{before} files are still there");
    assert_eq!(read(&log, &mut reader, 9), names(30..40));
    drop(log);
    let (log, from) = open(folder.path(), None).unwrap();
    assert_eq!(read(&log, &mut LogReader::new(from), 9), names(30..40));
    drop(log);
    let error = open(folder.path(), Some(place)).err().unwrap().to_string();
    assert!(error.contains("the checkpoint ends at 0") && error.contains("log-lost"), "{error}");
    let beyond = LogPlace { offset: 1 << 40, events: 0 };
    let error = open(folder.path(), Some(beyond)).err().unwrap().to_string();
    assert!(error.contains("the checkpoint ends at 1099511627776"), "{error}");
    let bell = Arc::default();
    let opened = Log::open(folder.path(), LIMITS, Some(beyond), LogLost::GoOn, &bell).unwrap();
    assert_eq!(opened.unwrap().1.events, 0);
}

#[test]
fn a_log_has_one_owner_and_is_full_at_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let limits = LogLimits { segment: 1_000, limit: 300 };
    let open = || Log::open(folder.path(), limits, None, LogLost::Fail, &Arc::default()).unwrap();
    let (log, place) = open().unwrap();
    assert!(open().is_none(), "two have the log");
    let until = Instant::now() + Duration::from_millis(20);
    append(&log, 0..20);
    assert_eq!(log.append(&batch(20..30), until, &|| false).unwrap(), Appended::NoRoom);
    assert_eq!(read(&log, &mut LogReader::new(place), 99), names(0..20));
    drop(log);
    assert!(open().is_some());
}
