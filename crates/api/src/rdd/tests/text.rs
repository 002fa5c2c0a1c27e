//! Text files as data sets: compression, delimiters, bad text.

use std::fs;
use std::io::Write;

use millstream_connectors::text_files::{LineSettings, OnBadText};
use millstream_model::text::Text;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn strings(lines: &Rdd<Text>) -> Vec<String> {
    lines.collect().unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn compressed_files_are_read_through_their_compression_each_as_one_partition() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.gz"), gzip(b"one\ntwo\n")).unwrap();
    fs::write(folder.path().join("b.zst"), zstd(b"three\nfour")).unwrap();
    let lines = context().text_file(folder.path()).unwrap();
    assert_eq!(lines.partitions(), 2);
    assert_eq!(strings(&lines), ["one", "two", "three", "four"]);
}

#[test]
fn a_damaged_gzip_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.gz");
    let whole = gzip("0123456789\n".repeat(1000).as_bytes());
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let message = context().text_file(&path).unwrap().count().unwrap_err().to_string();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
}

#[test]
fn lines_may_end_in_several_bytes_whatever_the_number_of_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    let expected: Vec<String> = (0..100).map(|n| format!("{n}|")).collect();
    fs::write(&path, expected.join("||")).unwrap();
    let settings = LineSettings { delimiter: "||".into(), ..LineSettings::default() };
    let lines = Context::builder().parallelism(7).build().unwrap().text_file_with(&path, settings).unwrap();
    assert_eq!(strings(&lines).concat().replace('|', ""), expected.concat().replace('|', ""));
    assert_eq!(lines.count().unwrap(), 100);
}

#[test]
fn a_line_that_is_not_utf_8_fails_with_its_place_or_is_replaced_or_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines");
    fs::write(&path, b"good\nb\xffd\nlast\n").unwrap();
    let read = |on_bad_text| {
        let settings = LineSettings { on_bad_text, ..LineSettings::default() };
        let skipped = settings.skipped.clone();
        (context().text_file_with(&path, settings).unwrap(), skipped)
    };
    let message = read(OnBadText::Fail).0.collect().unwrap_err().to_string();
    assert!(message.contains(&format!("{}", path.display())) && message.contains("UTF-8"), "{message}");
    assert_eq!(strings(&read(OnBadText::Replace).0), ["good", "b\u{fffd}d", "last"]);
    let (lines, skipped) = read(OnBadText::Skip);
    assert_eq!(strings(&lines), ["good", "last"]);
    assert_eq!(skipped.count(), 1);
}
