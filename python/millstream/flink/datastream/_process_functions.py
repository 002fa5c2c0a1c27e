"""Process functions: records, timers and state in one place, on one stream or two.

Answers for what a subclass defines and for what its contexts offer. The engine has the contexts that do it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Iterable, Optional

from millstream.flink.datastream._element_functions import Function

if TYPE_CHECKING:
    from millstream.flink.datastream.time_domain import TimeDomain
    from millstream.flink.datastream.timerservice import TimerService


class _Context(ABC):
    """What a process function is told about the record it is called with."""

    @abstractmethod
    def timer_service(self) -> "TimerService":
        """The time that it is, and the timers of the key."""

    @abstractmethod
    def timestamp(self) -> Optional[int]:
        """The record's event time in milliseconds, `None` if it has none. In `on_timer` the timer's time."""


class _KeyedContext(_Context):
    """The same, on a keyed stream."""

    @abstractmethod
    def get_current_key(self) -> Any:
        """The key of the record, or of the timer."""


class _OnTimerContext(_KeyedContext):
    """What a process function is told about a timer that is due."""

    @abstractmethod
    def time_domain(self) -> "TimeDomain":
        """Whether it was set in event time or in processing time."""


class ProcessFunction(Function):
    """Any number of records for each record, and the time that it is.

    >>> class Long(ProcessFunction):
    ...     def process_element(self, value, ctx):
    ...         if len(value) > 3:
    ...             yield value
    >>> list(Long().process_element("millstream", None))
    ['millstream']
    """

    class Context(_Context):
        """What is known of the record."""

    @abstractmethod
    def process_element(self, value: Any, ctx: "ProcessFunction.Context") -> Optional[Iterable[Any]]:
        """The records to emit. `yield tag, record` with an `OutputTag` emits into a side output."""


class KeyedProcessFunction(Function):
    """Any number of records for each record of a keyed stream, with state and timers for each key.

    State is asked for in `open`:

    >>> from millstream.flink.common import Types
    >>> from millstream.flink.datastream.state import ValueStateDescriptor
    >>> class Count(KeyedProcessFunction):
    ...     def open(self, runtime_context):
    ...         self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))
    ...
    ...     def process_element(self, value, ctx):
    ...         self.count.update((self.count.value() or 0) + 1)
    ...         ctx.timer_service().register_event_time_timer(ctx.timestamp() + 60_000)
    ...
    ...     def on_timer(self, timestamp, ctx):
    ...         yield ctx.get_current_key(), self.count.value()
    """

    class Context(_KeyedContext):
        """What is known of the record."""

    class OnTimerContext(_OnTimerContext):
        """What is known of the timer."""

    @abstractmethod
    def process_element(self, value: Any, ctx: "KeyedProcessFunction.Context") -> Optional[Iterable[Any]]:
        """The records to emit. `yield tag, record` with an `OutputTag` emits into a side output."""

    def on_timer(self, timestamp: int, ctx: "KeyedProcessFunction.OnTimerContext") -> Optional[Iterable[Any]]:
        """The records to emit when a timer is due that was set for `timestamp` (milliseconds)."""


class CoProcessFunction(Function):
    """Any number of records for each record of two connected streams."""

    class Context(_Context):
        """What is known of the record."""

    @abstractmethod
    def process_element1(self, value: Any, ctx: "CoProcessFunction.Context") -> Optional[Iterable[Any]]:
        """The records to emit for one of the first stream."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: "CoProcessFunction.Context") -> Optional[Iterable[Any]]:
        """The records to emit for one of the second stream."""


class KeyedCoProcessFunction(Function):
    """Any number of records for each record of two connected keyed streams, with common state and timers."""

    class Context(_KeyedContext):
        """What is known of the record."""

    class OnTimerContext(_OnTimerContext):
        """What is known of the timer."""

    @abstractmethod
    def process_element1(self, value: Any, ctx: "KeyedCoProcessFunction.Context") -> Optional[Iterable[Any]]:
        """The records to emit for one of the first stream."""

    @abstractmethod
    def process_element2(self, value: Any, ctx: "KeyedCoProcessFunction.Context") -> Optional[Iterable[Any]]:
        """The records to emit for one of the second stream."""

    def on_timer(
        self, timestamp: int, ctx: "KeyedCoProcessFunction.OnTimerContext"
    ) -> Optional[Iterable[Any]]:
        """The records to emit when a timer is due that was set for `timestamp` (milliseconds)."""
