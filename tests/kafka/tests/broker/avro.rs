//! Avro on the wire. That another implementation reads and writes the same is shown in `tests/python`.

use millstream::StreamEnvironment;
use millstream::connectors::kafka::{AvroEncode, AvroValues, Kafka, KafkaSource, OnPoison, StopAt, Texts};
use millstream_testkit::conformance::Run;
use serde::{Deserialize, Serialize};

use crate::cluster::{broker, read_bytes, topic, write_bytes};

/// As a producer wrote visits first.
const FIRST: &str = r#"{"type": "record", "name": "visit", "fields": [
    {"name": "page", "type": "string"}, {"name": "times", "type": "int"}]}"#;
/// As it wrote them half-way on: a field was renamed, one is wider, one is new.
const SECOND: &str = r#"{"type": "record", "name": "visit", "fields": [
    {"name": "address", "type": "string"}, {"name": "times", "type": "long"},
    {"name": "who", "type": ["null", "string"]}]}"#;
/// As the job wants them.
const WANTED: &str = r#"{"type": "record", "name": "visit", "fields": [
    {"name": "address", "type": "string", "aliases": ["page"]}, {"name": "times", "type": "long"},
    {"name": "who", "type": ["null", "string"], "default": null}]}"#;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Visit {
    address: String,
    times: i64,
    who: Option<String>,
}

fn visit(address: &str, times: i64, who: Option<&str>) -> Visit {
    Visit { address: address.to_owned(), times, who: who.map(str::to_owned) }
}

#[derive(Serialize)]
struct Old {
    page: &'static str,
    times: i32,
}

fn encoded(schema: &str, id: u32, record: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    AvroEncode::of(schema).unwrap().with_id(id).write(record, &mut bytes).unwrap();
    bytes
}

fn changed() -> AvroValues {
    AvroValues::by_id([(7, FIRST), (300, SECOND)]).unwrap().read_as(WANTED).unwrap()
}

fn source(topic: &str) -> KafkaSource<Texts> {
    Kafka::read(broker()).topics([topic]).stop_at(StopAt::Latest)
}

#[test]
fn a_schema_that_changes_half_way_is_resolved_and_what_is_none_is_told_with_its_place() {
    let topic = topic("avro-changed", 1);
    let old = encoded(FIRST, 7, &Old { page: "start", times: 7 });
    let new = encoded(SECOND, 300, &visit("end", i64::MAX, Some("Ada")));
    let unknown = encoded(FIRST, 8, &Old { page: "start", times: 7 });
    let cut = new[..new.len() - 1].to_vec();
    write_bytes(&broker(), &topic, &[&old, &new, &unknown, &cut, &old]);
    let all = |source: KafkaSource<_>| {
        let mut run = Run::open(&source, 1, None).unwrap();
        while run.step().unwrap() {}
        run.take()
    };
    let skipping = source(&topic).avro::<Visit>(changed()).on_poison(OnPoison::Skip);
    let skipped = skipping.skipped();
    let (first, second) = (visit("start", 7, None), visit("end", i64::MAX, Some("Ada")));
    assert_eq!(all(skipping), [first.clone(), second, first]);
    assert_eq!(skipped.count(), 2);

    let env = StreamEnvironment::new();
    env.source(source(&topic).avro::<Visit>(changed()))
        .sink_to(Kafka::write_encoded(broker()).topic(&topic).json());
    let error = env.execute("poisoned").unwrap_err().to_string();
    let unknown = "the value is of Avro schema 8, which was not given: those given are 7, 300";
    assert!(error.contains(unknown) && error.contains(&format!("topic {topic}, partition 0")), "{error}");
    assert!(error.contains("offset 2"), "{error}");

    let mut run = Run::open(&source(&topic).avro::<Visit>(changed()).or_rejected(), 1, None).unwrap();
    while run.step().unwrap() {}
    let errors: Vec<_> =
        run.take().into_iter().filter_map(|record| record.err().map(|one| one.error)).collect();
    assert_eq!(errors.len(), 2);
    assert!(errors[1].contains("field `who`: the value ends too soon"), "{errors:?}");
}

#[test]
fn what_is_written_has_its_schemas_number_before_it_and_keys_are_avro_too() {
    let output = topic("avro-out", 1);
    let input = topic("avro-in", 1);
    write_bytes(&broker(), &input, &[&encoded(FIRST, 7, &Old { page: "ab", times: -2 })]);
    let (keys, values) =
        (AvroEncode::of(r#""string""#).unwrap().with_id(1), AvroEncode::of(SECOND).unwrap().with_id(300));
    let env = StreamEnvironment::new();
    env.source(source(&input).avro::<Visit>(changed())).sink_to(
        Kafka::write_encoded::<Visit>(broker()).topic(&output).encode_with(move |visit, out| {
            keys.write(&visit.address, out.key())?;
            Ok(values.write(visit, out.value())?)
        }),
    );
    env.execute("avro to avro").unwrap();
    // By hand from Avro's specification: a text is its length and its bytes, numbers are in zigzag, a union says its branch.
    assert_eq!(read_bytes(&broker(), &output), [[0, 0, 0, 1, 0x2c, 4, b'a', b'b', 3, 0]]);
    let keys = AvroValues::by_id([(1, r#""string""#)]).unwrap();
    let read = source(&output)
        .decode_with(move |message| Ok(keys.read::<String>(message.key().unwrap_or_default())?));
    let mut run = Run::open(&read, 1, None).unwrap();
    while run.step().unwrap() {}
    assert_eq!(run.take(), ["ab"]);
}
