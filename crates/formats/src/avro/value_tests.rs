use serde::{Deserialize, Serialize};

use super::*;

const FIRST: &str = r#"{"type": "record", "name": "visit", "fields": [
    {"name": "page", "type": "string"}, {"name": "times", "type": "int"}]}"#;
const SECOND: &str = r#"{"type": "record", "name": "visit", "fields": [
    {"name": "address", "type": "string"}, {"name": "times", "type": "long"}, {"name": "who", "type": ["null", "string"]}]}"#;
/// The second with an alias for what was renamed, and a default for what is new.
const BOTH: &str = r#"{"type": "record", "name": "visit", "fields": [
    {"name": "address", "type": "string", "aliases": ["page"]}, {"name": "times", "type": "long"},
    {"name": "who", "type": ["null", "string"], "default": null}]}"#;

#[derive(Debug, PartialEq, Deserialize, Serialize)]
struct Visit {
    address: String,
    times: i64,
    who: Option<String>,
}

#[derive(Serialize)]
struct Old {
    page: &'static str,
    times: i32,
}

const START: Old = Old { page: "start", times: 7 };

fn visit(address: &str, times: i64, who: Option<&str>) -> Visit {
    Visit { address: address.to_owned(), times, who: who.map(str::to_owned) }
}

fn written(schema: &str, id: Option<u32>, value: &impl Serialize) -> Vec<u8> {
    let (mut encode, mut bytes) = (AvroEncode::of(schema).unwrap(), Vec::new());
    if let Some(id) = id {
        encode = encode.with_id(id);
    }
    encode.write(value, &mut bytes).unwrap();
    bytes
}

#[test]
fn values_are_found_by_the_number_before_them_and_read_as_one_schema() {
    let values = AvroValues::by_id([(1, FIRST), (70_000, SECOND)]).unwrap().read_as(BOTH).unwrap();
    let old = written(FIRST, Some(1), &START);
    assert_eq!(old[..5], [0, 0, 0, 0, 1]);
    let new = written(SECOND, Some(70_000), &visit("end", i64::MAX, Some("Ada")));
    assert_eq!(values.read::<Visit>(&old), Ok(visit("start", 7, None)));
    assert_eq!(values.read::<Visit>(&new), Ok(visit("end", i64::MAX, Some("Ada"))));
    let other = written(FIRST, Some(3), &START);
    assert_eq!(
        values.read::<Visit>(&other).unwrap_err(),
        "the value is of Avro schema 3, which was not given: those given are 1, 70000"
    );
    let plain = written(FIRST, None, &START);
    let error = values.read::<Visit>(&plain).unwrap_err();
    assert_eq!(error, "the value does not begin with a zero byte and the number of a schema");
}

#[test]
fn a_value_that_is_cut_off_is_never_one_with_nulls_in_it() {
    let schema = r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": ["null", "string"]},
        {"name": "b", "type": ["null", "boolean"]}, {"name": "c", "type": {"type": "array", "items": "long"}}]}"#;
    let values = AvroValues::of(schema).unwrap();
    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    struct Row {
        a: Option<String>,
        b: Option<bool>,
        c: Vec<i64>,
    }
    let row = Row { a: Some("text".to_owned()), b: Some(true), c: vec![1, 2] };
    let whole = written(schema, None, &row);
    assert_eq!(values.read::<Row>(&whole), Ok(row));
    for end in 0..whole.len() {
        let error = values.read::<Row>(&whole[..end]).unwrap_err();
        assert!(error.contains("the value ends too soon"), "{end}: {error}");
    }
    let error = values.read::<Row>(&[&whole[..], b"xy"].concat()).unwrap_err();
    assert!(error.contains("2 bytes stand behind the value"), "{error}");
}

#[test]
fn lengths_and_depths_that_no_value_has_are_refused_before_memory_is_asked_for() {
    let long = AvroValues::of(r#"{"type": "array", "items": "long"}"#).unwrap();
    // A count of 2^60.
    let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    assert!(long.value(&huge).unwrap_err().contains("the value ends too soon"));
    let nulls = AvroValues::of(r#"{"type": "array", "items": "null"}"#).unwrap();
    assert!(nulls.value(&huge).unwrap_err().contains("values that take no bytes"));
    let text = AvroValues::of(r#""bytes""#).unwrap();
    assert!(text.value(&huge).unwrap_err().contains("the value ends too soon"));
    let chain =
        r#"{"type": "record", "name": "link", "fields": [{"name": "next", "type": ["null", "link"]}]}"#;
    let chain = AvroValues::of(chain).unwrap();
    assert!(chain.value(&[2, 2, 2, 0]).is_ok());
    let error = chain.value(&[&vec![2; 1 << 20][..], &[0]].concat()).unwrap_err();
    assert!(error.contains("levels deep"), "{error}");
    assert!(chain.value(&[9]).unwrap_err().contains("branch -5 of a union of 2 is chosen"));
}

#[test]
fn a_schema_that_cannot_be_read_as_the_one_asked_for_is_refused_before_the_first_value() {
    let narrow = r#"{"type": "record", "name": "visit", "fields": [{"name": "times", "type": "int"}]}"#;
    let error = AvroValues::by_id([(4, SECOND)]).unwrap().read_as(narrow).unwrap_err().to_string();
    assert!(
        error.contains("schema 4") && error.contains("field `times`: long is written, int is asked for"),
        "{error}"
    );
    let more = r#"{"type": "record", "name": "visit", "fields": [{"name": "place", "type": "string"}]}"#;
    let error = AvroValues::of(FIRST).unwrap().read_as(more).unwrap_err().to_string();
    assert!(error.contains("field `place` is not written, and has no default"), "{error}");
    let error = AvroValues::of("{").unwrap_err().to_string();
    assert!(error.contains("no Avro schema"), "{error}");
    let error = AvroValues::by_id([(4, SECOND), (5, "{")]).unwrap_err().to_string();
    assert!(error.contains("schema 5"), "{error}");
}

#[test]
fn what_does_not_fit_the_schema_is_not_written() {
    let error = AvroEncode::of(FIRST).unwrap().write(&"seven", &mut Vec::new()).unwrap_err();
    assert!(error.contains("does not fit the Avro schema"), "{error}");
}
