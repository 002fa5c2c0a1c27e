"""Rows as Avro, by a schema that the program gives: the bytes of a record alone, or behind the number of its schema."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Optional

from millstream import _native
from millstream.flink.common.serialization import DeserializationSchema, SerializationSchema
from millstream.flink.common.typeinfo import TypeInformation, Types
from millstream.flink.common.types import Row

__all__ = ["AvroRowDeserializationSchema", "AvroRowSerializationSchema"]


def _schema(record_class: Any, text: Optional[str]) -> str:
    if record_class is not None:
        raise NotImplementedError("record_class names a class of Java; give avro_schema_string, the schema as JSON")
    if not isinstance(text, str):
        raise TypeError(f"avro_schema_string is a schema as JSON, {text!r} was given")
    return text


def _row(fields: Dict[str, Any]) -> Row:
    return Row(**fields)


def _type(schema: Any) -> TypeInformation:
    """The type of the objects that values of a schema become."""
    if isinstance(schema, list):
        rest = [one for one in schema if one != "null"]
        return _type(rest[0]) if len(rest) == 1 else Types.PICKLED_BYTE_ARRAY()
    if isinstance(schema, str):
        made = _BASIC.get(schema)
        return made() if made is not None else Types.PICKLED_BYTE_ARRAY()
    made = _LOGICAL.get(schema.get("logicalType"))
    if made is not None:
        return made()
    kind = schema["type"]
    if kind == "record":
        fields = schema["fields"]
        return Types.ROW_NAMED([field["name"] for field in fields], [_type(field["type"]) for field in fields])
    if kind == "array":
        return Types.LIST(_type(schema["items"]))
    if kind == "map":
        return Types.MAP(Types.STRING(), _type(schema["values"]))
    if kind == "fixed":
        return Types.PRIMITIVE_ARRAY(Types.BYTE())
    return Types.STRING() if kind == "enum" else _type(kind)


_BASIC: Dict[str, Callable[[], TypeInformation]] = {
    "boolean": Types.BOOLEAN,
    "int": Types.INT,
    "long": Types.LONG,
    "float": Types.FLOAT,
    "double": Types.DOUBLE,
    "string": Types.STRING,
    "bytes": lambda: Types.PRIMITIVE_ARRAY(Types.BYTE()),
}
_LOGICAL: Dict[Any, Callable[[], TypeInformation]] = {
    "decimal": Types.BIG_DEC,
    "uuid": Types.STRING,
    "date": Types.SQL_DATE,
    "time-millis": Types.SQL_TIME,
    "time-micros": Types.SQL_TIME,
    "timestamp-millis": Types.SQL_TIMESTAMP,
    "timestamp-micros": Types.SQL_TIMESTAMP,
    "timestamp-nanos": Types.SQL_TIMESTAMP,
    "local-timestamp-millis": Types.SQL_TIMESTAMP,
    "local-timestamp-micros": Types.SQL_TIMESTAMP,
    "local-timestamp-nanos": Types.SQL_TIMESTAMP,
}


class AvroRowDeserializationSchema(DeserializationSchema):
    """Reads records of Avro as rows.

    >>> schema = '{"type": "record", "name": "person", "fields": [{"name": "name", "type": "string"}]}'
    >>> AvroRowDeserializationSchema(avro_schema_string=schema).deserialize(bytes([6]) + b"Ada")
    Row(name='Ada')

    Values were written with the same schema, unless more is said: `writer_schema_string` is the one that they were written
    with, and `schemas_by_id` gives several by their numbers, for values that begin with a zero byte and the number of their
    schema in four more, as Confluent's serializers write them. Each value is then resolved into `avro_schema_string` by
    Avro's rules: what is new has a default, what was renamed an alias.
    """

    def __init__(
        self,
        record_class: Optional[str] = None,
        avro_schema_string: Optional[str] = None,
        *,
        writer_schema_string: Optional[str] = None,
        schemas_by_id: Optional[Dict[int, str]] = None,
    ) -> None:
        if writer_schema_string is not None and schemas_by_id is not None:
            raise ValueError(
                "writer_schema_string and schemas_by_id contradict each other: values are all of one schema, or name theirs"
            )
        schemas = None if schemas_by_id is None else dict(schemas_by_id)
        self._told = (_schema(record_class, avro_schema_string), writer_schema_string, schemas)
        self._reader: Any = _native.AvroReader(*self._told, _row)

    def get_produced_type(self) -> TypeInformation:
        """The type of the rows."""
        return _type(json.loads(self._told[0]))

    def deserialize(self, message: Optional[bytes]) -> Any:
        """The row. Raises `ValueError` for what is none."""
        if message is None:
            return None
        if self._reader is None:
            self._reader = _native.AvroReader(*self._told, _row)
        return self._reader.read(message)

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_reader": None}


class AvroRowSerializationSchema(SerializationSchema):
    """Writes rows, or dicts, as records of Avro.

    >>> schema = '{"type": "record", "name": "person", "fields": [{"name": "name", "type": "string"}]}'
    >>> AvroRowSerializationSchema(avro_schema_string=schema, schema_id=7).serialize(Row(name="Ada"))
    b'\\x00\\x00\\x00\\x00\\x07\\x06Ada'

    With `schema_id`, a zero byte and this number stand before each value, by which Confluent's deserializers find the schema.
    """

    def __init__(
        self,
        record_class: Optional[str] = None,
        avro_schema_string: Optional[str] = None,
        *,
        schema_id: Optional[int] = None,
    ) -> None:
        self._told = (_schema(record_class, avro_schema_string), schema_id)
        self._writer: Any = _native.AvroWriter(*self._told)

    def serialize(self, value: Any) -> bytes:
        """The record as bytes. Raises `ValueError` for what does not fit the schema."""
        if self._writer is None:
            self._writer = _native.AvroWriter(*self._told)
        written: bytes = self._writer.write(value)
        return written

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_writer": None}
