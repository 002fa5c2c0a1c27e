//! Lines read from S3 and HDFS: in splits, by pattern, compressed, through the same door as local ones.

use std::io::Write as _;

use millstream::connectors::files::TextFiles;
use millstream::{Result, StreamEnvironment};
use millstream_storage::Storage;

use crate::independent::{hadoop, lines_hdfs, put_s3, shared_conf};
use crate::places;

fn read(source: TextFiles) -> Result<Vec<String>> {
    let env = StreamEnvironment::new();
    env.set_parallelism(2);
    let mut lines = env.source(source).map(|line| line.to_string()).execute_and_collect("read")?;
    lines.sort();
    Ok(lines)
}

fn lines(file: &str, count: usize) -> Vec<String> {
    (0..count).map(|line| format!("{file} {line:06} {}", "x".repeat(line * 7 % 23))).collect()
}

/// Writes three files and two that are not to be read.
fn fill(place: &Storage) -> Vec<String> {
    let mut all = Vec::new();
    for file in ["2013/a.csv", "2013/b.csv", "2014/c.csv"] {
        let lines = lines(file, 2_000);
        place.put(file, lines.join("\n").as_bytes()).unwrap();
        all.extend(lines);
    }
    place.put("2013/_SUCCESS", b"no").unwrap();
    place.put("2013/.part.inprogress", b"no").unwrap();
    all
}

fn source(path: &str) -> TextFiles {
    TextFiles::read(path).storage(places::settings()).split_bytes(10_000)
}

#[test]
fn a_file_a_folder_and_a_pattern_are_read_in_splits() {
    for place in places::both("lines") {
        let all = fill(&place);
        let of = |part: &str| all.iter().filter(|line| line.contains(part)).cloned().collect::<Vec<_>>();
        assert_eq!(read(source(&place.full_name("2013/a.csv"))).unwrap(), of("a.csv"));
        assert_eq!(read(source(&place.full_name("2013"))).unwrap(), of("2013/"));
        assert_eq!(read(source(&place.full_name("201?/*.csv"))).unwrap(), all);
        assert_eq!(read(source(&place.full_name("**/[bc].csv"))).unwrap().len(), 4_000);
    }
}

#[test]
fn compressed_files_are_read_whole() {
    for place in places::both("gzip") {
        let lines = lines("zip", 5_000);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(lines.join("\n").as_bytes()).unwrap();
        place.put("a.gz", &encoder.finish().unwrap()).unwrap();
        assert_eq!(read(source(&place.full_name("a.gz"))).unwrap(), lines);
    }
}

#[test]
fn what_is_not_there_is_said_with_its_location() {
    for place in places::both("none") {
        let path = place.full_name("none.csv");
        let told = read(source(&path)).unwrap_err().to_string();
        assert!(told.contains(&format!("`{path}` does not exist")), "{told}");
        place.put("here", b"text").unwrap();
        let path = place.full_name("*.csv");
        let told = read(source(&path)).unwrap_err().to_string();
        assert!(told.contains(&format!("no file matches `{path}`")), "{told}");
    }
}

#[test]
fn files_that_other_clients_wrote_are_read() {
    let (s3, hdfs) = (places::s3("others"), places::hdfs("others"));
    let server = millstream_storage_tests::fact("MILLSTREAM_S3");
    put_s3(&server, &format!("{s3}/a_b.txt"), "one\ntwo");
    assert_eq!(read(source(&s3)).unwrap(), ["one", "two"]);
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("a.txt");
    std::fs::write(&local, "one\ntwo").unwrap();
    hadoop(&shared_conf(), &["-mkdir", "-p", &hdfs]);
    hadoop(&shared_conf(), &["-put", local.to_str().unwrap(), &format!("{hdfs}/a b.txt")]);
    assert_eq!(read(source(&hdfs)).unwrap(), ["one", "two"]);
}

#[test]
fn a_data_set_is_saved_and_read_in_hdfs() {
    let location = places::hdfs("saved");
    let context = millstream::rdd::Context::new().unwrap();
    let numbers = context.parallelize_in(0..1000, 3);
    numbers.save_as_text_file(&location).unwrap();
    assert_eq!(lines_hdfs(&shared_conf(), &location).len(), 1000);
    assert_eq!(hadoop(&shared_conf(), &["-ls", "-C", &location]).lines().count(), 4);
    assert_eq!(context.text_file(&location).unwrap().count().unwrap(), 1000);
    let told = numbers.save_as_text_file(&location).unwrap_err().to_string();
    assert!(told.contains(&format!("output folder {location} already exists")), "{told}");
}

#[test]
fn names_with_odd_characters_are_those_that_they_are() {
    for place in places::both("odd") {
        for name in ["a b+c.txt", "50%.txt", "%20.txt", "ü=1&2.txt"] {
            place.put(name, name.as_bytes()).unwrap();
            assert_eq!(read(source(&place.full_name(name))).unwrap(), [name], "{place:?}");
        }
        assert_eq!(read(source(place.name())).unwrap().len(), 4);
    }
}
