//! Avro files read with every kill, written, and bad ones told.

use std::fs;
use std::path::Path;

use millstream_dataflow::batch::Batch;
use millstream_model::error::Result;
use millstream_model::id::CheckpointId;
use millstream_testkit::conformance::{Run, check_sink, check_source, open_writer};
use serde::{Deserialize, Serialize};

use super::*;
use crate::files::sink::{Compression, FileSink};
use millstream_dataflow::sink::Sink;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    delay: Option<i32>,
}

const SCHEMA: &str = r#"{"type": "record", "name": "flight", "fields": [
    {"name": "carrier", "type": "string"}, {"name": "delay", "type": ["null", "int"]}]}"#;

fn flights(count: i32) -> Vec<Flight> {
    (0..count)
        .map(|n| Flight { carrier: format!("{n} {}", "x".repeat(90)), delay: (n % 3 > 0).then_some(n) })
        .collect()
}

fn write(folder: &Path, flights: &[Flight], codec: AvroCodec) -> Result<()> {
    let sink = FileSink::of(folder, WriteAvro::of(SCHEMA)?.codec(codec));
    let mut writer = open_writer(&sink, Vec::new())?;
    writer.write(&mut Batch::from(flights.to_vec()))?;
    let staged = writer.prepare(CheckpointId(1))?;
    sink.committer()?.unwrap().commit(staged)
}

fn told<T: millstream_model::record::Record + serde::de::DeserializeOwned>(source: &AvroFiles<T>) -> String {
    let mut run = match Run::open(source, 1, None) {
        Ok(run) => run,
        Err(failure) => return failure.to_string(),
    };
    loop {
        match run.step() {
            Ok(true) => {}
            Ok(false) => panic!("nothing was wrong"),
            Err(failure) => return failure.to_string(),
        }
    }
}

#[test]
fn blocks_are_read_exactly_once_for_every_size_of_split_and_every_codec() {
    let all = flights(3_000);
    for codec in [AvroCodec::Null, AvroCodec::Deflate, AvroCodec::Snappy] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &all[..2_500], codec).unwrap();
        write(folder.path(), &all[2_500..], codec).unwrap();
        let path = folder.path().to_str().unwrap();
        for bytes in [7_000, 100_000, u64::MAX] {
            check_source(|| AvroFiles::<Flight>::avro(path).split_bytes(bytes), &all);
        }
    }
}

#[test]
fn records_are_written_exactly_once() {
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let sink = FileSink::of(folder.path(), WriteAvro::of(SCHEMA).unwrap());
        let seen: Box<dyn Fn() -> Vec<Flight>> = Box::new(move || {
            let pattern = format!("{}/part-*.avro", folder.path().display());
            if crate::files::found(&pattern).is_err() {
                return Vec::new();
            }
            let mut run = Run::open(&AvroFiles::avro(pattern), 2, None).unwrap();
            while run.step().unwrap() {}
            run.take()
        });
        (sink, seen)
    };
    check_sink(make, &flights(9), Flight::clone);
}

#[test]
fn another_schema_resolves_fields_that_were_added_and_left_out() {
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    struct Later {
        carrier: String,
        airport: String,
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &flights(2), AvroCodec::Null).unwrap();
    let later = r#"{"type": "record", "name": "flight", "fields": [
        {"name": "carrier", "type": "string"}, {"name": "airport", "type": "string", "default": "JFK"}]}"#;
    let source =
        FileSource::of(folder.path().to_str().unwrap(), ReadAvro::<Later>::with_schema(later).unwrap());
    let mut run = Run::open(&source, 1, None).unwrap();
    while run.step().unwrap() {}
    let found = run.take();
    assert_eq!(
        (found.len(), found[1].airport.as_str(), &found[1].carrier),
        (2, "JFK", &flights(2)[1].carrier)
    );
}

#[test]
fn files_that_are_none_are_cut_off_or_hold_other_types_are_told_with_file_and_place() {
    #[derive(Clone, Debug, Deserialize)]
    struct Other {
        #[allow(dead_code, reason = "it is never there")]
        airport: String,
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text.avro"), "carrier,delay\n").unwrap();
    let text = told(&AvroFiles::<Flight>::avro(at("text.avro").to_str().unwrap()));
    assert!(
        text.contains("text.avro` is no Avro container file, or is cut off within its head")
            && text.contains("it does not begin with Obj and 1")
            && text.contains("leave it out by the pattern of the path"),
        "{text}"
    );
    write(folder.path(), &flights(3_000), AvroCodec::Null).unwrap();
    let whole = fs::read(at("part-0-0.avro")).unwrap();
    fs::write(at("cut.avro"), &whole[..whole.len() - 40]).unwrap();
    let cut = told(&AvroFiles::<Flight>::avro(at("cut.avro").to_str().unwrap()));
    assert!(
        cut.contains("cut.avro` cannot be read in the block at byte ")
            && cut.contains("the file is cut off or damaged"),
        "{cut}"
    );
    let mut damaged = whole.clone();
    let byte = damaged.len() - 5;
    damaged[byte] ^= 0xff;
    fs::write(at("damaged.avro"), &damaged).unwrap();
    let damaged =
        told(&AvroFiles::<Flight>::avro(at("damaged.avro").to_str().unwrap()).split_bytes(u64::MAX));
    assert!(damaged.contains("a block does not end in the marker of its file"), "{damaged}");
    let other = told(&AvroFiles::<Other>::avro(at("part-0-0.avro").to_str().unwrap()));
    assert!(
        other.contains("record 1 of the block at byte ")
            && other.contains("Other")
            && other.contains("missing field `airport`"),
        "{other}"
    );
    assert!(other.contains("mend the type of the program"), "{other}");
}

#[test]
fn a_schema_that_is_none_a_record_that_does_not_fit_and_a_double_compression_are_refused() {
    let told = WriteAvro::<Flight>::of("{").unwrap_err().to_string();
    assert!(told.starts_with("this is no Avro schema\n") && told.contains("give one as JSON"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let narrow = r#"{"type": "record", "name": "flight", "fields": [{"name": "carrier", "type": "int"}]}"#;
    let sink = FileSink::of(folder.path(), WriteAvro::of(narrow).unwrap());
    let mut writer = open_writer(&sink, Vec::new()).unwrap();
    let told = writer.write(&mut Batch::from(flights(1))).unwrap_err().to_string();
    assert!(told.contains("does not fit the Avro schema") && told.contains("the schema is {"), "{told}");
    let sink =
        FileSink::<Flight, _>::of(folder.path(), WriteAvro::of(SCHEMA).unwrap()).compress(Compression::Gzip);
    let told = open_writer(&sink, Vec::new()).err().unwrap().to_string();
    assert!(told.starts_with("an Avro file is not compressed as a whole, but block by block\n"), "{told}");
    let sink = FileSink::<Flight, _>::of(folder.path(), WriteAvro::of(SCHEMA).unwrap())
        .join_small_files(Default::default());
    let told = open_writer(&sink, Vec::new()).err().unwrap().to_string();
    assert!(told.starts_with("files that end in .avro cannot be put behind each other\n"), "{told}");
}
