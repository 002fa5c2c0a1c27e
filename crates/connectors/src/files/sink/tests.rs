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
    let by_record = (Rolling::default(), Buckets::by(|n: &u32, _| format!("last={}/{n}", n % 2)));
    for (rolling, buckets) in
        [(Rolling::default(), Buckets::None), (one_a_batch, Buckets::hourly()), by_record]
    {
        let make = || {
            let folder = tempfile::tempdir().unwrap();
            let sink =
                TextFilesSink::below(folder.path().join("out")).rolling(rolling).buckets(buckets.clone());
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
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let full = millstream_storage::StorageError::Failed {
        action: "writing",
        name: "out/x".into(),
        tried: Duration::ZERO,
        source: full.into(),
    };
    let full = super::names::failed("write to", "out/x", full);
    assert!(full.to_string().contains("cannot write to `out/x`\n"), "{full}");
    assert!(full.to_string().contains("the disk is full: make room; finished files stay"), "{full}");
}

/// The names below `folder`, folders included, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true => found.extend(names(&path).into_iter().map(|below| format!("{name}/{below}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn a_file_is_closed_at_its_size_its_age_and_its_inactivity_and_at_nothing_else() {
    let never = Rolling { bytes: u64::MAX, age: seconds(100_000), inactivity: seconds(100_000) };
    let cases = [
        (Rolling { bytes: 3, ..never }, 0, true),
        (Rolling { bytes: 5, ..never }, 0, false),
        (Rolling { age: seconds(60), ..never }, 61, true),
        (Rolling { age: seconds(60), ..never }, 30, false),
        (Rolling { inactivity: seconds(60), ..never }, 61, true),
        (Rolling { inactivity: seconds(60), ..never }, 30, false),
    ];
    for (rolling, later, is_closed) in cases {
        let folder = tempfile::tempdir().unwrap();
        let sink = TextFilesSink::below(folder.path()).rolling(rolling);
        let mut writer = open_writer(&sink, Vec::new()).unwrap();
        writer.write(&mut Batch::from(vec![1, 2])).unwrap();
        writer.on_time(Timestamp::now() + seconds(later)).unwrap();
        let expected = if is_closed { ".part-0-0.txt.pending" } else { ".part-0-0.txt.inprogress" };
        assert_eq!(names(folder.path()), [expected], "{rolling:?}, {later} s later");
        let staged = writer.prepare(CheckpointId(1)).unwrap();
        assert_eq!(staged.len(), 1);
        sink.committer().unwrap().unwrap().commit(staged).unwrap();
        assert_eq!(visible(folder.path()), ["1", "2"]);
    }
}

#[test]
fn the_writer_asks_to_be_called_when_the_first_of_its_files_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let rolling = Rolling { bytes: u64::MAX, age: seconds(100), inactivity: seconds(7) };
    let sink = TextFilesSink::below(folder.path()).rolling(rolling);
    let wakeup = millstream_dataflow::operator::Wakeup::default();
    let subtask = millstream_model::id::Subtask { index: 0, of: 1 };
    let context = WriterContext { subtask, wakeup: wakeup.clone(), cancelled: Default::default() };
    let mut writer = sink.writer(context, Vec::new()).unwrap();
    let before = Timestamp::now();
    writer.write(&mut Batch::from(vec![1])).unwrap();
    assert!((before + seconds(7)..=Timestamp::now() + seconds(7)).contains(&wakeup.next()));
}

#[test]
fn records_lie_in_the_folder_that_is_chosen_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let by_time = |_: &u32, context: &BucketContext| match context.event_time {
        Some(time) => format!("at/{}", time.millis()),
        None => "untimed".into(),
    };
    let sink = TextFilesSink::below(folder.path()).buckets(Buckets::by(by_time));
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    let mut timed = Batch::with_capacity(3);
    for (record, time) in [(1, 10), (2, 20), (3, 10)] {
        timed.push_at(record, Timestamp::from_millis(time));
    }
    writer.write(&mut timed).unwrap();
    writer.write(&mut Batch::from(vec![4])).unwrap();
    let staged = writer.prepare(CheckpointId(1)).unwrap();
    sink.committer().unwrap().unwrap().commit(staged).unwrap();
    let mut lines = names(folder.path())
        .into_iter()
        .map(|name| {
            (
                fs::read_to_string(folder.path().join(&name)).unwrap(),
                name.rsplit_once('/').unwrap().0.to_owned(),
            )
        })
        .collect::<Vec<_>>();
    lines.sort();
    let expected = [("1\n3\n", "at/10"), ("2\n", "at/20"), ("4\n", "untimed")];
    assert_eq!(lines, expected.map(|(lines, folder)| (lines.to_owned(), folder.to_owned())));
}

#[test]
fn more_buckets_than_files_that_may_be_open_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sink = TextFilesSink::below(folder.path()).buckets(Buckets::by(|n: &u32, _| (n % 300).to_string()));
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    writer.write(&mut Batch::from((0..600).collect::<Vec<u32>>())).unwrap();
    let open = names(folder.path()).iter().filter(|name| name.ends_with(".inprogress")).count();
    assert!(open <= 256, "{open} files are open");
    let staged = writer.prepare(CheckpointId(1)).unwrap();
    sink.committer().unwrap().unwrap().commit(staged).unwrap();
    let mut found: Vec<u32> = visible(folder.path()).iter().map(|line| line.parse().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, (0..600).collect::<Vec<u32>>());
}

#[test]
fn a_bucket_that_leads_out_of_the_folder_and_a_pattern_that_is_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = TextFilesSink::below(folder.path()).buckets(Buckets::by(|_: &u32, _| "../x".into()));
    let mut writer = open_writer(&out, Vec::new()).unwrap();
    let error = writer.write(&mut Batch::from(vec![1])).unwrap_err().to_string();
    assert!(error.starts_with("the bucket `../x` is no folder below `"), "{error}");
    let sink = TextFilesSink::<u32>::below(folder.path()).buckets(Buckets::time("YYYY"));
    let error = open_writer(&sink, Vec::new()).err().unwrap().to_string();
    assert!(
        error.starts_with("the bucket pattern `YYYY` has the letter `Y`, which has no meaning here\n"),
        "{error}"
    );
}
