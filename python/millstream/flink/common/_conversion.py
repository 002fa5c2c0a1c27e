"""How a value is made to fit a declared type, or refused.

Answers for one function for each type, which gives the value as the type has it or raises `TypeMismatch`.
What PyFlink converts is converted: a whole number becomes a float, a float or a Decimal is cut to a whole
number, `True` is 1. What it crashes on, or takes apart silently, such as a tuple of another length, is
refused. Not for how values are printed.
Holds: a value that fits exactly costs one call and no allocation, but for what contains others.

There are two grades. What a function returns must be of the kind declared: a tuple for `TUPLE`, a `Row` for
`ROW`. What a program gives to `from_collection` may be of any kind that can be read as one: a list for a
tuple, a dict for a row.
"""

from __future__ import annotations

import datetime
import math
from typing import Any, Callable, List, Optional, Sequence

from millstream.flink.common.types import Row

Conversion = Callable[[Any], Any]


class TypeMismatch(TypeError):
    """A value is not of the type that was declared for it."""

    # Where a program finds it, and what a traceback says.
    __module__ = "millstream.flink.common.typeinfo"

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def within(self, place: str) -> "TypeMismatch":
        """The same, of a value that is part of another."""
        return TypeMismatch(f"{place}: {self.args[0]}")


def mismatch(value: Any, wanted: str) -> TypeMismatch:
    """What is raised for a value: what it is, and what would be right."""
    from millstream._task import shortened

    return TypeMismatch(
        f"{shortened(value)} of type {type(value).__name__} was given where {wanted} was declared"
    )


def unchanged(value: Any) -> Any:
    """The conversion of a type that takes everything."""
    return value


def whole_number(name: str, bits: int) -> Conversion:
    """Whole numbers of so many bits."""
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    wanted = f"{name}, a whole number from {low} to {high},"

    def convert(value: Any) -> int:
        if type(value) is not int:
            value = _cut(value, wanted)
        if low <= value <= high:
            return value
        raise mismatch(value, wanted)

    return convert


def big_number(value: Any) -> int:
    """Whole numbers of any size."""
    return value if type(value) is int else _cut(value, "Types.BIG_INT(), a whole number,")


def _cut(value: Any, wanted: str) -> int:
    if hasattr(type(value), "__index__"):
        return value.__index__()
    if isinstance(value, float):
        if math.isfinite(value):
            return int(value)
    elif type(value).__name__ == "Decimal" and value.is_finite():
        return int(value)
    raise mismatch(value, wanted)


def floating(name: str) -> Conversion:
    """Numbers with a fraction."""
    wanted = f"{name}, a number,"

    def convert(value: Any) -> float:
        if type(value) is float:
            return value
        if not isinstance(value, (str, bytes, bytearray)):
            try:
                return float(value)
            except (TypeError, ValueError):
                pass
            except OverflowError:
                raise mismatch(value, f"{wanted} that fits into 64 bits,") from None
        raise mismatch(value, wanted)

    return convert


def single(name: str) -> Conversion:
    """Numbers with a fraction that 32 bits can hold: the one that is nearest."""
    import struct

    number, bits = floating(name), struct.Struct("f")

    def convert(value: Any) -> float:
        value = number(value)
        try:
            return bits.unpack(bits.pack(value))[0]
        except OverflowError:
            return math.copysign(math.inf, value)

    return convert


def boolean(value: Any) -> bool:
    """Truth values, and the numbers that PyFlink takes for them."""
    if value is True or value is False:
        return value
    if isinstance(value, (int, float)) and 0 <= value <= 255:
        return int(value) != 0
    raise mismatch(value, "Types.BOOLEAN(), True or False,")


def text(name: str) -> Conversion:
    """Text."""

    def convert(value: Any) -> str:
        if type(value) is str or isinstance(value, str):
            return value
        raise mismatch(value, f"{name}, a str,")

    return convert


def decimal_number(value: Any) -> Any:
    """Exact decimal numbers."""
    import decimal

    if isinstance(value, decimal.Decimal):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return decimal.Decimal(str(value))
    raise mismatch(value, "Types.BIG_DEC(), a decimal.Decimal,")


def date(value: Any) -> datetime.date:
    """Days."""
    if type(value) is datetime.date:
        return value
    if isinstance(value, datetime.datetime):
        return value.date()
    raise mismatch(value, "Types.SQL_DATE(), a datetime.date,")


def time_of_day(value: Any) -> datetime.time:
    """Times of a day."""
    if isinstance(value, datetime.time):
        return value
    if isinstance(value, datetime.datetime):
        return value.time()
    raise mismatch(value, "Types.SQL_TIME(), a datetime.time,")


def instance(name: str, wanted: type) -> Conversion:
    """Objects of one class."""
    asked = f"{name}, a {wanted.__module__.rpartition('.')[2]}.{wanted.__name__},"

    def convert(value: Any) -> Any:
        if isinstance(value, wanted):
            return value
        raise mismatch(value, asked)

    return convert


def optional(inner: Conversion) -> Conversion:
    """The same, or None."""
    return lambda value: None if value is None else inner(value)


def octets(value: Any) -> bytes:
    """Bytes."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    raise mismatch(value, "Types.PRIMITIVE_ARRAY(Types.BYTE()), bytes,")


def sequence(name: str, inner: Conversion, lenient: bool) -> Conversion:
    """Lists, whose elements are of one type."""
    kinds: Any = (list, tuple) if lenient else list

    def convert(value: Any) -> List[Any]:
        if not isinstance(value, kinds):
            raise mismatch(value, f"{name}, a list,")
        return _each(value, inner)

    return convert


def _each(values: Sequence[Any], inner: Conversion) -> List[Any]:
    try:
        return [inner(value) for value in values]
    except TypeMismatch:
        for at, value in enumerate(values):
            try:
                inner(value)
            except TypeMismatch as error:
                raise error.within(f"element {at}") from None
        raise


def mapping(name: str, key: Conversion, value: Conversion) -> Conversion:
    """Dictionaries, whose keys are of one type and whose values of another."""

    def convert(given: Any) -> Any:
        if not isinstance(given, dict):
            raise mismatch(given, f"{name}, a dict,")
        converted = {}
        for name_, held in given.items():
            try:
                made = key(name_)
            except TypeMismatch as error:
                raise error.within("a key") from None
            try:
                converted[made] = value(held)
            except TypeMismatch as error:
                raise error.within(f"the value of {name_!r}") from None
        return converted

    return convert


def fields(name: str, inners: Sequence[Conversion], lenient: bool) -> Conversion:
    """Tuples, each of whose fields has its type."""
    count = len(inners)
    kinds: Any = (tuple, list, Row) if lenient else tuple

    def convert(value: Any) -> Any:
        if not isinstance(value, kinds):
            raise mismatch(value, f"{name}, a tuple,")
        if len(value) != count:
            raise mismatch(value, f"{name}, a tuple of {count} fields,")
        return tuple(_fields(value, inners))

    return convert


def _fields(
    values: Sequence[Any], inners: Sequence[Conversion], names: Optional[Sequence[str]] = None
) -> List[Any]:
    try:
        return [inner(value) for inner, value in zip(inners, values)]
    except TypeMismatch:
        for at, (inner, value) in enumerate(zip(inners, values)):
            try:
                inner(value)
            except TypeMismatch as error:
                raise error.within(f"field {names[at]!r}" if names else f"field {at}") from None
        raise


def row(name: str, names: Sequence[str], inners: Sequence[Conversion], lenient: bool) -> Conversion:
    """Rows, each of whose fields has its type. Fields with names are put in the order of the type."""
    count, wanted = len(inners), list(names)

    def convert(value: Any) -> Row:
        if isinstance(value, Row):
            given = getattr(value, "_fields", None)
            kind = value.get_row_kind()
            values = value._values
            if given is not None and list(given) != wanted:
                if set(given) != set(wanted):
                    raise mismatch(value, f"{name}, a Row with the fields {', '.join(wanted)},")
                values = value.get_fields_by_names(wanted)
        elif lenient and isinstance(value, (tuple, list)):
            kind, values = None, list(value)
        elif lenient and isinstance(value, dict):
            unknown = [field for field in value if field not in wanted]
            if unknown:
                raise mismatch(value, f"{name}, which has no field {unknown[0]!r},")
            kind, values = None, [value.get(field) for field in wanted]
        elif lenient and hasattr(value, "__dict__"):
            kind, values = None, [vars(value).get(field) for field in wanted]
        else:
            raise mismatch(value, f"{name}, a Row,")
        if len(values) != count:
            raise mismatch(value, f"{name}, a Row of {count} fields,")
        made = Row(*_fields(values, inners, wanted))
        made._fields = wanted
        if kind is not None:
            made.set_row_kind(kind)
        return made

    return convert
