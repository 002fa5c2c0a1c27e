//! Small files put together, and success files: with a commit that is interrupted at every place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{Cancelled, Wakeup};
use millstream_model::id::{CheckpointId, Subtask};
use millstream_storage::Storage;
use serde::Serialize;

use super::*;

#[derive(Clone, Serialize)]
struct Row {
    n: u32,
}

/// A writer as one of several subtasks.
fn writer<T: Record, F: WriteFormat<T>>(
    sink: &FileSink<T, F>,
    index: u32,
    of: u32,
) -> WriterOf<FileSink<T, F>> {
    let context = WriterContext {
        subtask: Subtask { index, of },
        wakeup: Wakeup::default(),
        cancelled: Cancelled::default(),
    };
    sink.writer(context, Vec::new()).unwrap()
}

/// What three subtasks stage of a few records each, of which some are in a folder of their own.
fn staged<F: WriteFormat<Row>>(sink: &FileSink<Row, F>) -> Vec<Staged> {
    (0..3)
        .flat_map(|subtask| {
            let mut writer = writer(sink, subtask, 3);
            let rows = [subtask * 2, subtask * 2 + 1].map(|n| Row { n }).to_vec();
            writer.write(&mut Batch::from(rows)).unwrap();
            writer.prepare(CheckpointId(1)).unwrap()
        })
        .collect()
}

/// The files that a place shows, each with its text behind the compression.
fn texts(place: &Storage) -> BTreeMap<String, String> {
    let shown = |name: &String| !name.starts_with('.') && !name.contains("/.");
    let names = place.list("").unwrap().into_iter().map(|entry| entry.name).filter(shown);
    names
        .map(|name| {
            let bytes = place.get(&name).unwrap();
            let mut text = String::new();
            let open = Compression::of(Path::new(&name)).open(std::io::Cursor::new(bytes)).unwrap();
            std::io::read_to_string(open).map(|read| text = read).unwrap();
            (name, text)
        })
        .collect()
}

#[test]
fn small_files_of_a_checkpoint_become_one_with_one_header_whatever_the_place_and_the_compression() {
    let folder = tempfile::tempdir().unwrap();
    let number = folder.path().file_name().unwrap().to_str().unwrap();
    for compression in
        [Compression::Plain, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd]
    {
        let ending = compression.ending();
        for at in
            [format!("{}/{ending}", folder.path().display()), format!("memory:join-{number}{ending}/out")]
        {
            let sink = FileSink::csv(&at).compress(compression).join_small_files(Joining::default());
            let staged = staged(&sink);
            let place = Storage::open(&at).unwrap();
            assert_eq!(texts(&place), BTreeMap::new());
            for _ in 0..2 {
                sink.committer().unwrap().unwrap().commit(staged.clone()).unwrap();
                let expected = (format!("part-0-0.csv{ending}"), "n\n0\n1\n2\n3\n4\n5\n".to_owned());
                assert_eq!(texts(&place), BTreeMap::from([expected]), "{at}");
            }
        }
    }
}

#[test]
fn files_that_are_large_and_those_of_other_folders_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let by = Buckets::by(|row: &Row, _| if row.n < 4 { "small".into() } else { "other".into() });
    let sink = FileSink::json_lines(folder.path()).buckets(by);
    let sink = sink.join_small_files(Joining { below: 20, into: 20 });
    sink.committer().unwrap().unwrap().commit(staged(&sink)).unwrap();
    let place = Storage::local(folder.path());
    // Two lines of eight bytes are small, and two such files are more than 20 bytes.
    assert_eq!(
        texts(&place).keys().collect::<Vec<_>>(),
        ["other/part-2-0.json", "small/part-0-0.json", "small/part-1-0.json"]
    );
}

#[test]
fn a_commit_that_was_interrupted_anywhere_is_brought_to_its_end_without_doubling() {
    let expected = "0\n1\n2\n3\n4\n5\n".to_owned();
    // What a process that dies leaves: nothing; the joined file hidden; the joined file there; some of the small ones gone.
    for left in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::of(folder.path(), Csv { header: false, ..Csv::default() });
        let sink = sink.join_small_files(Joining::default());
        let staged = staged(&sink);
        let at = |name: &str| folder.path().join(name);
        if left == 1 {
            fs::write(at(".part-0-0.csv.joining.inprogress"), "0\n1\n").unwrap();
        }
        if left >= 2 {
            fs::write(at("part-0-0.csv"), &expected).unwrap();
        }
        if left == 3 {
            fs::remove_file(at(".part-0-0.csv.pending")).unwrap();
        }
        sink.committer().unwrap().unwrap().commit(staged.clone()).unwrap();
        let place = Storage::local(folder.path());
        assert_eq!(texts(&place), BTreeMap::from([("part-0-0.csv".to_owned(), expected.clone())]), "{left}");
        // One that reads the output may take it away; a commit that comes again does not bring anything back.
        fs::remove_file(at("part-0-0.csv")).unwrap();
        sink.committer().unwrap().unwrap().commit(staged).unwrap();
        assert_eq!(texts(&place), BTreeMap::new());
        drop(writer(&sink, 0, 3));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "something hidden was left");
    }
}

#[test]
fn folders_are_marked_at_the_end_and_only_when_all_writers_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let by = Buckets::by(|row: &Row, _| format!("n={}", row.n % 2));
    let sink = FileSink::json_lines(folder.path()).buckets(by).success_files();
    let mut writers = [writer(&sink, 0, 2), writer(&sink, 1, 2)];
    let mut committer = sink.committer().unwrap().unwrap();
    let marks = || {
        let names = texts(&Storage::local(folder.path())).into_keys();
        names.filter(|name| name.ends_with("_SUCCESS")).collect::<Vec<_>>()
    };
    for ended in 0..=2 {
        let mut staged = Vec::new();
        for (index, writer) in writers.iter_mut().enumerate() {
            if ended <= index {
                writer.write(&mut Batch::from(vec![Row { n: index as u32 }])).unwrap();
            }
            if ended == index + 1 {
                writer.on_end().unwrap();
            }
            staged.extend(writer.prepare(CheckpointId(ended as u64)).unwrap());
        }
        committer.commit(staged).unwrap();
        let expected: &[&str] = if ended == 2 { &["_SUCCESS", "n=0/_SUCCESS", "n=1/_SUCCESS"] } else { &[] };
        assert_eq!(marks(), expected, "{ended} writers are at their end");
    }
}

#[test]
fn a_folder_of_a_time_is_marked_when_all_writers_are_past_it_also_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let place = Storage::local(folder.path());
    let name = place.name().to_owned();
    let at = |subtask: u32, bucket: &str| Staged::Reached {
        place: name.clone(),
        subtask,
        of: 2,
        bucket: Some(bucket.to_owned()),
        ended: false,
    };
    for hour in ["09", "10"] {
        place.put(&format!("{hour}/part-0-0.txt"), b"").unwrap();
    }
    let sink = TextFilesSink::<u32>::below(folder.path()).buckets(Buckets::hourly()).success_files();
    let is_marked = |hour: &str| place.head(&format!("{hour}/_SUCCESS")).is_ok();
    let mut committer = sink.committer().unwrap().unwrap();
    committer.commit(vec![at(0, "10"), at(1, "09")]).unwrap();
    assert!(!is_marked("09") && !is_marked("10"));
    committer.commit(vec![at(0, "10")]).unwrap();
    assert!(!is_marked("09"), "one of two writers has spoken");
    committer.commit(vec![at(0, "10"), at(1, "10")]).unwrap();
    assert!(is_marked("09") && !is_marked("10"));
    // Another process finds what is not marked yet.
    let mut committer = sink.committer().unwrap().unwrap();
    committer.commit(vec![at(0, "11"), at(1, "11")]).unwrap();
    assert!(is_marked("10") && !is_marked(""));
}
