"""Functions of a stream and of another that all its subtasks see.

Answers for what a subclass defines and for what its contexts offer. The engine has the contexts that do it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Iterable, Optional

from millstream.flink.datastream._element_functions import Function

if TYPE_CHECKING:
    from millstream.flink.datastream.state import BroadcastState, MapStateDescriptor, ReadOnlyBroadcastState
    from millstream.flink.datastream.time_domain import TimeDomain
    from millstream.flink.datastream.timerservice import TimerService


class BaseBroadcastProcessFunction(Function):
    """What both kinds have in common."""

    class BaseContext(ABC):
        """What is known of the record."""

        @abstractmethod
        def timestamp(self) -> Optional[int]:
            """The record's event time in milliseconds, `None` if it has none."""

        @abstractmethod
        def current_processing_time(self) -> int:
            """The clock's time, in milliseconds since 1970."""

        @abstractmethod
        def current_watermark(self) -> int:
            """How far event time has come, in milliseconds since 1970."""

    class Context(BaseContext):
        """What is known of a record that all subtasks see."""

        @abstractmethod
        def get_broadcast_state(self, state_descriptor: "MapStateDescriptor") -> "BroadcastState[Any, Any]":
            """State that is the same in all subtasks, to read and to write."""

    class ReadOnlyContext(BaseContext):
        """What is known of a record that one subtask sees."""

        @abstractmethod
        def get_broadcast_state(
            self, state_descriptor: "MapStateDescriptor"
        ) -> "ReadOnlyBroadcastState[Any, Any]":
            """State that is the same in all subtasks, to read."""


class BroadcastProcessFunction(BaseBroadcastProcessFunction):
    """Any number of records for each record of a stream, and of one that all subtasks see."""

    class Context(BaseBroadcastProcessFunction.Context, ABC):
        """What is known of a record that all subtasks see."""

    class ReadOnlyContext(BaseBroadcastProcessFunction.ReadOnlyContext, ABC):
        """What is known of a record that one subtask sees."""

    @abstractmethod
    def process_element(
        self, value: Any, ctx: "BroadcastProcessFunction.ReadOnlyContext"
    ) -> Optional[Iterable[Any]]:
        """The records to emit for one that this subtask alone sees."""

    @abstractmethod
    def process_broadcast_element(
        self, value: Any, ctx: "BroadcastProcessFunction.Context"
    ) -> Optional[Iterable[Any]]:
        """The records to emit for one that all subtasks see. Must change state alike in all of them."""


class KeyedBroadcastProcessFunction(BaseBroadcastProcessFunction):
    """The same for a keyed stream, with state and timers for each key."""

    class Context(BaseBroadcastProcessFunction.Context, ABC):
        """What is known of a record that all subtasks see."""

    class ReadOnlyContext(BaseBroadcastProcessFunction.ReadOnlyContext, ABC):
        """What is known of a record of the keyed stream."""

        @abstractmethod
        def timer_service(self) -> "TimerService":
            """The time that it is, and the timers of the key."""

        @abstractmethod
        def get_current_key(self) -> Any:
            """The key of the record."""

    class OnTimerContext(ReadOnlyContext, ABC):
        """What is known of a timer that is due."""

        @abstractmethod
        def time_domain(self) -> "TimeDomain":
            """Whether it was set in event time or in processing time."""

    @abstractmethod
    def process_element(
        self, value: Any, ctx: "KeyedBroadcastProcessFunction.ReadOnlyContext"
    ) -> Optional[Iterable[Any]]:
        """The records to emit for one of the keyed stream."""

    @abstractmethod
    def process_broadcast_element(
        self, value: Any, ctx: "KeyedBroadcastProcessFunction.Context"
    ) -> Optional[Iterable[Any]]:
        """The records to emit for one that all subtasks see. Must change state alike in all of them."""

    def on_timer(
        self, timestamp: int, ctx: "KeyedBroadcastProcessFunction.OnTimerContext"
    ) -> Optional[Iterable[Any]]:
        """The records to emit when a timer is due that was set for `timestamp` (milliseconds)."""
