"""How a record is printed: as Java shows a value of the declared type, as PyFlink's `print()` does.

Answers for text only. A stream of no declared type prints what Python's `str` says.
"""

from __future__ import annotations

import datetime
from typing import Any, Callable, List

from millstream.flink.common import typeinfo
from millstream.flink.common.typeinfo import BasicType, TypeInformation

Printer = Callable[[Any], str]


def printer(declared: TypeInformation) -> Printer:
    """The function that prints values of a type.

    >>> printer(typeinfo.Types.TUPLE([typeinfo.Types.STRING(), typeinfo.Types.DOUBLE()]))(("a", 1e10))
    '(a,1.0E10)'
    """
    if isinstance(declared, typeinfo.RowTypeInfo):
        return _row
    if isinstance(declared, typeinfo.PickledBytesTypeInfo):
        return str
    return _java(declared)


class AsJava:
    """How values of a type are written into files: rows too as Java shows them, `+I[a, 1]`."""

    def __init__(self, declared: TypeInformation) -> None:
        self._declared = declared

    @property
    def printed(self) -> Printer:
        """The function."""
        return _java(self._declared)


def _row(value: Any) -> str:
    # PyFlink prints rows in Python, and so their fields as Python does.
    return f"{value.get_row_kind()}[{','.join(map(str, value))}]"


def _java(declared: TypeInformation) -> Printer:
    shown = _shown(declared)
    return lambda value: "null" if value is None else shown(value)


def _shown(declared: TypeInformation) -> Printer:
    if isinstance(declared, typeinfo.BasicTypeInfo):
        return _BASIC.get(declared._basic_type, str)
    if isinstance(declared, typeinfo.TimestampTypeInfo):
        return _timestamp
    if isinstance(declared, typeinfo.TimeTypeInfo):
        return lambda value: value.strftime("%H:%M:%S")
    if isinstance(declared, typeinfo.TupleTypeInfo):
        inners = [_java(one) for one in declared.get_field_types()]
        return lambda value: f"({','.join([shown(held) for shown, held in zip(inners, value)])})"
    if isinstance(declared, typeinfo.MapTypeInfo):
        key, held = _java(declared._key_type_info), _java(declared._value_type_info)
        return lambda value: f"{{{', '.join([f'{key(k)}={held(v)}' for k, v in value.items()])}}}"
    if isinstance(declared, typeinfo.RowTypeInfo):
        parts = [_java(one) for one in declared.get_field_types()]
        return lambda value: (
            f"{value.get_row_kind()}[{', '.join([shown(held) for shown, held in zip(parts, value)])}]"
        )
    if (
        isinstance(declared, typeinfo.PrimitiveArrayTypeInfo)
        and declared._element_type == typeinfo.Types.BYTE()
    ):
        return lambda value: _list([str(octet - 256 if octet > 127 else octet) for octet in value])
    if isinstance(declared, typeinfo._ElementsTypeInfo):
        element = _java(declared._element_type)
        return lambda value: _list([element(held) for held in value])
    return str


def _list(parts: List[str]) -> str:
    return f"[{', '.join(parts)}]"


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def double(value: float) -> str:
    """A double as Java shows it.

    >>> double(0.1), double(1e7), double(0.00012), double(float("-inf"))
    ('0.1', '1.0E7', '1.2E-4', '-Infinity')
    """
    return _scientific(value, repr(value))


def single(value: float) -> str:
    """A float of 32 bits as Java shows it: with as many digits as tell it from its neighbours.

    >>> single(0.1), single(16777216.0), single(3.4e38)
    ('0.1', '1.6777216E7', '3.4E38')
    """
    import struct

    if value != value or value in (float("inf"), float("-inf")):
        return _scientific(value, "")
    try:
        stored = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"
    for digits in range(1, 10):
        text = f"{stored:.{digits}g}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == stored:
            break
    return _scientific(stored, text)


def _scientific(value: float, digits: str) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0:
        return digits if "." in digits else f"{digits}.0"
    import decimal

    sign, figures, exponent = decimal.Decimal(digits).normalize().as_tuple()
    text = "".join(map(str, figures))
    place = len(text) + int(exponent)
    minus = "-" if sign else ""
    if -3 < place <= 7:
        if place <= 0:
            return f"{minus}0.{'0' * -place}{text}"
        text = text.ljust(place, "0")
        return f"{minus}{text[:place]}.{text[place:] or '0'}"
    return f"{minus}{text[0]}.{text[1:] or '0'}E{place - 1}"


def _timestamp(value: datetime.datetime) -> str:
    fraction = f"{value.microsecond:06d}".rstrip("0") or "0"
    return f"{value.strftime('%Y-%m-%d %H:%M:%S')}.{fraction}"


def _instant(value: Any) -> str:
    shown = datetime.datetime.fromtimestamp(value.seconds, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S"
    )
    nanos = value.nanos
    for size, unit in ((3, 1_000_000), (6, 1_000), (9, 1)):
        if nanos and nanos % unit == 0:
            return f"{shown}.{nanos // unit:0{size}d}Z"
    return f"{shown}Z"


_BASIC = {
    BasicType.BOOLEAN: _boolean,
    BasicType.DOUBLE: double,
    BasicType.FLOAT: single,
    BasicType.INSTANT: _instant,
}
