"""Rows as Avro: by hand, against fastavro, and through a real broker with a schema that changes half-way."""

import datetime
import decimal
import io
import json
import pickle

import fastavro
import pytest

from kafka_client import broker, records, topic, write
from millstream.flink.common import Row, Types, WatermarkStrategy
from millstream.flink.datastream import StreamExecutionEnvironment
from millstream.flink.datastream.connectors.kafka import (
    KafkaOffsetsInitializer,
    KafkaRecordSerializationSchema,
    KafkaSink,
    KafkaSource,
)
from millstream.flink.datastream.formats.avro import AvroRowDeserializationSchema, AvroRowSerializationSchema

FIRST = {
    "type": "record",
    "name": "visit",
    "fields": [{"name": "page", "type": "string"}, {"name": "times", "type": "int"}],
}
SECOND = {
    "type": "record",
    "name": "visit",
    "fields": [
        {"name": "address", "type": "string"},
        {"name": "times", "type": "long"},
        {"name": "who", "type": ["null", "string"]},
    ],
}
#: The second, with an alias for what was renamed and a default for what is new.
WANTED = {
    "type": "record",
    "name": "visit",
    "fields": [
        {"name": "address", "type": "string", "aliases": ["page"]},
        {"name": "times", "type": "long"},
        {"name": "who", "type": ["null", "string"], "default": None},
    ],
}
#: Something of everything.
WHOLE = {
    "type": "record",
    "name": "whole",
    "namespace": "org.example",
    "fields": [
        {"name": "truth", "type": "boolean"},
        {"name": "small", "type": "int"},
        {"name": "large", "type": "long"},
        {"name": "half", "type": "float"},
        {"name": "real", "type": "double"},
        {"name": "raw", "type": "bytes"},
        {"name": "four", "type": {"type": "fixed", "name": "four", "size": 4}},
        {"name": "color", "type": {"type": "enum", "name": "color", "symbols": ["RED", "GREEN"]}},
        {"name": "numbers", "type": {"type": "array", "items": "long"}},
        {"name": "weights", "type": {"type": "map", "values": "double"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "clock", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "moment", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {
            "name": "exact",
            "type": ["null", {"type": "fixed", "name": "eight", "size": 8, "logicalType": "decimal", "precision": 18, "scale": 3}],
        },
        {"name": "any", "type": ["null", "long", "string"]},
        {
            "name": "inner",
            "type": {"type": "record", "name": "inner", "fields": [{"name": "four", "type": "four"}]},
        },
    ],
}


def reader(schema, **more):
    return AvroRowDeserializationSchema(avro_schema_string=json.dumps(schema), **more)


def writer(schema, **more):
    return AvroRowSerializationSchema(avro_schema_string=json.dumps(schema), **more)


def by_fastavro(schema, record, number=None):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return (b"" if number is None else b"\0" + number.to_bytes(4, "big")) + out.getvalue()


def read_by_fastavro(schema, message):
    return fastavro.schemaless_reader(io.BytesIO(message), fastavro.parse_schema(schema))


def whole():
    return {
        "truth": True,
        "small": -5,
        "large": 2**62,
        "half": 0.5,
        "real": 1e300,
        "raw": b"\0\xff",
        "four": b"abcd",
        "color": "GREEN",
        "numbers": [1, -1, 2**40],
        "weights": {"a": 1.5},
        "day": datetime.date(1969, 12, 30),
        "clock": datetime.time(23, 59, 59, 999_000),
        "moment": datetime.datetime(2026, 2, 28, 12, 30, 0, 123_456),
        "price": decimal.Decimal("-12345.67"),
        "exact": decimal.Decimal("-1.234"),
        "any": "text",
        "inner": {"four": b"wxyz"},
    }


@pytest.mark.parametrize("price", ["0", "0.01", "-0.01", "1.27", "1.28", "-1.28", "-1.29", "327.67", "9999999.99"])
def test_every_type_is_read_and_written_as_fastavro_does(price):
    record = {**whole(), "price": decimal.Decimal(price)}
    row = reader(WHOLE).deserialize(by_fastavro(WHOLE, record))
    assert row.as_dict(recursive=True) == record
    for given in (record, row):
        assert read_by_fastavro(WHOLE, writer(WHOLE).serialize(given)) == record
    assert isinstance(row.inner, Row) and isinstance(row.price, decimal.Decimal)


def test_the_type_of_the_rows_is_that_of_the_schema_and_schemas_travel():
    made = pickle.loads(pickle.dumps(reader(WANTED)))
    names, types = ["address", "times", "who"], [Types.STRING(), Types.LONG(), Types.STRING()]
    assert made.get_produced_type() == Types.ROW_NAMED(names, types)
    message = pickle.loads(pickle.dumps(writer(WANTED))).serialize(Row("end", 7, None))
    assert made.deserialize(message) == Row(address="end", times=7, who=None)
    assert made.deserialize(None) is None


@pytest.mark.parametrize(
    "value, why",
    [
        ({"page": "start"}, "field `times` is missing"),
        ({"page": "start", "times": 1, "when": 2}, "there is no field `when`"),
        ({"page": "start", "times": 2**31}, "field `times`: a number of 32 bits is right, 2147483648 was given"),
        ({"page": "start", "times": True}, "field `times`: a number is right, True was given"),
        ({"page": 5, "times": 1}, "field `page`: a text is right, 5 was given"),
        (Row("start"), "a record with the fields page, times is right"),
        (7, "a record with the fields page, times is right, 7 was given"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(value, why):
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        writer(FIRST).serialize(value)


def test_what_contradicts_is_refused_at_once():
    with pytest.raises(ValueError, match="no Avro schema"):
        AvroRowDeserializationSchema(avro_schema_string="{")
    with pytest.raises(NotImplementedError, match="avro_schema_string"):
        AvroRowDeserializationSchema("org.example.Visit")
    with pytest.raises(ValueError, match="contradict each other"):
        reader(FIRST, writer_schema_string=json.dumps(FIRST), schemas_by_id={1: json.dumps(FIRST)})
    with pytest.raises(ValueError, match="schema 4.*field `page` is not written, and has no default"):
        reader(FIRST, schemas_by_id={4: json.dumps(SECOND)})
    with pytest.raises(ValueError, match="field `times`: long is written, int is asked for"):
        narrow = {"type": "record", "name": "visit", "fields": [{"name": "times", "type": "int"}]}
        reader(narrow, writer_schema_string=json.dumps(SECOND))


def changed():
    return reader(WANTED, schemas_by_id={7: json.dumps(FIRST), 300: json.dumps(SECOND)})


def source(name):
    made = KafkaSource.builder().set_bootstrap_servers(broker()).set_topics(name)
    return made.set_value_only_deserializer(changed()).set_bounded(KafkaOffsetsInitializer.latest()).build()


def test_a_schema_that_changes_half_way_is_resolved_from_topic_to_topic():
    name, out = topic("avro-in"), topic("avro-out")
    first = [by_fastavro(FIRST, {"page": f"pägé {n}", "times": n}, 7) for n in range(500)]
    second = [by_fastavro(SECOND, {"address": f"{n}", "times": 2**40 + n, "who": "Ada"}, 300) for n in range(500)]
    write(name, first + second, partition=0)
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(1)
    value = writer(SECOND, schema_id=300)
    made = KafkaRecordSerializationSchema.builder().set_topic(out).set_value_serialization_schema(value).build()
    stream = env.from_source(source(name), WatermarkStrategy.no_watermarks(), "visits")
    stream = stream.map(lambda visit: Row(address=visit.address, times=visit.times + 1, who=visit.who))
    stream.sink_to(KafkaSink.builder().set_bootstrap_servers(broker()).set_record_serializer(made).build())
    env.execute()
    values = [record.value for record in records(out)]
    assert all(value[:5] == b"\0" + (300).to_bytes(4, "big") for value in values)
    expected = [{"address": f"pägé {n}", "times": n + 1, "who": None} for n in range(500)]
    expected += [{"address": f"{n}", "times": 2**40 + n + 1, "who": "Ada"} for n in range(500)]
    assert [read_by_fastavro(SECOND, value[5:]) for value in values] == expected


@pytest.mark.parametrize(
    "poison, why",
    [
        (by_fastavro(FIRST, {"page": "start", "times": 1}, 8), "Avro schema 8, which was not given: those given are 7, 300"),
        (by_fastavro(FIRST, {"page": "start", "times": 1}, 7)[:-1], "the value ends too soon"),
        (b"{}", "does not begin with a zero byte and the number of a schema"),
    ],
)
def test_a_value_that_is_none_is_told_with_topic_partition_and_offset(poison, why):
    name = topic("avro-poison")
    write(name, [by_fastavro(FIRST, {"page": "start", "times": 1}, 7), poison], partition=0)
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(1)
    stream = env.from_source(source(name), WatermarkStrategy.no_watermarks(), "visits")
    with pytest.raises(Exception) as caught:
        list(stream.execute_and_collect())
    told = str(caught.value)
    assert why in told and f"topic {name}, partition 0" in told and "offset 1" in told
