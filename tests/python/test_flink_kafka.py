"""`KafkaSource` and `KafkaSink` against a real broker."""

import pytest

from kafka_client import broker, committed, records, texts, topic, write
from millstream.flink.common import (
    ByteArraySchema,
    DeserializationSchema,
    Duration,
    Row,
    SerializationSchema,
    SimpleStringSchema,
    Types,
    WatermarkStrategy,
)
from millstream.flink.datastream import ProcessFunction, StreamExecutionEnvironment
from millstream.flink.datastream.connectors.base import DeliveryGuarantee
from millstream.flink.datastream.connectors.kafka import (
    KafkaOffsetResetStrategy,
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
    KafkaTopicPartition,
    KafkaTopicSelector,
)
from millstream.flink.datastream.formats.csv import CsvRowDeserializationSchema, CsvRowSerializationSchema
from millstream.flink.datastream.formats.json import JsonRowDeserializationSchema, JsonRowSerializationSchema

NO_WATERMARKS = WatermarkStrategy.no_watermarks()


def source(name=None, schema=None, stop=KafkaOffsetsInitializer.latest()):
    made = KafkaSource.builder().set_bootstrap_servers(broker())
    if name is not None:
        made = made.set_topics(name)
    made = made.set_value_only_deserializer(schema or SimpleStringSchema())
    return made if stop is None else made.set_bounded(stop)


def sink(name, schema=None, key=None):
    made = KafkaRecordSerializationSchema.builder().set_topic(name)
    made = made.set_value_serialization_schema(schema or SimpleStringSchema())
    if key is not None:
        made = made.set_key_serialization_schema(key)
    return KafkaSink.builder().set_bootstrap_servers(broker()).set_record_serializer(made.build())


def environment(parallelism=1):
    return StreamExecutionEnvironment.get_execution_environment().set_parallelism(parallelism)


def read(made, parallelism=1, strategy=NO_WATERMARKS):
    stream = environment(parallelism).from_source(made.build(), strategy, "kafka")
    return list(stream.execute_and_collect())


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_topic_is_read_to_its_end_and_written_to_another(parallelism):
    name, out = topic("words", 3), topic("lengths", 2)
    words = [f"wörd {number}" for number in range(5_000)]
    write(name, words)
    env = environment(parallelism)
    stream = env.from_source(source(name).build(), NO_WATERMARKS, "words")
    assert stream.get_type() == Types.STRING()
    stream.map(lambda word: f"{word} {len(word)}").sink_to(sink(out).build())
    env.execute("words")
    assert sorted(texts(out)) == sorted(f"{word} {len(word)}" for word in words)


def test_reading_begins_and_ends_where_it_is_told():
    name = topic("places")
    for time, value in [(1_000, "a"), (2_000, "b"), (3_000, "c"), (4_000, "d")]:
        write(name, [value], partition=0, timestamp_ms=time)
    first = KafkaTopicPartition(name, 0)
    place = KafkaOffsetsInitializer
    assert read(source(name)) == ["a", "b", "c", "d"]
    assert read(source(name).set_starting_offsets(place.timestamp(2_500))) == ["c", "d"]
    assert read(source(name).set_starting_offsets(place.offsets({first: 1}))) == ["b", "c", "d"]
    assert read(source(name).set_starting_offsets(place.latest())) == []
    assert read(source(name, stop=place.timestamp(3_000))) == ["a", "b"]
    assert read(source(name, stop=place.offsets({first: 3}))) == ["a", "b", "c"]
    assert read(source().set_partitions({first})) == ["a", "b", "c", "d"]
    assert read(source().set_topic_pattern(name[:-1] + ".")) == ["a", "b", "c", "d"]
    unbounded = source(name, stop=None).set_unbounded(place.latest())
    assert read(unbounded) == ["a", "b", "c", "d"]


def test_reading_begins_where_the_group_stands():
    name = topic("groups")
    write(name, ["a", "b"], partition=0)
    group = f"group of {name}"
    with pytest.raises(Exception, match="the group has committed nothing"):
        read(source(name).set_group_id(group).set_starting_offsets(KafkaOffsetsInitializer.committed_offsets()))
    env = environment().enable_checkpointing(10)
    made = source(name).set_group_id(group).set_starting_offsets(
        KafkaOffsetsInitializer.committed_offsets(KafkaOffsetResetStrategy.EARLIEST)
    )
    env.from_source(made.build(), NO_WATERMARKS, "first").add_sink(lambda _: None)
    env.execute()
    assert committed(group, name) == 2
    write(name, ["c"], partition=0)
    again = read(
        source(name).set_group_id(group).set_starting_offsets(
            KafkaOffsetsInitializer.committed_offsets(KafkaOffsetResetStrategy.EARLIEST)
        )
    )
    assert again == ["c"]


def test_records_have_the_time_of_kafka_and_watermarks_by_partition():
    name = topic("times", 2)
    # One partition is read long before the other: by subtask alone, the second one's records would be late.
    write(name, [f"late {n}" for n in range(2_000)], partition=0, timestamp_ms=90_000)
    for second in range(10):
        write(name, [f"{second}"], partition=1, timestamp_ms=second * 1_000)

    class Late(ProcessFunction):
        def process_element(self, value, ctx):
            yield value, ctx.timestamp(), ctx.timestamp() <= ctx.timer_service().current_watermark()

    made = source(name)
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(1))
    stream = environment().from_source(made.build(), strategy, "times").process(Late())
    found = list(stream.execute_and_collect())
    assert len(found) == 2_010
    assert {time for _, time, _ in found if time != 90_000} == {second * 1_000 for second in range(10)}
    assert not any(is_late for _, _, is_late in found)


class Number(DeserializationSchema):
    def deserialize(self, message):
        return None if message is None else int(message)


def test_a_schema_of_the_programs_own_is_told_of_deletions_and_leaves_out_none():
    name = topic("numbers")
    write(name, ["1", "2", ("deleted", None), "3"], partition=0)
    assert read(source(name, Number())) == [1, 2, 3]


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_value_that_is_none_of_the_schemas_fails_the_job_with_its_place(parallelism):
    name = topic("poison")
    write(name, ["1", "two", "3"], partition=0)
    with pytest.raises(Exception) as failed:
        read(source(name, Number()), parallelism)
    assert f"topic {name}, partition 0, offset 1: b'two'" in str(failed.value)
    assert "invalid literal for int()" in str(failed.value)


def test_rows_travel_as_json():
    kind = Types.ROW_NAMED(["name", "age", "tags"], [Types.STRING(), Types.INT(), Types.LIST(Types.STRING())])
    name, out = topic("json"), topic("json-out")
    write(name, ['{"name": "Ada", "age": 36, "tags": ["a"], "other": 1}', '{"name": "Bob"}'], partition=0)
    schema = JsonRowDeserializationSchema.builder().type_info(kind).build()
    env = environment()
    rows = env.from_source(source(name, schema).build(), NO_WATERMARKS, "rows")
    assert rows.get_type() == kind
    written = JsonRowSerializationSchema.builder().with_type_info(kind).build()
    rows.map(lambda row: Row(name=row.name, age=(row.age or 0) + 1, tags=row.tags), kind).sink_to(sink(out, written).build())
    env.execute()
    assert texts(out) == ['{"name":"Ada","age":37,"tags":["a"]}', '{"name":"Bob","age":1,"tags":null}']


def test_json_that_is_none_fails_or_is_left_out():
    kind = Types.ROW_NAMED(["n"], [Types.INT()])
    name = topic("bad-json")
    write(name, ['{"n": 1}', "{", '{"n": "x"}', '{"n": 2}', "{}"], partition=0)
    builder = lambda: JsonRowDeserializationSchema.builder().type_info(kind)  # noqa: E731
    with pytest.raises(Exception, match="partition 0, offset 1: b'{'"):
        read(source(name, builder().build()))
    assert read(source(name, builder().ignore_parse_errors().build())) == [Row(n=1), Row(n=2), Row(n=None)]
    with pytest.raises(Exception, match="there is no field `n`"):
        read(
            source(name, builder().fail_on_missing_field().build()).set_starting_offsets(
                KafkaOffsetsInitializer.offsets({KafkaTopicPartition(name, 0): 4})
            )
        )


def test_rows_travel_as_csv():
    kind = Types.ROW_NAMED(["name", "price", "ok"], [Types.STRING(), Types.DOUBLE(), Types.BOOLEAN()])
    name, out = topic("csv"), topic("csv-out")
    write(name, ['"a;b";1.5;true', "c;-2;false", "d;;"], partition=0)
    schema = CsvRowDeserializationSchema.Builder(kind).set_field_delimiter(";").set_null_literal("").build()
    rows = read(source(name, schema))
    assert [tuple(row) for row in rows] == [("a;b", 1.5, True), ("c", -2.0, False), ("d", None, None)]
    env = environment()
    written = CsvRowSerializationSchema.Builder(kind).set_null_literal("-").build()
    env.from_collection(rows, kind).sink_to(sink(out, written).build())
    env.execute()
    assert texts(out) == ["a;b,1.5,true", "c,-2.0,false", "d,-,-"]
    short = topic("csv-short")
    write(short, ["a;1"], partition=0)
    with pytest.raises(Exception, match="2 fields where 3 are declared"):
        read(source(short, schema))


def test_records_have_keys_and_topics_of_their_own():
    outs = {"even": topic("even", 3), "odd": topic("odd", 3)}

    class Key(SerializationSchema):
        def serialize(self, value):
            return f"key {value % 4}".encode()

    class Value(SerializationSchema):
        def serialize(self, value):
            return None if value == 7 else str(value).encode()

    class Parity(KafkaTopicSelector):
        def apply(self, data):
            return outs["odd" if data % 2 else "even"]

    made = KafkaRecordSerializationSchema.builder().set_topic_selector(Parity())
    made = made.set_key_serialization_schema(Key()).set_value_serialization_schema(Value()).build()
    env = environment()
    env.from_collection(list(range(100))).sink_to(
        KafkaSink.builder().set_bootstrap_servers(broker()).set_record_serializer(made).build()
    )
    env.execute()
    for parity, name in outs.items():
        found = records(name)
        assert {record.key.decode() for record in found} == {f"key {n}" for n in range(4) if (n % 2 == 1) == (parity == "odd")}
        by_key = {}
        for record in found:
            by_key.setdefault(record.key, set()).add(record.partition)
        assert all(len(partitions) == 1 for partitions in by_key.values())
    assert sum(record.value is None for record in records(outs["odd"])) == 1


def test_bytes_are_bytes_and_what_is_none_is_refused_by_name():
    name, out = topic("bytes"), topic("bytes-out")
    write(name, [b"\xff\x00"], partition=0)
    env = environment()
    env.from_source(source(name, ByteArraySchema()).build(), NO_WATERMARKS, "bytes").sink_to(
        sink(out, ByteArraySchema()).build()
    )
    env.execute()
    assert [record.value for record in records(out)] == [b"\xff\x00"]
    # As in Java, what is no text becomes U+FFFD.
    assert read(source(name)) == ["\ufffd\x00"]

    class Wrong(SerializationSchema):
        def serialize(self, value):
            return value

    for schema, why in [(Wrong(), "Wrong.serialize gave 5 of type int where bytes are right"), (None, "map it to str")]:
        env = environment()
        env.from_collection([5]).sink_to(sink(out, schema).build())
        with pytest.raises(Exception, match=why):
            env.execute()


def test_exactly_once_asks_for_a_transaction_that_outlives_a_checkpoint():
    made = sink("out").set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE)
    made = made.set_transactional_id_prefix("short").set_property("transaction.timeout.ms", "1000")
    env = environment().enable_checkpointing(100)
    env.from_collection(["a"]).sink_to(made.build())
    with pytest.raises(Exception, match="a Kafka transaction is thrown away after 1 s"):
        env.execute()


@pytest.mark.parametrize(
    "wrong, why",
    [
        (lambda: KafkaSource.builder().build(), "needs brokers"),
        (lambda: source().build(), "was not told what to read"),
        (lambda: KafkaSource.builder().set_bootstrap_servers("a").set_topics("b").build(), "needs a schema"),
        (lambda: source("a").set_topics("b"), "told once what to read"),
        (lambda: source().set_topic_pattern("("), "is no regular expression"),
        (lambda: source("a").set_starting_offsets("earliest"), "takes a KafkaOffsetsInitializer"),
        (lambda: source("a", stop=KafkaOffsetsInitializer.earliest()), "takes the latest offsets"),
        (
            lambda: source("a").set_starting_offsets(KafkaOffsetsInitializer.committed_offsets()).build(),
            "starts? where its group stands, and has none",
        ),
        (lambda: source("a").set_value_only_deserializer(str), "takes a schema such as SimpleStringSchema"),
        (lambda: source("a").set_property("fetch.min.bytes", "many").build(), "fetch.min.bytes is a whole number"),
        (lambda: source("a").set_property("ssl.truststore.location", "x.jks").build(), "PEM file"),
        (lambda: source("a").set_property("sasl.jaas.config", "nobody").build(), "a user and a password"),
        (lambda: KafkaTopicPartition("a", -1), "from 0"),
        (lambda: KafkaSink.builder().build(), "needs brokers"),
        (lambda: KafkaSink.builder().set_bootstrap_servers("a").build(), "what becomes of records"),
        (lambda: sink("a").set_delivery_guarantee("exactly"), "DeliveryGuarantee.EXACTLY_ONCE"),
        (
            lambda: sink("a").set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE).build(),
            "set_transactional_id_prefix",
        ),
        (lambda: sink("a").set_property("acks", "1").build(), "acks is all"),
        (lambda: KafkaRecordSerializationSchema.builder().set_topic("a").build(), "needs a value"),
        (lambda: KafkaRecordSerializationSchema.builder().build(), "needs a topic"),
    ],
)
def test_what_cannot_be_is_refused(wrong, why, monkeypatch):
    monkeypatch.setenv("MILLSTREAM_KAFKA", "localhost:1")
    with pytest.raises((TypeError, ValueError), match=why):
        wrong()


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda made: made.set_topics("there-is-none"), "there is no topic `there-is-none`"),
        (
            lambda made: made.set_topics("a").set_property("start-timeout", "300 ms").set_bootstrap_servers("127.0.0.1:1"),
            "no Kafka broker at 127.0.0.1:1 gave an answer",
        ),
        (lambda made: made.set_topics("a").set_property("start-timeot", "1 s"), "start-timeout"),
        (lambda made: made.set_topics("a").set_property("no.such.property", "1"), "no.such.property"),
        (lambda made: made.set_topics("no name!"), "is no name of a topic"),
    ],
)
def test_a_job_says_what_is_wrong_with_its_source(change, why):
    with pytest.raises(Exception, match=why):
        read(change(source()))
