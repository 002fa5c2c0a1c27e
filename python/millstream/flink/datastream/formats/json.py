"""Rows as JSON."""

from __future__ import annotations

import json
from typing import Any, Optional

from millstream.flink.common.serialization import DeserializationSchema, SerializationSchema
from millstream.flink.common.typeinfo import RowTypeInfo, TypeInformation
from millstream.flink.datastream.formats import _values

__all__ = ["JsonRowDeserializationSchema", "JsonRowSerializationSchema"]


class JsonRowDeserializationSchema(DeserializationSchema):
    """Reads objects of JSON as rows; fields that are not declared are passed over, those that are missing are `None`.

    >>> from millstream.flink.common import Types
    >>> kind = Types.ROW_NAMED(["name", "age"], [Types.STRING(), Types.INT()])
    >>> JsonRowDeserializationSchema.builder().type_info(kind).build().deserialize(b'{"name": "Ada", "age": 36}')
    Row(name='Ada', age=36)
    """

    def __init__(self, kind: RowTypeInfo, must_be_there: bool, ignores_errors: bool) -> None:
        self._kind, self._must_be_there, self._ignores_errors = kind, must_be_there, ignores_errors
        self._change: Any = None

    @staticmethod
    def builder() -> "JsonRowDeserializationSchema.Builder":
        """Begins to put one together."""
        return JsonRowDeserializationSchema.Builder()

    def get_produced_type(self) -> TypeInformation:
        """The type of the rows."""
        return self._kind

    def deserialize(self, message: Optional[bytes]) -> Any:
        """The row. Raises `ValueError` for what is none, unless that is to be passed over."""
        if message is None:
            return None
        if self._change is None:
            self._change = _values.from_json(self._kind, self._must_be_there)
        try:
            return self._change(json.loads(message))
        except (TypeError, ValueError, ArithmeticError):
            if self._ignores_errors:
                return None
            raise

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_change": None}

    class Builder:
        """Puts it together."""

        def __init__(self) -> None:
            self._kind: Optional[RowTypeInfo] = None
            self._must_be_there = self._ignores_errors = False

        def type_info(self, type_info: TypeInformation) -> "JsonRowDeserializationSchema.Builder":
            """The type of the rows."""
            self._kind = _values.rows_of(type_info, "type_info")
            return self

        def json_schema(self, json_schema: str) -> "JsonRowDeserializationSchema.Builder":
            """Refused: the type of the rows is said by `type_info`."""
            raise NotImplementedError("json_schema is not supported here; type_info(Types.ROW_NAMED(...)) is")

        def fail_on_missing_field(self) -> "JsonRowDeserializationSchema.Builder":
            """Refuses objects in which a declared field is missing."""
            self._must_be_there = True
            return self

        def ignore_parse_errors(self) -> "JsonRowDeserializationSchema.Builder":
            """Leaves out what is no such row."""
            self._ignores_errors = True
            return self

        def build(self) -> "JsonRowDeserializationSchema":
            """The schema."""
            if self._kind is None:
                raise ValueError("rows of JSON need a type: type_info(Types.ROW_NAMED([...], [...]))")
            if self._must_be_there and self._ignores_errors:
                raise ValueError("fail_on_missing_field and ignore_parse_errors contradict each other: choose one")
            return JsonRowDeserializationSchema(self._kind, self._must_be_there, self._ignores_errors)


class JsonRowSerializationSchema(SerializationSchema):
    """Writes rows as objects of JSON.

    >>> from millstream.flink.common import Row, Types
    >>> kind = Types.ROW_NAMED(["name", "age"], [Types.STRING(), Types.INT()])
    >>> JsonRowSerializationSchema.builder().with_type_info(kind).build().serialize(Row("Ada", 36))
    b'{"name":"Ada","age":36}'
    """

    def __init__(self, kind: RowTypeInfo) -> None:
        self._kind = kind
        self._change: Any = None

    @staticmethod
    def builder() -> "JsonRowSerializationSchema.Builder":
        """Begins to put one together."""
        return JsonRowSerializationSchema.Builder()

    def serialize(self, value: Any) -> bytes:
        """The row as JSON."""
        if self._change is None:
            self._change = _values.to_json(self._kind)
        return json.dumps(self._change(value), ensure_ascii=False, separators=(",", ":")).encode()

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_change": None}

    class Builder:
        """Puts it together."""

        def __init__(self) -> None:
            self._kind: Optional[RowTypeInfo] = None

        def with_type_info(self, type_info: TypeInformation) -> "JsonRowSerializationSchema.Builder":
            """The type of the rows."""
            self._kind = _values.rows_of(type_info, "with_type_info")
            return self

        def build(self) -> "JsonRowSerializationSchema":
            """The schema."""
            if self._kind is None:
                raise ValueError("rows of JSON need a type: with_type_info(Types.ROW_NAMED([...], [...]))")
            return JsonRowSerializationSchema(self._kind)
