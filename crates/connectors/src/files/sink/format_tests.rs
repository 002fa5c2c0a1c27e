//! Rows written and read again: CSV and JSON lines, under each compression.

use std::fs;
use std::path::Path;

use millstream_dataflow::batch::Batch;
use millstream_model::id::CheckpointId;
use millstream_testkit::conformance::{Run, check_sink, open_writer};
use serde::{Deserialize, Serialize};

use super::*;
use crate::files::RowFiles;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    delay: Option<i32>,
}

fn flights(count: i32) -> Vec<Flight> {
    (0..count)
        .map(|n| Flight { carrier: format!("A,\"{n}\"\nB"), delay: (n % 3 > 0).then_some(n - 5) })
        .collect()
}

/// The rows of the files in a folder that a reader sees, if there are any.
fn visible(folder: &Path, source: impl Fn(String) -> RowFiles<Flight>) -> Vec<Flight> {
    let pattern = format!("{}/part-*", folder.display());
    if crate::files::found(&pattern).is_err() {
        return Vec::new();
    }
    let mut run = Run::open(&source(pattern), 2, None).unwrap();
    while run.step().unwrap() {}
    run.take()
}

const ALL: [Compression; 5] =
    [Compression::Plain, Compression::Gzip, Compression::Zstd, Compression::Snappy, Compression::Lz4];

#[test]
fn rows_of_csv_and_json_are_written_exactly_once_under_each_compression_and_read_again() {
    for compression in ALL {
        let csv = || {
            let folder = tempfile::tempdir().unwrap();
            let sink = FileSink::csv(folder.path()).compress(compression);
            let seen: Box<dyn Fn() -> Vec<Flight>> = Box::new(move || visible(folder.path(), RowFiles::csv));
            (sink, seen)
        };
        check_sink(csv, &flights(9), Flight::clone);
        let json = || {
            let folder = tempfile::tempdir().unwrap();
            let sink = FileSink::json_lines(folder.path()).compress(compression);
            let seen: Box<dyn Fn() -> Vec<Flight>> =
                Box::new(move || visible(folder.path(), RowFiles::json_lines));
            (sink, seen)
        };
        check_sink(json, &flights(9), Flight::clone);
    }
}

/// Writes records through one checkpoint; gives what the one file holds, by its name.
fn written<T: Record, F: WriteFormat<T>>(sink: &FileSink<T, F>, records: Vec<T>) -> Result<()> {
    let mut writer = open_writer(sink, Vec::new())?;
    writer.write(&mut Batch::from(records))?;
    let staged = writer.prepare(CheckpointId(1))?;
    sink.committer()?.unwrap().commit(staged)
}

#[test]
fn a_csv_file_has_its_header_once_quotes_where_it_must_and_the_delimiter_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let sink = FileSink::csv(folder.path());
    let flight = |carrier: &str, delay| Flight { carrier: carrier.into(), delay };
    written(&sink, vec![flight("AA", Some(7)), flight("a \"b\",\nc", None)]).unwrap();
    let text = fs::read_to_string(folder.path().join("part-0-0.csv")).unwrap();
    assert_eq!(text, "carrier,delay\nAA,7\n\"a \"\"b\"\",\nc\",\n");
    let tabs = Csv { delimiter: b'\t', header: false, ..Csv::default() };
    written(&FileSink::of(folder.path(), tabs), vec![("a,b".to_owned(), 1)]).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("part-0-1.csv")).unwrap(), "a,b\t1\n");
}

#[test]
fn the_name_of_a_compressed_file_tells_of_its_compression() {
    let folder = tempfile::tempdir().unwrap();
    for compression in ALL {
        written(&FileSink::json_lines(folder.path()).compress(compression), vec![1]).unwrap();
    }
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let expected = [
        "part-0-0.json",
        "part-0-1.json.gz",
        "part-0-2.json.zst",
        "part-0-3.json.snappy",
        "part-0-4.json.lz4",
    ];
    assert_eq!(names, expected);
}

#[test]
fn records_that_the_format_cannot_hold_and_settings_that_contradict_each_other_are_said_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let told = |result: Result<()>| result.unwrap_err().to_string();
    let nameless = told(written(&FileSink::csv(folder.path()), vec![("a", 1)]));
    assert!(
        nameless.starts_with("records of type (&str, i32) have no names for the header of a CSV file\n")
            && nameless.contains("write without a header: Csv { header: false"),
        "{nameless}"
    );
    let deep = Csv { header: false, ..Csv::default() };
    let map = std::collections::BTreeMap::from([("a".to_owned(), 1)]);
    let deep = told(written(&FileSink::of(folder.path(), deep), vec![map]));
    assert!(
        deep.contains("cannot be written as a row of CSV: ") && deep.contains("its fields must be numbers"),
        "{deep}"
    );
    let uneven = Csv { header: false, ..Csv::default() };
    let uneven = told(written(&FileSink::of(folder.path(), uneven), vec![vec![1, 2], vec![3]]));
    assert!(uneven.contains("as many in each record"), "{uneven}");
    let keys = std::collections::BTreeMap::from([((1, 2), 3)]);
    let keys = told(written(&FileSink::json_lines(folder.path()), vec![keys]));
    assert!(
        keys.contains("cannot be written as JSON") && keys.contains("the keys of maps must be"),
        "{keys}"
    );
    let delimiter = Csv { delimiter: b'\n', ..Csv::default() };
    let delimiter = told(written(&FileSink::of(folder.path(), delimiter), flights(1)));
    assert!(
        delimiter.starts_with("the delimiter of CSV fields cannot be the quote or a line end\n"),
        "{delimiter}"
    );
    let comment = Csv { comment: Some(b','), ..Csv::default() };
    let comment = told(written(&FileSink::of(folder.path(), comment), flights(1)));
    assert!(
        comment.starts_with("what begins a comment in CSV cannot be the delimiter or the quote\n"),
        "{comment}"
    );
    let joining = Joining { below: 10, into: 5 };
    let joining = told(written(&FileSink::json_lines(folder.path()).join_small_files(joining), vec![1]));
    assert!(
        joining.starts_with("files below 10 bytes cannot be joined into files of 5 bytes\n"),
        "{joining}"
    );
}
