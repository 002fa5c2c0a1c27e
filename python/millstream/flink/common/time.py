"""Spans of time and points in it."""

from __future__ import annotations

from typing import Any, Optional

__all__ = ["Duration", "Instant", "Time"]

_NANOS = 1_000_000_000


def _whole(value: Any, unit: str) -> int:
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(
            f"a span of time is a whole number of {unit}, {value!r} of type {type(value).__name__} was given"
        )
    return value.__index__()


def _span(value: Any, size: int) -> Any:
    """So many units in milliseconds. Half a second is a span; a third of one is not, and `Time` says so."""
    span = value * size if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    return int(span) if isinstance(span, float) and span.is_integer() else span


class Duration:
    """A span of time, to the nanosecond.

    >>> Duration.of_seconds(90)
    Duration.of_seconds(90)
    >>> Duration.of_minutes(1) < Duration.of_seconds(90)
    True
    """

    def __init__(self, nanoseconds: int) -> None:
        self._nanoseconds = nanoseconds

    @staticmethod
    def of_days(days: int) -> "Duration":
        """So many days."""
        return Duration(_whole(days, "days") * 86_400 * _NANOS)

    @staticmethod
    def of_hours(hours: int) -> "Duration":
        """So many hours."""
        return Duration(_whole(hours, "hours") * 3_600 * _NANOS)

    @staticmethod
    def of_minutes(minutes: int) -> "Duration":
        """So many minutes."""
        return Duration(_whole(minutes, "minutes") * 60 * _NANOS)

    @staticmethod
    def of_seconds(seconds: int) -> "Duration":
        """So many seconds."""
        return Duration(_whole(seconds, "seconds") * _NANOS)

    @staticmethod
    def of_millis(millis: int) -> "Duration":
        """So many milliseconds."""
        return Duration(_whole(millis, "milliseconds") * 1_000_000)

    @staticmethod
    def of_nanos(nanos: int) -> "Duration":
        """So many nanoseconds."""
        return Duration(_whole(nanos, "nanoseconds"))

    def to_millis(self) -> int:
        """In milliseconds, rounded down."""
        return self._nanoseconds // 1_000_000

    def to_nanos(self) -> int:
        """In nanoseconds."""
        return self._nanoseconds

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Duration) and self._nanoseconds == other._nanoseconds

    def __lt__(self, other: "Duration") -> bool:
        return self._nanoseconds < other._nanoseconds

    def __hash__(self) -> int:
        return hash(self._nanoseconds)

    def __repr__(self) -> str:
        for unit, size in (("seconds", _NANOS), ("millis", 1_000_000)):
            if self._nanoseconds % size == 0:
                return f"Duration.of_{unit}({self._nanoseconds // size})"
        return f"Duration.of_nanos({self._nanoseconds})"


class Instant:
    """A point in time: seconds since 1970 in UTC, and nanoseconds on top.

    >>> Instant.of_epoch_milli(-1)
    Instant<-1, 999000000>
    """

    def __init__(self, seconds: int, nanos: int) -> None:
        self.seconds = seconds
        self.nanos = nanos

    def to_epoch_milli(self) -> int:
        """Milliseconds since 1970."""
        return self.seconds * 1000 + self.nanos // 1_000_000

    @staticmethod
    def of_epoch_milli(epoch_milli: int) -> "Instant":
        """The instant so many milliseconds after 1970 began."""
        seconds, millis = divmod(_whole(epoch_milli, "milliseconds"), 1000)
        return Instant(seconds, millis * 1_000_000)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Instant) and (self.seconds, self.nanos) == (other.seconds, other.nanos)

    def __hash__(self) -> int:
        return hash((self.seconds, self.nanos))

    def __repr__(self) -> str:
        return f"Instant<{self.seconds}, {self.nanos}>"


class Time:
    """A span of time in milliseconds, as windows and time to live take it.

    >>> print(Time.minutes(1))
    60000 ms
    """

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = _whole(milliseconds, "milliseconds")

    def to_milliseconds(self) -> int:
        """In milliseconds."""
        return self._milliseconds

    @staticmethod
    def milliseconds(milliseconds: int) -> "Time":
        """So many milliseconds."""
        return Time(milliseconds)

    @staticmethod
    def seconds(seconds: int) -> "Time":
        """So many seconds."""
        return Time(_span(seconds, 1_000))

    @staticmethod
    def minutes(minutes: int) -> "Time":
        """So many minutes."""
        return Time(_span(minutes, 60_000))

    @staticmethod
    def hours(hours: int) -> "Time":
        """So many hours."""
        return Time(_span(hours, 3_600_000))

    @staticmethod
    def days(days: int) -> "Time":
        """So many days."""
        return Time(_span(days, 86_400_000))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Time) and self._milliseconds == other._milliseconds

    def __hash__(self) -> int:
        return hash(self._milliseconds)

    def __str__(self) -> str:
        return f"{self._milliseconds} ms"

    def __repr__(self) -> str:
        return f"Time.milliseconds({self._milliseconds})"


def millis(span: Any, place: str, least: Optional[int] = None) -> int:
    """A span that a program gave, in milliseconds: a `Time`, a `Duration` or a `datetime.timedelta`.

    Raises `TypeError` or `ValueError`, naming the place, for anything else and for what is below `least`.
    """
    if isinstance(span, Time):
        found = span.to_milliseconds()
    elif isinstance(span, Duration):
        found = span.to_millis()
    elif type(span).__name__ == "timedelta":
        found = round(span.total_seconds() * 1000)
    else:
        raise TypeError(
            f"{place} is a span of time such as Time.seconds(5) or Duration.of_seconds(5), not {span!r}"
        )
    if least is not None and found < least:
        raise ValueError(f"{place} is at least {least} ms, {found} ms was given")
    return found
