"""What values of Avro mean: dates, times, exact numbers and the fields of records.

Answers for the one conversion in each direction, which the native reader and writer call. Times of day and moments are in
microseconds, moments since 1970 without a zone.
"""

from __future__ import annotations

import datetime
import decimal
from typing import Any, List, Optional, Sequence

from millstream.flink.common.types import Row

_DAY = datetime.date(1970, 1, 1)
_BEGIN = datetime.datetime(1970, 1, 1)
_MICRO = datetime.timedelta(microseconds=1)
# No number is rounded.
_EXACT = decimal.Context(prec=decimal.MAX_PREC)


def date(days: int) -> datetime.date:
    """The day, so many after the first of 1970."""
    return _DAY + datetime.timedelta(days=days)


def days(value: Any) -> int:
    """How many days a date is behind the first of 1970."""
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise ValueError(f"a date is right, {value!r} was given")
    return (value - _DAY).days


def time(micros: int) -> datetime.time:
    """The time of day."""
    return (_BEGIN + datetime.timedelta(microseconds=micros)).time()


def micros_of_day(value: Any) -> int:
    """How far into the day a time is."""
    if not isinstance(value, datetime.time):
        raise ValueError(f"a time is right, {value!r} was given")
    return (datetime.datetime.combine(_DAY, value.replace(tzinfo=None)) - _BEGIN) // _MICRO


def moment(micros: int) -> datetime.datetime:
    """The day and time."""
    return _BEGIN + datetime.timedelta(microseconds=micros)


def micros(value: Any) -> int:
    """How far behind 1970 a moment is; one with a zone as UTC has it."""
    if not isinstance(value, datetime.datetime):
        raise ValueError(f"a datetime is right, {value!r} was given")
    if value.tzinfo is not None:
        value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return (value - _BEGIN) // _MICRO


def number(unscaled: bytes, scale: int) -> decimal.Decimal:
    """The exact number."""
    return decimal.Decimal(int.from_bytes(unscaled, "big", signed=True)).scaleb(-scale, _EXACT)


def unscaled(value: Any, scale: int, precision: int, size: Optional[int]) -> bytes:
    """The digits of an exact number as Avro has them, in so many bytes or in as few as they need."""
    if not isinstance(value, (decimal.Decimal, int)) or isinstance(value, bool):
        raise ValueError(f"a decimal.Decimal is right, {value!r} was given")
    digits = decimal.Decimal(value).scaleb(scale, _EXACT)
    if not digits.is_finite() or digits != digits.to_integral_value() or len(digits.as_tuple().digits) > precision:
        raise ValueError(f"a number of {precision} digits, {scale} of them behind the point, is right, {value} was given")
    whole = int(digits)
    needed = (whole + (whole < 0)).bit_length() // 8 + 1
    if size is not None and needed > size:
        raise ValueError(f"a number that fits into {size} bytes is right, {value} was given")
    return whole.to_bytes(size or needed, "big", signed=True)


def fields(value: Any, names: Sequence[str]) -> List[Any]:
    """The fields of a record in this order: of a dict or a row by name, of what has no names as they stand."""
    if isinstance(value, Row) and value._names() is not None:
        value = value.as_dict()
    if isinstance(value, dict):
        missing = [name for name in names if name not in value]
        unknown = [str(name) for name in value if name not in names]
        if missing or unknown:
            told = [f"field `{name}` is missing" for name in missing] + [f"there is no field `{name}`" for name in unknown]
            raise ValueError("; ".join(told))
        return [value[name] for name in names]
    if not isinstance(value, (Row, tuple, list)) or len(value) != len(names):
        raise ValueError(f"a record with the fields {', '.join(names)} is right, {value!r} was given")
    return list(value)
