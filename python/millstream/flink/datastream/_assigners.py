"""Window assigners: which windows a record belongs to.

Answers for the arithmetic, for the trigger that holds if a program gives none, and for refusing windows that
cannot be.
Holds: windows of one size and offset begin at the same times in all programs, before 1970 too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Collection, Generic, Iterable, List, Optional, TypeVar

from millstream.flink.common.constants import MIN_LONG_VALUE
from millstream.flink.common.execution_config import whole
from millstream.flink.common.time import millis
from millstream.flink.common.typeinfo import Types
from millstream.flink.datastream import _triggers as triggers
from millstream.flink.datastream._windows import (
    CountWindow,
    CountWindowSerializer,
    GlobalWindow,
    GlobalWindowSerializer,
    TimeWindow,
    TimeWindowSerializer,
)
from millstream.flink.datastream.state import ValueStateDescriptor

if TYPE_CHECKING:
    from millstream.flink.common.serializer import TypeSerializer
    from millstream.flink.datastream._runtime_context import RuntimeContext

T = TypeVar("T")
W = TypeVar("W")
W2 = TypeVar("W2")


class WindowAssigner(ABC, Generic[T, W]):
    """Says which windows a record belongs to."""

    class WindowAssignerContext(ABC):
        """The time that it is, and the subtask."""

        @abstractmethod
        def get_current_processing_time(self) -> int:
            """The clock's time, in milliseconds since 1970."""

        @abstractmethod
        def get_runtime_context(self) -> "RuntimeContext":
            """The subtask."""

    @abstractmethod
    def assign_windows(
        self, element: T, timestamp: int, context: "WindowAssigner.WindowAssignerContext"
    ) -> Collection[W]:
        """The windows of a record, by its event time (milliseconds) or by what the context says."""

    @abstractmethod
    def get_default_trigger(self, env: Any) -> "triggers.Trigger[Any, Any]":
        """The trigger if a program gives none."""

    @abstractmethod
    def get_window_serializer(self) -> "TypeSerializer[Any]":
        """How its windows are written."""

    @abstractmethod
    def is_event_time(self) -> bool:
        """Whether it goes by the time of the records."""


class MergingWindowAssigner(WindowAssigner[T, W]):
    """One whose windows grow together, such as sessions."""

    class MergeCallback(ABC, Generic[W2]):
        """What is told of windows that are merged."""

        @abstractmethod
        def merge(self, to_be_merged: Iterable[W2], merge_result: W2) -> None:
            """These become that."""

    @abstractmethod
    def merge_windows(self, windows: Iterable[W], callback: "MergingWindowAssigner.MergeCallback[W]") -> None:
        """Tells the callback which windows become one."""


class _TimeWindows(WindowAssigner[T, TimeWindow]):
    """Windows of time: by the records' or by the clock's, as the subclass says."""

    _event_time = True

    def _time(self, timestamp: int, context: Any) -> int:
        if not self._event_time:
            return context.get_current_processing_time()
        if timestamp is None or timestamp <= MIN_LONG_VALUE:
            raise ValueError(
                f"{type(self).__name__} go by the time of the records, and this record has none: give the stream "
                "its times with assign_timestamps_and_watermarks(...with_timestamp_assigner(...))"
            )
        return timestamp

    def get_default_trigger(self, env: Any) -> "triggers.Trigger[Any, Any]":
        """At the window's end."""
        return triggers.EventTimeTrigger() if self._event_time else triggers.ProcessingTimeTrigger()

    def get_window_serializer(self) -> "TypeSerializer[Any]":
        """How windows of time are written."""
        return TimeWindowSerializer()

    def is_event_time(self) -> bool:
        """Whether it goes by the time of the records."""
        return self._event_time


class _Tumbling(_TimeWindows[T]):
    def __init__(self, size: int, offset: int) -> None:
        self._size = whole(size, f"the size of {type(self).__name__}", 1, "milliseconds")
        self._offset = offset
        if abs(offset) >= size:
            raise ValueError(
                f"the offset of {type(self).__name__} is less than their size of {size} ms, {offset} ms was given"
            )

    def assign_windows(self, element: T, timestamp: int, context: Any) -> Collection[TimeWindow]:
        """The one window that the time is in."""
        start = TimeWindow.get_window_start_with_offset(
            self._time(timestamp, context), self._offset, self._size
        )
        return [TimeWindow(start, start + self._size)]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size}, {self._offset})"


class TumblingEventTimeWindows(_Tumbling[T]):
    """One after the other, by the time of the records.

    >>> from millstream.flink.common import Time
    >>> TumblingEventTimeWindows.of(Time.seconds(5)).assign_windows("a", 7001, None)
    [TimeWindow(start=5000, end=10000)]
    """

    @staticmethod
    def of(size: Any, offset: Any = None) -> "TumblingEventTimeWindows[Any]":
        """Of one size; with `offset`, begun so much later than at multiples of it."""
        return TumblingEventTimeWindows(*_spans(TumblingEventTimeWindows, size, offset=offset))


class TumblingProcessingTimeWindows(_Tumbling[T]):
    """One after the other, by the clock."""

    _event_time = False

    @staticmethod
    def of(size: Any, offset: Any = None) -> "TumblingProcessingTimeWindows[Any]":
        """Of one size; with `offset`, begun so much later than at multiples of it."""
        return TumblingProcessingTimeWindows(*_spans(TumblingProcessingTimeWindows, size, offset=offset))


class _Sliding(_TimeWindows[T]):
    def __init__(self, size: int, slide: int, offset: int) -> None:
        self._size = whole(size, f"the size of {type(self).__name__}", 1, "milliseconds")
        self._slide = whole(slide, f"the slide of {type(self).__name__}", 1, "milliseconds")
        self._offset = offset
        if abs(offset) >= slide:
            raise ValueError(
                f"the offset of {type(self).__name__} is less than their slide of {slide} ms, {offset} ms was given"
            )

    def assign_windows(self, element: T, timestamp: int, context: Any) -> Collection[TimeWindow]:
        """The windows that the time is in, the newest first."""
        time = self._time(timestamp, context)
        last = TimeWindow.get_window_start_with_offset(time, self._offset, self._slide)
        return [
            TimeWindow(start, start + self._size) for start in range(last, time - self._size, -self._slide)
        ]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._size}, {self._slide}, {self._offset})"


class SlidingEventTimeWindows(_Sliding[T]):
    """Overlapping, by the time of the records.

    >>> from millstream.flink.common import Time
    >>> SlidingEventTimeWindows.of(Time.seconds(5), Time.seconds(2)).assign_windows("a", -3, None)
    [TimeWindow(start=-2000, end=3000), TimeWindow(start=-4000, end=1000)]
    """

    @staticmethod
    def of(size: Any, slide: Any, offset: Any = None) -> "SlidingEventTimeWindows[Any]":
        """Of one size, a new one each `slide`."""
        return SlidingEventTimeWindows(*_spans(SlidingEventTimeWindows, size, slide, offset=offset))


class SlidingProcessingTimeWindows(_Sliding[T]):
    """Overlapping, by the clock."""

    _event_time = False

    @staticmethod
    def of(size: Any, slide: Any, offset: Any = None) -> "SlidingProcessingTimeWindows[Any]":
        """Of one size, a new one each `slide`."""
        return SlidingProcessingTimeWindows(*_spans(SlidingProcessingTimeWindows, size, slide, offset=offset))


def _spans(kind: Any, *spans: Any, offset: Any) -> List[int]:
    names = ("size", "slide")
    found = [millis(span, f"the {name} of {kind.__name__}") for name, span in zip(names, spans)]
    return [*found, 0 if offset is None else millis(offset, f"the offset of {kind.__name__}")]


class SessionWindowTimeGapExtractor(ABC):
    """Says after which pause a session is over, record by record."""

    @abstractmethod
    def extract(self, element: Any) -> int:
        """The pause after this record, in milliseconds."""


class _Sessions(_TimeWindows[T], MergingWindowAssigner[T, TimeWindow]):
    def _gap(self, element: T) -> int:
        raise NotImplementedError

    def assign_windows(self, element: T, timestamp: int, context: Any) -> Collection[TimeWindow]:
        """From the record's time until the pause after it is over."""
        time = self._time(timestamp, context)
        return [TimeWindow(time, time + self._gap(element))]

    def merge_windows(self, windows: Iterable[TimeWindow], callback: Any) -> None:
        """Those that overlap or touch become one."""
        TimeWindow.merge_windows(windows, callback)


class _FixedSessions(_Sessions[T]):
    def __init__(self, session_gap: int) -> None:
        self._session_gap = whole(session_gap, f"the gap of {type(self).__name__}", 1, "milliseconds")

    def _gap(self, element: T) -> int:
        return self._session_gap

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session_gap})"


class _DynamicSessions(_Sessions[T]):
    def __init__(self, session_window_time_gap_extractor: SessionWindowTimeGapExtractor) -> None:
        if not callable(getattr(session_window_time_gap_extractor, "extract", None)):
            raise TypeError(
                "with_dynamic_gap takes an object with a method extract(element), "
                f"{session_window_time_gap_extractor!r} was given"
            )
        self._extractor = session_window_time_gap_extractor

    def _gap(self, element: T) -> int:
        return whole(self._extractor.extract(element), "the gap that extract gives", 1, "milliseconds")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._extractor!r})"


class EventTimeSessionWindows(_FixedSessions[T]):
    """Sessions: over after a pause, by the time of the records."""

    @staticmethod
    def with_gap(size: Any) -> "EventTimeSessionWindows[Any]":
        """Over after a pause of this length."""
        return EventTimeSessionWindows(millis(size, "the gap of EventTimeSessionWindows"))

    @staticmethod
    def with_dynamic_gap(extractor: SessionWindowTimeGapExtractor) -> "DynamicEventTimeSessionWindows[Any]":
        """Over after a pause whose length each record says."""
        return DynamicEventTimeSessionWindows(extractor)


class ProcessingTimeSessionWindows(_FixedSessions[T]):
    """Sessions: over after a pause, by the clock."""

    _event_time = False

    @staticmethod
    def with_gap(size: Any) -> "ProcessingTimeSessionWindows[Any]":
        """Over after a pause of this length."""
        return ProcessingTimeSessionWindows(millis(size, "the gap of ProcessingTimeSessionWindows"))

    @staticmethod
    def with_dynamic_gap(
        extractor: SessionWindowTimeGapExtractor,
    ) -> "DynamicProcessingTimeSessionWindows[Any]":
        """Over after a pause whose length each record says."""
        return DynamicProcessingTimeSessionWindows(extractor)


class DynamicEventTimeSessionWindows(_DynamicSessions[T]):
    """Sessions whose records say after which pause they are over, by the time of the records."""

    @staticmethod
    def with_dynamic_gap(extractor: SessionWindowTimeGapExtractor) -> "DynamicEventTimeSessionWindows[Any]":
        """Over after a pause whose length each record says."""
        return DynamicEventTimeSessionWindows(extractor)


class DynamicProcessingTimeSessionWindows(_DynamicSessions[T]):
    """Sessions whose records say after which pause they are over, by the clock."""

    _event_time = False

    @staticmethod
    def with_dynamic_gap(
        extractor: SessionWindowTimeGapExtractor,
    ) -> "DynamicProcessingTimeSessionWindows[Any]":
        """Over after a pause whose length each record says."""
        return DynamicProcessingTimeSessionWindows(extractor)


class GlobalWindows(WindowAssigner[T, GlobalWindow]):
    """One window of all records, which is never over: give it a trigger."""

    @staticmethod
    def create() -> "GlobalWindows[Any]":
        """One."""
        return GlobalWindows()

    def assign_windows(self, element: T, timestamp: int, context: Any) -> Collection[GlobalWindow]:
        """The one."""
        return [GlobalWindow.get()]

    def get_default_trigger(self, env: Any) -> "triggers.Trigger[Any, Any]":
        """One that never emits."""
        return triggers.NeverTrigger()

    def get_window_serializer(self) -> "TypeSerializer[Any]":
        """How it is written."""
        return GlobalWindowSerializer()

    def is_event_time(self) -> bool:
        """It has no time."""
        return False

    def __repr__(self) -> str:
        return "GlobalWindows()"


class _CountWindows(WindowAssigner[T, CountWindow]):
    def __init__(self, window_size: int, window_slide: Optional[int], state: str) -> None:
        self._window_size = whole(window_size, f"the size of {type(self).__name__}", 1, "records")
        slide = window_size if window_slide is None else window_slide
        self._window_slide = whole(slide, f"the slide of {type(self).__name__}", 1, "records")
        self._counter = ValueStateDescriptor(state, Types.LONG())

    def assign_windows(self, element: T, timestamp: int, context: Any) -> Collection[CountWindow]:
        """The windows of the key's next record, the newest first."""
        counted = context.get_runtime_context().get_state(self._counter)
        at = counted.value() or 0
        counted.update(at + 1)
        # The window of number n has the records from n * slide on.
        oldest = max(0, (at - self._window_size) // self._window_slide + 1)
        return [CountWindow(number) for number in range(at // self._window_slide, oldest - 1, -1)]

    def get_default_trigger(self, env: Any) -> "triggers.Trigger[Any, Any]":
        """When there are enough records."""
        return triggers.CountTrigger(self._window_size)

    def get_window_serializer(self) -> "TypeSerializer[Any]":
        """How windows of so many records are written."""
        return CountWindowSerializer()

    def is_event_time(self) -> bool:
        """It has no time."""
        return False


class CountTumblingWindowAssigner(_CountWindows[T]):
    """So many records, then so many more, for each key."""

    def __init__(self, window_size: int) -> None:
        super().__init__(window_size, None, "tumble-count-assigner")

    @staticmethod
    def of(window_size: int) -> "CountTumblingWindowAssigner[Any]":
        """Of so many records."""
        return CountTumblingWindowAssigner(window_size)

    def __repr__(self) -> str:
        return f"CountTumblingWindowAssigner({self._window_size})"


class CountSlidingWindowAssigner(_CountWindows[T]):
    """So many records, beginning anew each `window_slide`, for each key."""

    def __init__(self, window_size: int, window_slide: int) -> None:
        super().__init__(window_size, window_slide, "slide-count-assigner")

    @staticmethod
    def of(window_size: int, window_slide: int) -> "CountSlidingWindowAssigner[Any]":
        """Of so many records, a new one each `window_slide`."""
        return CountSlidingWindowAssigner(window_size, window_slide)

    def __repr__(self) -> str:
        return f"CountSlidingWindowAssigner({self._window_size}, {self._window_slide})"
