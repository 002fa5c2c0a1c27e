//! Reading real files, with every kill.

use std::fs;
use std::io::Write as _;

use millstream_testkit::conformance::{Run, check_source};
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Flight {
    carrier: String,
    delay: Option<i32>,
}

fn flights(count: usize) -> Vec<Flight> {
    (0..count)
        .map(|n| Flight {
            carrier: format!("A,\"{}\"\nB", "x".repeat(n * 7 % 23)),
            delay: (n % 3 > 0).then_some(n as i32 - 5),
        })
        .collect()
}

fn csv(flights: &[Flight]) -> String {
    let row = |flight: &Flight| {
        let delay = flight.delay.map_or(String::new(), |delay| delay.to_string());
        format!("\"{}\",{delay}\n", flight.carrier.replace('"', "\"\""))
    };
    format!("carrier,delay\n{}", flights.iter().map(row).collect::<String>())
}

#[test]
fn rows_of_csv_files_are_read_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let all = flights(3_000);
    fs::write(folder.path().join("a.csv"), csv(&all[..2_500])).unwrap();
    let file = fs::File::create(folder.path().join("b.csv.gz")).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(csv(&all[2_500..]).as_bytes()).unwrap();
    encoder.finish().unwrap();
    check_source(|| RowFiles::<Flight>::csv(folder.path().to_str().unwrap()), &all);
}

#[test]
fn values_of_json_lines_are_read_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let all = flights(300);
    let lines: Vec<String> = all.iter().map(|flight| serde_json::to_string(flight).unwrap()).collect();
    fs::write(folder.path().join("a.json"), lines.join("\n")).unwrap();
    check_source(|| RowFiles::<Flight>::json_lines(folder.path().to_str().unwrap()), &all);
}

fn told(source: &RowFiles<Flight>) -> String {
    let mut run = Run::open(source, 1, None).unwrap();
    (0..4).find_map(|_| run.step().err()).unwrap().to_string()
}

#[test]
fn a_bad_row_is_told_with_file_line_and_column_or_left_out_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("a.csv"), "carrier,delay\nAA,1\nUA,late\nDL,3\n").unwrap();
    let source = RowFiles::<Flight>::csv(at("a.csv"));
    let expected = format!("at {}, line 3", at("a.csv"));
    assert!(
        told(&source).contains(&expected) && told(&source).contains("column 2 (`delay`): `late`"),
        "{}",
        told(&source)
    );
    let kept = ["AA", "DL"]
        .map(|carrier| Flight { carrier: carrier.into(), delay: Some(if carrier == "AA" { 1 } else { 3 }) });
    let source = source.on_bad_row(OnBadRow::Skip);
    check_source(|| source.clone(), &kept);
    assert!(source.skipped().count() > 0);

    fs::write(
        at("a.json"),
        "{\"carrier\":\"AA\",\"delay\":1}\n{\"carrier\":7}\n\n{\"carrier\":\"DL\",\"delay\":3}\n",
    )
    .unwrap();
    let source = RowFiles::<Flight>::json_lines(at("a.json"));
    let told = told(&source);
    let expected = "column 12: invalid type: integer `7`, expected a string";
    assert!(told.contains(&format!("at {}, line 2", at("a.json"))) && told.contains(expected), "{told}");
    let source = source.on_bad_row(OnBadRow::Skip);
    check_source(|| source.clone(), &kept);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let source = RowFiles::<Flight>::csv_as("a.csv", Csv { delimiter: b'"', ..Csv::default() });
    let told = Run::open(&source, 1, None).err().unwrap().to_string();
    assert!(told.starts_with("the delimiter of CSV fields cannot be the quote or a line end\n"), "{told}");
}

#[test]
fn a_file_with_other_columns_than_the_one_before_is_told_with_its_name_and_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "carrier,delay\nAA,1\n").unwrap();
    // The order of columns is each file's own; their names are not.
    fs::write(folder.path().join("b.csv"), "delay,carrier\n2,UA\n").unwrap();
    fs::write(folder.path().join("c.csv"), "airline,delay\nDL,3\n").unwrap();
    let source = RowFiles::<Flight>::csv(folder.path().to_str().unwrap());
    let mut run = Run::open(&source, 1, None).unwrap();
    let error = (0..9).find_map(|_| run.step().err()).unwrap().to_string();
    assert_eq!(run.take().iter().map(|flight| &*flight.carrier).collect::<Vec<_>>(), ["AA", "UA"]);
    let at = format!("at {}, line 2", folder.path().join("c.csv").display());
    assert!(error.contains(&at) && error.contains("carrier"), "{error}");
}
