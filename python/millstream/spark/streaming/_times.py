"""Times of batches, and functions that may want to know them."""

from __future__ import annotations

import time
from datetime import datetime
from types import FunctionType
from typing import Any, Callable, Union

from millstream.spark.errors import PySparkTypeError, PySparkValueError

#: A `datetime`, or seconds since 1970.
Moment = Union[datetime, int, float]


def moment(millis: int) -> datetime:
    """A batch time as user functions get it."""
    return datetime.fromtimestamp(millis / 1000.0)


def millis(at: Moment) -> int:
    """Milliseconds since 1970."""
    if isinstance(at, datetime):
        return int(time.mktime(at.timetuple()) * 1000) + at.microsecond // 1000
    return int(at * 1000)


def duration(what: str, seconds: Any) -> int:
    """A length in seconds as whole milliseconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise PySparkTypeError(f"the {what} is a number of seconds, and no {type(seconds).__name__}")
    length = round(seconds * 1000)
    if length < 1 or abs(length - seconds * 1000) > 1e-6:
        raise PySparkValueError(
            f"the {what} of {seconds!r} s is not a whole number of milliseconds from 1 up: "
            "0.5 to a few seconds are usual"
        )
    return length


def multiple(what: str, seconds: Any, unit: int) -> int:
    """A length that is laid over a stream, which must be a multiple of that stream's slide in
    milliseconds."""
    length = duration(what, seconds)
    if length % unit:
        below = length // unit * unit
        right = f"{below + unit} ms" if below == 0 else f"{below} ms or {below + unit} ms"
        raise PySparkValueError(
            f"the {what} of {length} ms must be a multiple of the slide duration of the stream it "
            f"is laid over, {unit} ms: "
            f"{right} would be right"
        )
    return length


def with_time(func: Callable[..., Any], datasets: int) -> Callable[..., Any]:
    """The function, called with the batch time and so many data sets."""
    wanted = _arity(func)
    if wanted == datasets:
        return lambda _, *rdds: func(*rdds)
    if wanted != datasets + 1:
        rdds = "an RDD" if datasets == 1 else f"{datasets} RDDs"
        raise PySparkValueError(
            f"the function takes {wanted} arguments: it is called with {rdds}, or with the batch time "
            f"and {rdds}"
        )
    return func


def _arity(func: Callable[..., Any]) -> int:
    """How many arguments a function wants: those that have no default."""
    if isinstance(func, FunctionType):
        return func.__code__.co_argcount - len(func.__defaults__ or ())
    import inspect

    try:
        parameters = inspect.signature(func).parameters.values()
    except (TypeError, ValueError):
        return 1  # a builtin such as print
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return (
        sum(parameter.kind in kinds and parameter.default is parameter.empty for parameter in parameters) or 1
    )
