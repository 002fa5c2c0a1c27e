//! Rows that are right, and rows that are not.

use std::io::Read;

use millstream_model::error::Result;
use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Flight {
    carrier: String,
    delay: Option<i32>,
    cancelled: bool,
}

fn flight(carrier: &str, delay: Option<i32>, cancelled: bool) -> Flight {
    Flight { carrier: carrier.into(), delay, cancelled }
}

fn open<T: serde::de::DeserializeOwned>(text: &'static [u8], csv: Csv, at: Option<(u64, u64)>) -> CsvRows<T> {
    let from = |byte: u64| Ok(Box::new(&text[byte as usize..]) as Box<dyn Read + Send>);
    CsvRows::open("flights.csv".into(), csv, at, &from).unwrap()
}

fn all<T: serde::de::DeserializeOwned>(mut rows: CsvRows<T>) -> Result<Vec<T>> {
    let mut found = Vec::new();
    while let Some(row) = rows.next_row()? {
        found.push(row);
    }
    Ok(found)
}

const TEXT: &[u8] = b"carrier,delay,cancelled\r\n\"A, \"\"A\"\"\nB\",-3,false\n\nUA,,true\nDL,12,false";

#[test]
fn quoted_fields_hold_delimiters_quotes_and_line_ends() {
    let found = all::<Flight>(open(TEXT, Csv::default(), None)).unwrap();
    let expected =
        [flight("A, \"A\"\nB", Some(-3), false), flight("UA", None, true), flight("DL", Some(12), false)];
    assert_eq!(found, expected);
}

#[test]
fn reading_goes_on_behind_any_row() {
    for passed in 0..=3 {
        let mut rows = open::<Flight>(TEXT, Csv::default(), None);
        let before: Vec<_> = (0..passed).map(|_| rows.next_row().unwrap().unwrap()).collect();
        let at = Some((rows.byte(), rows.line()));
        let after = all(open(TEXT, Csv::default(), at)).unwrap();
        assert_eq!(before.len() + after.len(), 3, "after {passed}");
        assert_eq!(after.last().map_or("DL", |row: &Flight| &row.carrier), "DL");
    }
}

#[test]
fn rows_without_a_header_are_read_in_the_order_of_their_fields() {
    let csv = Csv { header: false, delimiter: b';', comment: Some(b'#'), trim: true, ..Csv::default() };
    let found = all::<(String, u8)>(open(b"# no row\na; 1\nb;2\n", csv, None)).unwrap();
    assert_eq!(found, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
}

fn told(text: &'static [u8]) -> String {
    all::<Flight>(open(text, Csv::default(), None)).unwrap_err().to_string()
}

#[test]
fn a_field_of_another_type_is_told_with_line_column_and_what_was_expected() {
    assert_eq!(
        told(b"carrier,delay,cancelled\nAA,1,true\nUA,late,true\n"),
        "column 2 (`delay`): `late` is no whole number of its type (invalid digit found in string)\n  at flights.csv, line 3"
    );
    assert_eq!(
        told(b"carrier,delay,cancelled\nAA,1,perhaps\n"),
        "column 3 (`cancelled`): `perhaps` is neither true nor false\n  at flights.csv, line 2"
    );
    assert_eq!(
        told(b"carrier,delay,canceled\nAA,1,true\n"),
        "missing field `cancelled`\n  at flights.csv, line 2\n  the columns are: carrier, delay, canceled"
    );
    let told = told(b"carrier,delay,cancelled\nA\xff,1,true\n");
    assert!(
        told.starts_with("column 1 (`carrier`) is not UTF-8 at its byte 1\n  at flights.csv, line 2"),
        "{told}"
    );
}

#[test]
fn a_row_of_another_length_is_refused_or_fitted_and_those_behind_it_are_read() {
    let text = b"carrier,delay,cancelled\nAA,1\nUA,2,true\nDL,3,true,more\n";
    let mut rows = open::<(String, i32, Option<bool>)>(text, Csv::default(), None);
    let told = rows.next_row().unwrap_err().to_string();
    assert!(
        told.starts_with("the row has 2 fields, and the header has 3\n  at flights.csv, line 2\n"),
        "{told}"
    );
    assert_eq!(rows.next_row().unwrap(), Some(("UA".to_owned(), 2, Some(true))));
    assert!(rows.next_row().unwrap_err().to_string().starts_with("the row has 4 fields"));
    assert_eq!(rows.next_row().unwrap(), None);
    let fit = Csv { ragged: Ragged::Fit, ..Csv::default() };
    let found = all(open::<(String, i32, Option<bool>)>(text, fit, None)).unwrap();
    assert_eq!(found[0], ("AA".to_owned(), 1, None));
    assert_eq!(found[2], ("DL".to_owned(), 3, Some(true)));
}

#[test]
fn a_line_that_is_no_json_is_told_with_its_column() {
    let told = |line| json_row::<Flight>(line).unwrap_err().to_string();
    assert_eq!(told("{\"carrier\": "), "column 12: EOF while parsing a value");
    assert_eq!(told("{\"carrier\": 1}"), "column 13: invalid type: integer `1`, expected a string");
    assert_eq!(told("{\"carrier\": \"AA\", \"delay\": 1}"), "column 29: missing field `cancelled`");
    assert_eq!(told("[1"), "column 2: invalid type: integer `1`, expected a string");
}
