"""How records become bytes at the edges of a job, and bytes records.

Answers for the schemas that a connector takes. Within a job there is nothing to choose.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ByteArraySchema",
    "DeserializationSchema",
    "Encoder",
    "RowFieldExtractorSchema",
    "SerializationSchema",
    "SimpleStringSchema",
]


class SerializationSchema:
    """Makes bytes of a record. A subclass defines `serialize`."""

    def __init__(self, j_serialization_schema: Any = None) -> None:
        _no_java(j_serialization_schema)

    def serialize(self, value: Any) -> bytes:
        """The record as bytes."""
        raise NotImplementedError(f"{type(self).__name__} does not define serialize(value)")


class DeserializationSchema:
    """Makes a record of bytes. A subclass defines `deserialize`."""

    def __init__(self, j_deserialization_schema: Any = None) -> None:
        _no_java(j_deserialization_schema)

    def deserialize(self, message: bytes) -> Any:
        """The record."""
        raise NotImplementedError(f"{type(self).__name__} does not define deserialize(message)")


class SimpleStringSchema(SerializationSchema, DeserializationSchema):
    """Text, in one encoding.

    >>> SimpleStringSchema().deserialize("Zürich".encode())
    'Zürich'
    """

    def __init__(self, charset: str = "UTF-8") -> None:
        import codecs

        try:
            codecs.lookup(charset)
        except (LookupError, TypeError):
            raise ValueError(f"there is no encoding {charset!r}; UTF-8 is one") from None
        self._charset = charset

    def serialize(self, value: str) -> bytes:
        """The text in the encoding. Raises `TypeError` for what is no text."""
        if not isinstance(value, str):
            raise TypeError(
                f"SimpleStringSchema writes text, {value!r} of type {type(value).__name__} was given: map it to str"
            )
        return value.encode(self._charset)

    def deserialize(self, message: bytes) -> str:
        """The text; what is not text in the encoding becomes U+FFFD, as in Java."""
        return message.decode(self._charset, "replace")

    def __repr__(self) -> str:
        return f"SimpleStringSchema({self._charset!r})"


class ByteArraySchema(SerializationSchema, DeserializationSchema):
    """Bytes as they are."""

    def __init__(self) -> None:
        pass

    def serialize(self, value: bytes) -> bytes:
        """The bytes."""
        return bytes(value)

    def deserialize(self, message: bytes) -> bytes:
        """The bytes."""
        return message


class RowFieldExtractorSchema(SerializationSchema):
    """One field of a row, which holds bytes.

    >>> RowFieldExtractorSchema(1).serialize(("key", b"value"))
    b'value'
    """

    def __init__(self, field_index: int) -> None:
        if isinstance(field_index, bool) or not isinstance(field_index, int) or field_index < 0:
            raise ValueError(f"the index of a field is a whole number from 0 on, {field_index!r} was given")
        self._field_index = field_index

    def serialize(self, value: Any) -> bytes:
        """The field."""
        return bytes(value[self._field_index])


class Encoder:
    """Writes records into a file.

    >>> Encoder.simple_string_encoder().encode("a")
    b'a\\n'
    """

    def __init__(self, charset_name: str) -> None:
        self._schema = SimpleStringSchema(charset_name)

    @staticmethod
    def simple_string_encoder(charset_name: str = "UTF-8") -> "Encoder":
        """Writes what `str` says of a record, and a line feed."""
        return Encoder(charset_name)

    def encode(self, value: Any) -> bytes:
        """The record as it is written."""
        return self._schema.serialize(f"{value}\n")


def _no_java(given: Any) -> None:
    if given is not None:
        raise TypeError("a schema of Java was given, and there is no JVM here: define a subclass in Python")
