"""How a stream knows the time of its records, and how far that time has come.

Answers for what a program asks for. The operators that do it are the engine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Optional

from millstream.flink._notices import without_effect
from millstream.flink.common.time import millis

__all__ = ["TimestampAssigner", "WatermarkStrategy", "AssignerWithPeriodicWatermarksWrapper"]


class TimestampAssigner(ABC):
    """Finds the event time of a record.

    >>> class ByFirst(TimestampAssigner):
    ...     def extract_timestamp(self, value, record_timestamp):
    ...         return value[0]
    >>> ByFirst().extract_timestamp((1000, "a"), -1)
    1000
    """

    @abstractmethod
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        """The event time in milliseconds since 1970; `record_timestamp` is what it had from its source."""


class WatermarkStrategy:
    """How far behind the newest record the time of a stream is, and where records have their time.

    >>> from millstream.flink.common import Duration
    >>> WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(5)).with_idleness(Duration.of_minutes(1))
    WatermarkStrategy(out_of_orderness=5000 ms, idleness=60000 ms)
    """

    def __init__(self, out_of_orderness: Optional[int]) -> None:
        #: How late a record may be, in milliseconds; `None` for a stream without watermarks.
        self._out_of_orderness = out_of_orderness
        self._timestamp_assigner: Optional[TimestampAssigner] = None
        #: After how many milliseconds without a record the stream holds others back no more.
        self._idle_timeout: Optional[int] = None

    def with_timestamp_assigner(self, timestamp_assigner: TimestampAssigner) -> "WatermarkStrategy":
        """Finds the time of records with this object. Raises `TypeError` if it has no `extract_timestamp`."""
        if not callable(getattr(timestamp_assigner, "extract_timestamp", None)):
            raise TypeError(
                "with_timestamp_assigner takes an object with a method extract_timestamp(value, record_timestamp), "
                f"{timestamp_assigner!r} of type {type(timestamp_assigner).__name__} was given"
            )
        self._timestamp_assigner = timestamp_assigner
        return self

    def with_idleness(self, idle_timeout: Any) -> "WatermarkStrategy":
        """Does not wait for a part of the stream that had no record for so long."""
        changed = self._copy()
        changed._idle_timeout = millis(idle_timeout, "the timeout of with_idleness", least=1)
        return changed

    def with_watermark_alignment(
        self, watermark_group: str, max_allowed_watermark_drift: Any, update_interval: Any = None
    ) -> "WatermarkStrategy":
        """Accepted, and does nothing: sources are not held back for each other."""
        millis(max_allowed_watermark_drift, "the drift of with_watermark_alignment", least=0)
        without_effect(
            "WatermarkStrategy.with_watermark_alignment", "a source is not held back for slower ones"
        )
        return self._copy()

    @staticmethod
    def for_monotonous_timestamps() -> "WatermarkStrategy":
        """For records that come in the order of their time."""
        return WatermarkStrategy(0)

    @staticmethod
    def for_bounded_out_of_orderness(max_out_of_orderness: Any) -> "WatermarkStrategy":
        """For records that come at most so much later than newer ones."""
        return WatermarkStrategy(
            millis(max_out_of_orderness, "the bound of for_bounded_out_of_orderness", least=0)
        )

    @staticmethod
    def no_watermarks() -> "WatermarkStrategy":
        """For a stream whose time does not matter: no watermark before its end."""
        return WatermarkStrategy(None)

    def _copy(self) -> "WatermarkStrategy":
        copy = WatermarkStrategy(self._out_of_orderness)
        copy.__dict__.update(self.__dict__)
        return copy

    def __repr__(self) -> str:
        known = [
            "no watermarks"
            if self._out_of_orderness is None
            else f"out_of_orderness={self._out_of_orderness} ms",
            self._idle_timeout is not None and f"idleness={self._idle_timeout} ms",
            self._timestamp_assigner is not None and f"timestamps={self._timestamp_assigner!r}",
        ]
        return f"WatermarkStrategy({', '.join(part for part in known if part)})"


class AssignerWithPeriodicWatermarksWrapper:
    """PyFlink's wrapper of a Java object, which cannot be made here."""

    def __init__(self, j_assigner_with_periodic_watermarks: Any) -> None:
        raise TypeError(
            "AssignerWithPeriodicWatermarksWrapper wraps a Java object, and there is no JVM here: use "
            "WatermarkStrategy.for_bounded_out_of_orderness(...).with_timestamp_assigner(...)"
        )
