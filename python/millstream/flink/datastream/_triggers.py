"""Triggers: when what is in a window is emitted, and when it is thrown away."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from millstream.flink.common.execution_config import whole
from millstream.flink.common.time import millis
from millstream.flink.common.typeinfo import Types
from millstream.flink.datastream._windows import Window
from millstream.flink.datastream.state import ReducingStateDescriptor

if TYPE_CHECKING:
    from millstream.flink.datastream.state import StateDescriptor
    from millstream.flink.metrics import MetricGroup

T = TypeVar("T")
W = TypeVar("W", bound=Window)


class TriggerResult(Enum):
    """What happens to a window."""

    #: Nothing.
    CONTINUE = (False, False)
    #: Its result is emitted, and its records are thrown away.
    FIRE_AND_PURGE = (True, True)
    #: Its result is emitted, and its records stay.
    FIRE = (True, False)
    #: Its records are thrown away.
    PURGE = (False, True)

    def is_fire(self) -> bool:
        """Whether its result is emitted."""
        return self.value[0]

    def is_purge(self) -> bool:
        """Whether its records are thrown away."""
        return self.value[1]


class Trigger(ABC, Generic[T, W]):
    """Says when what is in a window is emitted. It is asked for each record and for each of its timers."""

    class TriggerContext(ABC):
        """The time that it is, timers, and state of the window and its key."""

        @abstractmethod
        def get_current_processing_time(self) -> int:
            """The clock's time, in milliseconds since 1970."""

        @abstractmethod
        def get_current_watermark(self) -> int:
            """How far event time has come, in milliseconds since 1970."""

        @abstractmethod
        def get_metric_group(self) -> "MetricGroup":
            """Where the trigger reports numbers."""

        @abstractmethod
        def register_processing_time_timer(self, time: int) -> None:
            """Calls `on_processing_time` when the clock is at this time (milliseconds)."""

        @abstractmethod
        def register_event_time_timer(self, time: int) -> None:
            """Calls `on_event_time` when the watermark is at this time (milliseconds)."""

        @abstractmethod
        def delete_processing_time_timer(self, time: int) -> None:
            """Forgets a timer of the clock."""

        @abstractmethod
        def delete_event_time_timer(self, time: int) -> None:
            """Forgets a timer of event time."""

        @abstractmethod
        def get_partitioned_state(self, state_descriptor: "StateDescriptor") -> Any:
            """State of the window and its key."""

    class OnMergeContext(TriggerContext):
        """The same, for a window that was merged of others."""

        @abstractmethod
        def merge_partitioned_state(self, state_descriptor: "StateDescriptor") -> None:
            """Merges the state of those."""

    @abstractmethod
    def on_element(
        self, element: T, timestamp: int, window: W, ctx: "Trigger.TriggerContext"
    ) -> TriggerResult:
        """A record came into the window."""

    @abstractmethod
    def on_processing_time(self, time: int, window: W, ctx: "Trigger.TriggerContext") -> TriggerResult:
        """A timer of the clock is due."""

    @abstractmethod
    def on_event_time(self, time: int, window: W, ctx: "Trigger.TriggerContext") -> TriggerResult:
        """A timer of event time is due."""

    def can_merge(self) -> bool:
        """Whether it can go on with a window that was merged of others."""
        return False

    @abstractmethod
    def on_merge(self, window: W, ctx: "Trigger.OnMergeContext") -> None:
        """The window was merged of others."""

    @abstractmethod
    def clear(self, window: W, ctx: "Trigger.TriggerContext") -> None:
        """The window is over: forgets timers and state."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _Quiet(Trigger[T, W]):
    """One that does nothing where a subclass says nothing."""

    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        return TriggerResult.CONTINUE

    def on_merge(self, window: W, ctx: Trigger.OnMergeContext) -> None:
        return None

    def clear(self, window: W, ctx: Trigger.TriggerContext) -> None:
        return None


class NeverTrigger(_Quiet[T, W]):
    """Never emits: what `GlobalWindows` have if no other is given."""


class EventTimeTrigger(_Quiet[T, W]):
    """Emits once the watermark is past the window's end, and again for each record that comes later."""

    @staticmethod
    def create() -> "EventTimeTrigger[Any, Any]":
        """One."""
        return EventTimeTrigger()

    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Emits if the watermark is past the window's end, else waits for that."""
        if window.max_timestamp() <= ctx.get_current_watermark():
            return TriggerResult.FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Emits at the window's end."""
        return TriggerResult.FIRE if time == window.max_timestamp() else TriggerResult.CONTINUE

    def can_merge(self) -> bool:
        """It can."""
        return True

    def on_merge(self, window: W, ctx: Trigger.OnMergeContext) -> None:
        """Waits for the new window's end."""
        if window.max_timestamp() > ctx.get_current_watermark():
            ctx.register_event_time_timer(window.max_timestamp())

    def clear(self, window: W, ctx: Trigger.TriggerContext) -> None:
        """Waits no longer."""
        ctx.delete_event_time_timer(window.max_timestamp())


class ProcessingTimeTrigger(_Quiet[T, W]):
    """Emits once the clock is past the window's end."""

    @staticmethod
    def create() -> "ProcessingTimeTrigger[Any, Any]":
        """One."""
        return ProcessingTimeTrigger()

    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Waits for the window's end."""
        ctx.register_processing_time_timer(window.max_timestamp())
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Emits."""
        return TriggerResult.FIRE

    def can_merge(self) -> bool:
        """It can."""
        return True

    def on_merge(self, window: W, ctx: Trigger.OnMergeContext) -> None:
        """Waits for the new window's end."""
        if window.max_timestamp() > ctx.get_current_processing_time():
            ctx.register_processing_time_timer(window.max_timestamp())

    def clear(self, window: W, ctx: Trigger.TriggerContext) -> None:
        """Waits no longer."""
        ctx.delete_processing_time_timer(window.max_timestamp())


class CountTrigger(_Quiet[T, W]):
    """Emits for each so many records.

    >>> CountTrigger.of(3)
    CountTrigger(3)
    """

    def __init__(self, window_size: int) -> None:
        self._window_size = whole(window_size, "the number of CountTrigger", 1, "records")
        self._count = ReducingStateDescriptor("count", lambda a, b: a + b, Types.LONG())

    @staticmethod
    def of(window_size: int) -> "CountTrigger[Any, Any]":
        """One for so many records."""
        return CountTrigger(window_size)

    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Counts, and emits when there are enough."""
        count = ctx.get_partitioned_state(self._count)
        count.add(1)
        if count.get() < self._window_size:
            return TriggerResult.CONTINUE
        count.clear()
        return TriggerResult.FIRE

    def can_merge(self) -> bool:
        """It can: the counts are added."""
        return True

    def on_merge(self, window: W, ctx: Trigger.OnMergeContext) -> None:
        """Adds the counts."""
        ctx.merge_partitioned_state(self._count)

    def clear(self, window: W, ctx: Trigger.TriggerContext) -> None:
        """Forgets the count."""
        ctx.get_partitioned_state(self._count).clear()

    def __repr__(self) -> str:
        return f"CountTrigger({self._window_size})"


class PurgingTrigger(Trigger[T, W]):
    """Another trigger, whose windows are emptied when they are emitted.

    >>> PurgingTrigger.of(CountTrigger.of(3))
    PurgingTrigger(CountTrigger(3))
    """

    def __init__(self, nested_trigger: Trigger[T, W]) -> None:
        if not isinstance(nested_trigger, Trigger):
            raise TypeError(
                f"PurgingTrigger takes a trigger such as CountTrigger.of(3), {nested_trigger!r} was given"
            )
        self.nested_trigger = nested_trigger

    @staticmethod
    def of(nested_trigger: Trigger[Any, Any]) -> "PurgingTrigger[Any, Any]":
        """One of another trigger."""
        return PurgingTrigger(nested_trigger)

    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """What the other says."""
        return _purged(self.nested_trigger.on_element(element, timestamp, window, ctx))

    def on_processing_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """What the other says."""
        return _purged(self.nested_trigger.on_processing_time(time, window, ctx))

    def on_event_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """What the other says."""
        return _purged(self.nested_trigger.on_event_time(time, window, ctx))

    def can_merge(self) -> bool:
        """Whether the other can."""
        return self.nested_trigger.can_merge()

    def on_merge(self, window: W, ctx: Trigger.OnMergeContext) -> None:
        """What the other does."""
        self.nested_trigger.on_merge(window, ctx)

    def clear(self, window: W, ctx: Trigger.TriggerContext) -> None:
        """What the other does."""
        self.nested_trigger.clear(window, ctx)

    def __repr__(self) -> str:
        return f"PurgingTrigger({self.nested_trigger!r})"


def _purged(result: TriggerResult) -> TriggerResult:
    return TriggerResult.FIRE_AND_PURGE if result.is_fire() else result


class _Continuous(_Quiet[T, W]):
    """Emits again and again, each time so many milliseconds after the last."""

    def __init__(self, interval: int) -> None:
        self.interval = whole(interval, f"the interval of {type(self).__name__}", 1, "milliseconds")
        self._next = ReducingStateDescriptor("fire-time", min, Types.LONG())

    def can_merge(self) -> bool:
        """It can: the earlier time holds."""
        return True

    def on_merge(self, window: W, ctx: Trigger.OnMergeContext) -> None:
        """Waits for the earliest of the times."""
        ctx.merge_partitioned_state(self._next)
        time = ctx.get_partitioned_state(self._next).get()
        if time is not None:
            self._wait(ctx, time)

    def clear(self, window: W, ctx: Trigger.TriggerContext) -> None:
        """Waits no longer."""
        due = ctx.get_partitioned_state(self._next)
        if due.get() is not None:
            self._wait_no_longer(ctx, due.get())
            due.clear()

    def register_next_fire_timestamp(
        self, time: int, window: W, ctx: Trigger.TriggerContext, fire_timestamp_state: Any
    ) -> None:
        """Waits for the next time after this, or for the window's end if that is earlier."""
        due = min(time + self.interval, window.max_timestamp())
        fire_timestamp_state.add(due)
        self._wait(ctx, due)

    def _fire_if_due(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        due = ctx.get_partitioned_state(self._next)
        if due.get() != time:
            return TriggerResult.CONTINUE
        due.clear()
        self.register_next_fire_timestamp(time, window, ctx, due)
        return TriggerResult.FIRE

    @abstractmethod
    def _wait(self, ctx: Any, time: int) -> None:
        """Sets a timer of the trigger's clock."""

    @abstractmethod
    def _wait_no_longer(self, ctx: Any, time: int) -> None:
        """Takes it back."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.interval})"


class ContinuousEventTimeTrigger(_Continuous[T, W]):
    """Emits whenever event time has come so much further, and at the window's end."""

    @staticmethod
    def of(interval: Any) -> "ContinuousEventTimeTrigger[Any, Any]":
        """One for a span of time."""
        return ContinuousEventTimeTrigger(millis(interval, "the interval of ContinuousEventTimeTrigger"))

    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Emits if the watermark is past the window's end, else waits for the next time."""
        if window.max_timestamp() <= ctx.get_current_watermark():
            return TriggerResult.FIRE
        ctx.register_event_time_timer(window.max_timestamp())
        due = ctx.get_partitioned_state(self._next)
        if due.get() is None:
            self.register_next_fire_timestamp(timestamp - timestamp % self.interval, window, ctx, due)
        return TriggerResult.CONTINUE

    def on_event_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Emits if it is time, and waits for the next."""
        if time == window.max_timestamp():
            return TriggerResult.FIRE
        return self._fire_if_due(time, window, ctx)

    def _wait(self, ctx: Any, time: int) -> None:
        ctx.register_event_time_timer(time)

    def _wait_no_longer(self, ctx: Any, time: int) -> None:
        ctx.delete_event_time_timer(time)


class ContinuousProcessingTimeTrigger(_Continuous[T, W]):
    """Emits whenever the clock has come so much further."""

    @staticmethod
    def of(interval: Any) -> "ContinuousProcessingTimeTrigger[Any, Any]":
        """One for a span of time."""
        return ContinuousProcessingTimeTrigger(
            millis(interval, "the interval of ContinuousProcessingTimeTrigger")
        )

    def on_element(self, element: T, timestamp: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Waits for the next time."""
        due = ctx.get_partitioned_state(self._next)
        if due.get() is None:
            now = ctx.get_current_processing_time()
            self.register_next_fire_timestamp(now - now % self.interval, window, ctx, due)
        return TriggerResult.CONTINUE

    def on_processing_time(self, time: int, window: W, ctx: Trigger.TriggerContext) -> TriggerResult:
        """Emits if it is time, and waits for the next."""
        return self._fire_if_due(time, window, ctx)

    def _wait(self, ctx: Any, time: int) -> None:
        ctx.register_processing_time_timer(time)

    def _wait_no_longer(self, ctx: Any, time: int) -> None:
        ctx.delete_processing_time_timer(time)
