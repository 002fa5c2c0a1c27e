//! Reading real files, with every kill.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use millstream_model::text::Text;
use millstream_testkit::conformance::{Run, check_idle, check_source};

use super::*;

fn small() -> LineSettings {
    LineSettings { read_bytes: 16, ..LineSettings::default() }
}

fn lines(count: usize, name: &str) -> Vec<String> {
    (0..count).map(|n| format!("{name} {}", "x".repeat(n * 7 % 23))).collect()
}

fn texts(lines: &[String]) -> Vec<Text> {
    lines.iter().map(Text::from).collect()
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

fn message(path: &str) -> String {
    Run::open(&TextFiles::read(path), 1, None).err().unwrap().to_string()
}

#[test]
fn files_of_a_folder_are_read_exactly_once_for_every_size_of_split() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (lines(12, "one"), lines(7, "two"));
    fs::write(folder.path().join("1.txt"), one.join("\n")).unwrap();
    fs::write(folder.path().join("2.txt"), two.join("\r\n") + "\r\n").unwrap();
    fs::write(folder.path().join(".hidden"), "no").unwrap();
    fs::write(folder.path().join("empty.txt"), "").unwrap();
    for bytes in [1, 5, 24, 1000] {
        let make = || TextFiles::read(folder.path().to_str().unwrap()).split_bytes(bytes).lines(small());
        check_source(make, &texts(&[one.clone(), two.clone()].concat()));
    }
}

#[test]
fn lines_that_a_text_of_several_bytes_ends_are_read_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let expected = lines(12, "one\ntwo");
    fs::write(folder.path().join("1.txt"), expected.join("\r\n")).unwrap();
    let make =
        || TextFiles::read(folder.path().to_str().unwrap()).split_bytes(5).lines(small()).delimiter("\r\n");
    check_source(make, &texts(&expected));
}

#[test]
fn compressed_files_are_read_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let expected = lines(30, "zip");
    let file = fs::File::create(folder.path().join("a.gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(expected.join("\n").as_bytes()).unwrap();
    encoder.finish().unwrap();
    check_source(|| TextFiles::read(at(folder.path(), "*.gz")).lines(small()), &texts(&expected));
}

#[test]
fn a_watched_folder_gives_new_files_once_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let source = TextFiles::read(folder.path().to_str().unwrap()).watch(Duration::ZERO);
    check_idle(&source);
    let mut run = Run::open(&source, 1, None).unwrap();
    let read = |run: &mut Run<TextFiles>| {
        (0..6).for_each(|_| assert!(run.step().unwrap()));
        run.take()
    };
    fs::write(folder.path().join("b"), "one").unwrap();
    assert_eq!(read(&mut run), ["one"]);
    let mut run = Run::open(&source, 2, Some(run.snapshot())).unwrap();
    fs::write(folder.path().join("a"), "two").unwrap();
    assert_eq!(read(&mut run), ["two"]);
}

#[test]
fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let missing = at(folder.path(), "flights.csv");
    assert!(message(&missing).starts_with(&format!("`{missing}` does not exist\n")), "{}", message(&missing));
    let pattern = at(folder.path(), "*.csv");
    assert!(message(&pattern).starts_with(&format!("no file matches `{pattern}`\n  paths are relative to ")));
    let empty = folder.path().to_str().unwrap();
    assert!(message(empty).starts_with(&format!("the folder `{empty}` has no file to read\n")));
    assert!(message("[a").starts_with("`[a` is no pattern of paths\n"));
}

#[test]
fn a_bad_line_is_told_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = at(folder.path(), "f.csv");
    fs::write(&path, b"ok\nok\nb\xffd\n").unwrap();
    let mut run = Run::open(&TextFiles::read(&path), 1, None).unwrap();
    let error = (0..3).find_map(|_| run.step().err()).unwrap().to_string();
    assert!(error.contains(&format!("at {path}, line 3\n")), "{error}");
    let source = TextFiles::read(&path).on_bad_text(OnBadText::Skip);
    check_source(|| source.clone(), &["ok".into(), "ok".into()]);
    assert!(source.skipped().count() > 0);
}

#[test]
fn a_file_that_has_shrunk_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = at(folder.path(), "f.csv");
    fs::write(&path, "a\n".repeat(100)).unwrap();
    let source = TextFiles::read(&path).lines(small());
    let mut run = Run::open(&source, 1, None).unwrap();
    (0..5).for_each(|_| assert!(run.step().unwrap()));
    fs::write(&path, "a\n").unwrap();
    let mut run = Run::open(&source, 1, Some(run.snapshot())).unwrap();
    let error = (0..3).find_map(|_| run.step().err()).unwrap().to_string();
    assert!(error.contains("was read up to byte 64 before, and now has only 2 bytes"), "{error}");
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_told_and_never_a_short_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = at(folder.path(), "f.csv");
    fs::write(&path, "a\n".repeat(100)).unwrap();
    let mut run = Run::open(&TextFiles::read(&path).lines(small()), 1, None).unwrap();
    (0..3).for_each(|_| assert!(run.step().unwrap()));
    fs::File::options().write(true).open(&path).unwrap().set_len(70).unwrap();
    let error = (0..9).find_map(|_| run.step().err()).unwrap().to_string();
    assert!(error.contains(&format!("cannot read `{path}` behind byte 70")), "{error}");
    assert!(error.contains("it ends 130 bytes sooner than when it was found"), "{error}");
    assert!(error.contains("put it there again, under a name that was not read yet"), "{error}");
}

#[test]
fn a_stored_file_that_is_shorter_than_when_it_was_found_is_told() {
    let place = millstream_storage::Storage::open("memory:shorter").unwrap();
    place.put("f.csv", b"short\n").unwrap();
    let path = place.full_name("f.csv");
    let split = FileSplit { path: path.clone(), start: 0, end: Some(1000), byte: None, count: 0 };
    let error = super::lines(&split, &small()).err().unwrap().to_string();
    assert!(
        error.contains(&format!("`{path}` had 1000 bytes or more when it was found, and now has only 6")),
        "{error}"
    );
    assert!(error.contains("files must not change while a job reads them"), "{error}");
}

#[test]
fn a_compressed_file_that_is_cut_off_or_is_none_is_told_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = lines(3_000, "zip").join("\n");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    for (name, bytes) in
        [("cut.gz", &whole[..whole.len() / 2]), ("text.gz", b"no gzip at all"), ("text.zst", b"no zstd")]
    {
        let path = at(folder.path(), name);
        fs::write(&path, bytes).unwrap();
        let mut run = Run::open(&TextFiles::read(&path), 1, None).unwrap();
        let error = (0..99).find_map(|_| run.step().err()).unwrap().to_string();
        assert!(error.contains(&format!("cannot read `{path}`")), "{error}");
        assert!(error.contains("if it is cut off or was changed while it was read"), "{error}");
    }
}
