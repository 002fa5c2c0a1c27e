//! The connectors of the example `own_connector` under the suite that every connector has to pass.

#![allow(clippy::unwrap_used, reason = "a test ends where something is missing")]
#![allow(missing_docs, reason = "the modules of a program")]

use std::path::Path;
use std::process::Command;

use millstream_testkit::conformance::{Run, check_sink, check_source};

#[path = "../own_connector/sink.rs"]
mod sink;
#[path = "../own_connector/source.rs"]
mod source;

use sink::Parts;
use source::{Reading, Readings};

fn write(path: &Path, readings: &[Reading]) {
    let bytes =
        readings.iter().flat_map(|one| [one.sensor.to_le_bytes(), one.celsius.to_le_bytes()].concat());
    std::fs::write(path, bytes.collect::<Vec<u8>>()).unwrap();
}

/// Three files of readings, one of them empty.
fn some(folder: &Path) -> Vec<Reading> {
    let reading = |n: i32| Reading { sensor: n as u32 % 7, celsius: n % 100 };
    let readings: Vec<Reading> = (0..3500).map(reading).collect();
    write(&folder.join("a.readings"), &readings[..2500]);
    write(&folder.join("b.readings"), &[]);
    write(&folder.join("c.readings"), &readings[2500..]);
    std::fs::write(folder.join("notes.txt"), "not read").unwrap();
    readings
}

/// The lines of all files that can be seen.
fn lines(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap());
    let shown = files.filter(|file| !file.file_name().to_string_lossy().starts_with('.'));
    let mut lines: Vec<String> = shown
        .flat_map(|file| {
            let text = std::fs::read_to_string(file.path()).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_source_is_exactly_once_at_every_parallelism_and_through_kills() {
    let folder = tempfile::tempdir().unwrap();
    let readings = some(folder.path());
    check_source(|| Readings::in_folder(folder.path()), &readings);
}

#[test]
fn the_sink_shows_what_is_committed_once_through_kills() {
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let sink = Parts::in_folder(folder.path());
        let visible: Box<dyn Fn() -> Vec<String>> = Box::new(move || lines(folder.path()));
        (sink, visible)
    };
    check_sink(make, &[1_u32, 2, 3, 4], u32::to_string);
}

#[test]
fn a_folder_that_is_not_there_and_a_file_that_is_cut_are_told() {
    let error = Run::open(&Readings::in_folder("/no/such/folder"), 1, None).err().unwrap().to_string();
    assert!(error.starts_with("the folder of readings /no/such/folder cannot be read\n"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.readings"), [0; 13]).unwrap();
    let error =
        Run::open(&Readings::in_folder(folder.path()), 1, None).unwrap().step().unwrap_err().to_string();
    assert!(error.contains("ends within a reading\n  caused by: it has 13 bytes"), "{error}");
}

#[test]
fn the_program_gives_the_hot_sensors() {
    let folder = tempfile::tempdir().unwrap();
    let readings = some(folder.path());
    let output = Command::new(std::env::var("CARGO").unwrap())
        .args(["run", "--quiet", "--package", "millstream-examples", "--example", "own_connector", "--"])
        .args([folder.path(), &folder.path().join("output"), &folder.path().join("checkpoints")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let hot = readings.iter().filter(|reading| reading.celsius > 80);
    let mut expected: Vec<String> =
        hot.map(|reading| format!("sensor {} at {} degrees", reading.sensor, reading.celsius)).collect();
    expected.sort();
    assert_eq!(lines(&folder.path().join("output")), expected);
}
