"""Rows as CSV, one a record."""

from __future__ import annotations

import csv
import io
from typing import Any, Dict, List, Optional

from millstream.flink.common.serialization import DeserializationSchema, SerializationSchema
from millstream.flink.common.typeinfo import RowTypeInfo, TypeInformation
from millstream.flink.common.types import Row
from millstream.flink.datastream.formats import _values

__all__ = ["CsvRowDeserializationSchema", "CsvRowSerializationSchema"]


def _one(character: str, what: str) -> str:
    if not isinstance(character, str) or len(character) != 1:
        raise ValueError(f"{what} is one character, {character!r} was given")
    return character


class CsvRowDeserializationSchema(DeserializationSchema):
    """Reads a line of CSV as a row.

    >>> from millstream.flink.common import Types
    >>> kind = Types.ROW_NAMED(["name", "age"], [Types.STRING(), Types.INT()])
    >>> CsvRowDeserializationSchema.Builder(kind).build().deserialize(b'"Lovelace, Ada",36')
    Row(name='Lovelace, Ada', age=36)
    """

    def __init__(self, kind: RowTypeInfo, told: Dict[str, Any]) -> None:
        self._kind, self._told = kind, told
        self._fields: Optional[List[Any]] = None

    def get_produced_type(self) -> TypeInformation:
        """The type of the rows."""
        return self._kind

    def deserialize(self, message: Optional[bytes]) -> Any:
        """The row. Raises `ValueError` for what is none, unless that is to be passed over."""
        if message is None or (self._told["comments"] and message.startswith(b"#")):
            return None
        try:
            return self._row(message.decode())
        except (TypeError, ValueError, ArithmeticError, csv.Error):
            if self._told["ignores_errors"]:
                return None
            raise

    def _row(self, text: str) -> Row:
        if self._fields is None:
            self._fields = [_values.from_text(one) for one in self._kind.get_field_types()]
        read = list(csv.reader([text], strict=True, **self._told["dialect"]))
        values = read[0] if read else [""]
        names, null = self._kind.get_field_names(), self._told["null"]
        if len(values) != len(names):
            raise ValueError(f"the line has {len(values)} fields where {len(names)} are declared: {', '.join(names)}")
        made = {}
        for name, field, value in zip(names, self._fields, values):
            try:
                made[name] = None if value == null else field(value)
            except (TypeError, ValueError, ArithmeticError) as error:
                raise ValueError(f"field `{name}`: {error}") from None
        return self._kind.adopt(Row(**made))

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_fields": None}

    class Builder:
        """Puts it together."""

        def __init__(self, type_info: TypeInformation) -> None:
            self._kind = _values.rows_of(type_info, "CsvRowDeserializationSchema.Builder")
            for one in self._kind.get_field_types():
                _values.from_text(one)
            self._dialect: Dict[str, Any] = {}
            self._told: Dict[str, Any] = {"comments": False, "ignores_errors": False, "null": None}

        def set_field_delimiter(self, delimiter: str) -> "CsvRowDeserializationSchema.Builder":
            """What stands between fields; a comma if nothing is said."""
            self._dialect["delimiter"] = _one(delimiter, "the delimiter of fields")
            return self

        def set_allow_comments(self, allow_comments: bool) -> "CsvRowDeserializationSchema.Builder":
            """Whether lines that begin with `#` are passed over."""
            self._told["comments"] = bool(allow_comments)
            return self

        def set_array_element_delimiter(self, delimiter: str) -> "CsvRowDeserializationSchema.Builder":
            """Refused: a field is one value."""
            raise NotImplementedError("fields of CSV that are arrays are not supported here yet")

        def set_quote_character(self, c: str) -> "CsvRowDeserializationSchema.Builder":
            """What stands around fields with delimiters in them; `"` if nothing is said."""
            self._dialect["quotechar"] = _one(c, "the quote character")
            return self

        def set_escape_character(self, c: str) -> "CsvRowDeserializationSchema.Builder":
            """What stands in front of a character that has no meaning."""
            self._dialect["escapechar"] = _one(c, "the escape character")
            return self

        def set_null_literal(self, null_literal: str) -> "CsvRowDeserializationSchema.Builder":
            """What stands for `None`."""
            self._told["null"] = null_literal
            return self

        def set_ignore_parse_errors(
            self, ignore_parse_errors: bool
        ) -> "CsvRowDeserializationSchema.Builder":
            """Whether what is no such row is left out."""
            self._told["ignores_errors"] = bool(ignore_parse_errors)
            return self

        def build(self) -> "CsvRowDeserializationSchema":
            """The schema."""
            return CsvRowDeserializationSchema(self._kind, {**self._told, "dialect": dict(self._dialect)})


class CsvRowSerializationSchema(SerializationSchema):
    """Writes a row as a line of CSV.

    >>> from millstream.flink.common import Row, Types
    >>> kind = Types.ROW_NAMED(["name", "age"], [Types.STRING(), Types.INT()])
    >>> CsvRowSerializationSchema.Builder(kind).build().serialize(Row("Lovelace, Ada", 36))
    b'"Lovelace, Ada",36'
    """

    def __init__(self, kind: RowTypeInfo, told: Dict[str, Any]) -> None:
        self._kind, self._told = kind, told
        self._fields: Optional[List[Any]] = None

    def serialize(self, value: Any) -> bytes:
        """The row as a line."""
        if self._fields is None:
            self._fields = [_values.to_text(one) for one in self._kind.get_field_types()]
        null = self._told["null"]
        fields = zip(self._fields, self._kind.convert(value))
        line = io.StringIO()
        writer = csv.writer(line, **self._told["dialect"])
        writer.writerow([null if one is None else field(one) for field, one in fields])
        return line.getvalue().encode()

    def __getstate__(self) -> Any:
        return {**self.__dict__, "_fields": None}

    class Builder:
        """Puts it together."""

        def __init__(self, type_info: TypeInformation) -> None:
            self._kind = _values.rows_of(type_info, "CsvRowSerializationSchema.Builder")
            for one in self._kind.get_field_types():
                _values.to_text(one)
            self._dialect: Dict[str, Any] = {"lineterminator": ""}
            self._null = ""

        def set_field_delimiter(self, c: str) -> "CsvRowSerializationSchema.Builder":
            """What stands between fields; a comma if nothing is said."""
            self._dialect["delimiter"] = _one(c, "the delimiter of fields")
            return self

        def set_line_delimiter(self, delimiter: str) -> "CsvRowSerializationSchema.Builder":
            """What ends a line; nothing if nothing is said."""
            self._dialect["lineterminator"] = delimiter
            return self

        def set_array_element_delimiter(self, delimiter: str) -> "CsvRowSerializationSchema.Builder":
            """Refused: a field is one value."""
            raise NotImplementedError("fields of CSV that are arrays are not supported here yet")

        def disable_quote_character(self) -> "CsvRowSerializationSchema.Builder":
            """Writes fields without quotes; one that needs them fails, unless there is an escape character."""
            self._dialect.update(quoting=csv.QUOTE_NONE, quotechar=None)
            return self

        def set_quote_character(self, c: str) -> "CsvRowSerializationSchema.Builder":
            """What stands around fields with delimiters in them; `"` if nothing is said."""
            self._dialect["quotechar"] = _one(c, "the quote character")
            return self

        def set_escape_character(self, c: str) -> "CsvRowSerializationSchema.Builder":
            """What stands in front of a character that has no meaning."""
            self._dialect["escapechar"] = _one(c, "the escape character")
            return self

        def set_null_literal(self, s: str) -> "CsvRowSerializationSchema.Builder":
            """What stands for `None`; nothing if nothing is said."""
            self._null = s
            return self

        def build(self) -> "CsvRowSerializationSchema":
            """The schema."""
            return CsvRowSerializationSchema(self._kind, {"dialect": dict(self._dialect), "null": self._null})
