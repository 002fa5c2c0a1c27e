//! Lines of files as an Rdd: compressed, with bad text, with other delimiters.

use std::fs;
use std::io::Write as _;

use millstream_connectors::files::{LineSettings, OnBadText};

use super::*;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// One frame of one block that is stored as it is.
fn zstd(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let block = (u32::from(length) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, length], &block[..3], text.as_bytes()].concat()
}

#[test]
fn compressed_files_are_read_as_plain_ones_are() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.txt"), "one\ntwo\n").unwrap();
    fs::write(folder.path().join("2.txt.gz"), [gzip("three\n"), gzip("four")].concat()).unwrap();
    fs::write(folder.path().join("3.txt.zst"), zstd("five\nsix\n")).unwrap();
    let context = context();
    let lines = context.text_file(folder.path()).unwrap().collect().unwrap();
    assert_eq!(lines, ["one", "two", "three", "four", "five", "six"]);
    let texts = context.whole_text_files(folder.path().join("*.gz")).unwrap().collect().unwrap();
    assert_eq!(texts[0].1, "three\nfour");
}

#[test]
fn a_compressed_file_that_is_cut_off_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cut.gz");
    let whole = gzip(&"a line\n".repeat(1000));
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let message = context().text_file(&file).unwrap().count().unwrap_err().to_string();
    assert!(message.contains("cut.gz"), "{message}");
}

#[test]
fn lines_that_are_not_utf8_are_replaced_or_left_out_and_counted_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.txt");
    fs::write(&file, b"good\nb\xffd\nbetter\n").unwrap();
    let context = Context::builder().parallelism(1).build().unwrap();
    let read = |on_bad_text| {
        let settings = LineSettings { on_bad_text, ..LineSettings::default() };
        let lines = context.text_file_with(&file, settings.clone()).unwrap().collect();
        (lines, settings.skipped.count())
    };
    assert_eq!(read(OnBadText::Replace).0.unwrap(), ["good", "b\u{fffd}d", "better"]);
    let (lines, skipped) = read(OnBadText::Skip);
    assert_eq!((lines.unwrap(), skipped), (["good", "better"].map(Into::into).to_vec(), 1));
    let message = read(OnBadText::Fail).0.unwrap_err().to_string();
    assert!(message.contains("bad.txt, line 2") && message.contains("byte 6"), "{message}");
}

#[test]
fn records_may_end_with_another_byte_and_an_impossible_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("records");
    fs::write(&file, "a;b\nc;").unwrap();
    let with = |delimiter: u8| LineSettings { delimiter: delimiter.into(), ..LineSettings::default() };
    assert_eq!(context().text_file_with(&file, with(b';')).unwrap().collect().unwrap(), ["a", "b\nc"]);
    let refused = context().text_file_with(&file, with(0xe9)).err().unwrap().to_string();
    assert!(refused.contains("not ASCII"), "{refused}");
}

#[test]
fn records_may_end_with_several_bytes_whatever_the_number_of_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let expected: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
    fs::write(&path, expected.join("||")).unwrap();
    let settings = LineSettings { delimiter: "||".into(), ..LineSettings::default() };
    let lines = Context::builder().parallelism(7).build().unwrap().text_file_with(&path, settings).unwrap();
    assert_eq!(lines.partitions(), 1, "nobody can tell from the middle of a file where `||` begins");
    let found: Vec<String> = lines.collect().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}
