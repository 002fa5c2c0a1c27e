"""Functions of the records of a window.

Answers for what a subclass defines and for what its contexts offer. The engine has the contexts that do it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Iterable, TypeVar

from millstream.flink.datastream._element_functions import IN, OUT, Function

if TYPE_CHECKING:
    from millstream.flink.datastream._runtime_context import KeyedStateStore

KEY = TypeVar("KEY")
W = TypeVar("W")
W2 = TypeVar("W2")


class WindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """Any number of records for each window of each key.

    >>> class Count(WindowFunction):
    ...     def apply(self, key, window, inputs):
    ...         yield key, len(list(inputs))
    >>> list(Count().apply("a", None, [1, 2]))
    [('a', 2)]
    """

    @abstractmethod
    def apply(self, key: KEY, window: W, inputs: Iterable[IN]) -> Iterable[OUT]:
        """The records to emit for a window of one key."""


class AllWindowFunction(Function, Generic[IN, OUT, W]):
    """Any number of records for each window of a stream that has no key."""

    @abstractmethod
    def apply(self, window: W, inputs: Iterable[IN]) -> Iterable[OUT]:
        """The records to emit for a window."""


class ProcessWindowFunction(Function, Generic[IN, OUT, KEY, W]):
    """Any number of records for each window of each key, with the window's times and with state."""

    class Context(ABC, Generic[W2]):
        """The window, the time that it is, and state."""

        @abstractmethod
        def window(self) -> W2:
            """The window."""

        @abstractmethod
        def current_processing_time(self) -> int:
            """The clock's time, in milliseconds since 1970."""

        @abstractmethod
        def current_watermark(self) -> int:
            """How far event time has come, in milliseconds since 1970."""

        @abstractmethod
        def window_state(self) -> "KeyedStateStore":
            """State of this window and key; `clear` is where it is cleared."""

        @abstractmethod
        def global_state(self) -> "KeyedStateStore":
            """State of the key, in all windows."""

    @abstractmethod
    def process(
        self, key: KEY, context: "ProcessWindowFunction.Context[W]", elements: Iterable[IN]
    ) -> Iterable[OUT]:
        """The records to emit for a window of one key."""

    def clear(self, context: "ProcessWindowFunction.Context[W]") -> None:
        """Called when a window is over; clears what is in its `window_state`."""


class ProcessAllWindowFunction(Function, Generic[IN, OUT, W]):
    """Any number of records for each window of a stream that has no key, with state."""

    class Context(ABC, Generic[W2]):
        """The window and state."""

        @abstractmethod
        def window(self) -> W2:
            """The window."""

        @abstractmethod
        def window_state(self) -> "KeyedStateStore":
            """State of this window; `clear` is where it is cleared."""

        @abstractmethod
        def global_state(self) -> "KeyedStateStore":
            """State of all windows."""

    @abstractmethod
    def process(
        self, context: "ProcessAllWindowFunction.Context[W]", elements: Iterable[IN]
    ) -> Iterable[OUT]:
        """The records to emit for a window."""

    def clear(self, context: "ProcessAllWindowFunction.Context[W]") -> None:
        """Called when a window is over; clears what is in its `window_state`."""


class PassThroughWindowFunction(WindowFunction[IN, IN, KEY, W]):
    """Emits the records of a window as they are."""

    def apply(self, key: KEY, window: W, inputs: Iterable[IN]) -> Iterable[IN]:
        """The records."""
        return inputs


class PassThroughAllWindowFunction(AllWindowFunction[IN, IN, W]):
    """Emits the records of a window as they are."""

    def apply(self, window: W, inputs: Iterable[IN]) -> Iterable[IN]:
        """The records."""
        return inputs
