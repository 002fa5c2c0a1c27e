"""Values between how a declared type has them and how text has them.

Answers for one function for each type and direction. What a value must be is the type's own conversion.
"""

from __future__ import annotations

import base64
import datetime
import decimal
from typing import Any, Callable, Optional

from millstream.flink.common.typeinfo import (
    BasicType,
    BasicTypeInfo,
    DateTypeInfo,
    ListTypeInfo,
    MapTypeInfo,
    ObjectArrayTypeInfo,
    PrimitiveArrayTypeInfo,
    RowTypeInfo,
    TimestampTypeInfo,
    TimeTypeInfo,
    TupleTypeInfo,
    TypeInformation,
    Types,
)
from millstream.flink.common.types import Row

Change = Callable[[Any], Any]


def rows_of(type_info: Any, place: str) -> RowTypeInfo:
    """The type, which must be one of rows."""
    if not isinstance(type_info, RowTypeInfo):
        raise TypeError(f"{place} takes a type of rows such as Types.ROW_NAMED([...], [...]), {type_info!r} was given")
    return type_info


def from_json(kind: TypeInformation, must_be_there: bool = False) -> Change:
    """What makes of a value that was read from JSON one of the type."""
    made = _from_json(kind, must_be_there)
    return lambda value: None if value is None else made(value)


def _from_json(kind: TypeInformation, strict: bool) -> Change:
    if isinstance(kind, RowTypeInfo):
        return _row_from_json(kind, strict)
    if isinstance(kind, TupleTypeInfo):
        fields = [from_json(one, strict) for one in kind.get_field_types()]
        adopt = kind.adopt
        return lambda value: adopt([field(one) for field, one in zip(fields, _listed(value, len(fields)))])
    if isinstance(kind, MapTypeInfo):
        values = from_json(kind._value_type_info, strict)
        adopt = kind.adopt
        return lambda value: adopt({key: values(one) for key, one in value.items()})
    if kind == Types.PRIMITIVE_ARRAY(Types.BYTE()):
        return lambda value: base64.b64decode(value, validate=True)
    if isinstance(kind, (ListTypeInfo, PrimitiveArrayTypeInfo, ObjectArrayTypeInfo)):
        elements = from_json(kind._element_type, strict)
        adopt = kind.adopt
        return lambda value: adopt([elements(one) for one in _listed(value, None)])
    parse = _PARSED.get(repr(kind))
    return parse if parse is not None else kind.adopt


def _row_from_json(kind: RowTypeInfo, strict: bool) -> Change:
    names = kind.get_field_names()
    fields = [(name, from_json(one, strict)) for name, one in zip(names, kind.get_field_types())]
    adopt = kind.adopt

    def row(value: Any) -> Row:
        if not isinstance(value, dict):
            raise ValueError(f"an object with the fields {', '.join(names)} is right, {value!r} was read")
        values = []
        for name, field in fields:
            if strict and name not in value:
                raise ValueError(f"there is no field `{name}`")
            try:
                values.append(field(value.get(name)))
            except (TypeError, ValueError, ArithmeticError) as error:
                raise ValueError(f"field `{name}`: {error}") from None
        return adopt(Row(**dict(zip(names, values))))

    return row


def _listed(value: Any, count: Optional[int]) -> Any:
    if not isinstance(value, list) or count not in (None, len(value)):
        wanted = "a list" if count is None else f"a list of {count}"
        raise ValueError(f"{wanted} is right, {value!r} was read")
    return value


def _moment(text: Any) -> datetime.datetime:
    text = str(text).replace("T", " ").rstrip("Z")
    # What is behind a thousandth of a millisecond is cut off.
    head, _, fraction = text.partition(".")
    return datetime.datetime.fromisoformat(head).replace(microsecond=int((fraction + "000000")[:6]))


_PARSED = {
    repr(Types.SQL_DATE()): lambda value: datetime.date.fromisoformat(str(value)),
    repr(Types.SQL_TIME()): lambda value: datetime.time.fromisoformat(str(value).rstrip("Z")),
    repr(Types.SQL_TIMESTAMP()): _moment,
    repr(Types.BIG_DEC()): lambda value: decimal.Decimal(str(value)),
}


def to_json(kind: TypeInformation) -> Change:
    """What makes of a value of the type one that JSON has."""
    made = _to_json(kind)
    return lambda value: None if value is None else made(value)


def _to_json(kind: TypeInformation) -> Change:
    if isinstance(kind, RowTypeInfo):
        names, convert = kind.get_field_names(), kind.convert
        fields = [to_json(one) for one in kind.get_field_types()]
        return lambda row: {name: field(one) for name, field, one in zip(names, fields, convert(row))}
    if isinstance(kind, MapTypeInfo):
        values = to_json(kind._value_type_info)
        return lambda value: {str(key): values(one) for key, one in value.items()}
    if kind == Types.PRIMITIVE_ARRAY(Types.BYTE()):
        return lambda value: base64.b64encode(bytes(value)).decode()
    if isinstance(kind, TupleTypeInfo):
        fields = [to_json(one) for one in kind.get_field_types()]
        return lambda value: [field(one) for field, one in zip(fields, value)]
    if isinstance(kind, (ListTypeInfo, PrimitiveArrayTypeInfo, ObjectArrayTypeInfo)):
        elements = to_json(kind._element_type)
        return lambda value: [elements(one) for one in value]
    if isinstance(kind, (DateTypeInfo, TimeTypeInfo)):
        return lambda value: value.isoformat()
    if isinstance(kind, TimestampTypeInfo):
        return lambda value: value.isoformat(" ")
    if kind == Types.BIG_DEC():
        return float
    return kind.convert


def from_text(kind: TypeInformation) -> Change:
    """What makes of a field of text a value of the type."""
    if isinstance(kind, BasicTypeInfo):
        basic = kind._basic_type
        if basic in (BasicType.STRING, BasicType.CHAR):
            return kind.adopt
        if basic is BasicType.BOOLEAN:
            return _truth
        if basic in (BasicType.FLOAT, BasicType.DOUBLE):
            adopt = kind.adopt
            return lambda text: adopt(float(text))
        if basic is not BasicType.BIG_DEC:
            adopt = kind.adopt
            return lambda text: adopt(int(text))
    parse = _PARSED.get(repr(kind))
    if parse is None:
        raise TypeError(f"a field of CSV is text, a number, a truth value, a date or a time; {kind!r} was declared")
    return parse


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "false"):
        raise ValueError(f"true or false is right, {text!r} was read")
    return word == "true"


def to_text(kind: TypeInformation) -> Change:
    """What makes of a value of the type a field of text."""
    if kind == Types.BOOLEAN():
        return lambda value: "true" if value else "false"
    if isinstance(kind, (DateTypeInfo, TimeTypeInfo)):
        return lambda value: value.isoformat()
    if isinstance(kind, TimestampTypeInfo):
        return lambda value: value.isoformat(" ")
    if not isinstance(kind, BasicTypeInfo):
        raise TypeError(f"a field of CSV is text, a number, a truth value, a date or a time; {kind!r} was declared")
    convert = kind.convert
    return lambda value: str(convert(value))
