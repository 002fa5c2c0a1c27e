"""The classes that a program derives its functions from."""

from __future__ import annotations

from typing import Any

from millstream.flink.datastream._async_functions import (
    AsyncFunction,
    AsyncRetryPredicate,
    AsyncRetryStrategy,
)
from millstream.flink.datastream._broadcast_functions import (
    BaseBroadcastProcessFunction,
    BroadcastProcessFunction,
    KeyedBroadcastProcessFunction,
)
from millstream.flink.datastream._element_functions import (
    AggregateFunction,
    CoFlatMapFunction,
    CoMapFunction,
    FilterFunction,
    FlatMapFunction,
    Function,
    KeySelector,
    MapFunction,
    NullByteKeySelector,
    Partitioner,
    ReduceFunction,
)
from millstream.flink.datastream._process_functions import (
    CoProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    ProcessFunction,
)
from millstream.flink.datastream._runtime_context import KeyedStateStore, RuntimeContext
from millstream.flink.datastream._window_functions import (
    AllWindowFunction,
    PassThroughAllWindowFunction,
    PassThroughWindowFunction,
    ProcessAllWindowFunction,
    ProcessWindowFunction,
    WindowFunction,
)
from millstream.flink.datastream.timerservice import TimerService

__all__ = [
    "AggregateFunction",
    "AllWindowFunction",
    "AsyncFunction",
    "AsyncRetryPredicate",
    "AsyncRetryStrategy",
    "BaseBroadcastProcessFunction",
    "BroadcastProcessFunction",
    "CoFlatMapFunction",
    "CoMapFunction",
    "CoProcessFunction",
    "FilterFunction",
    "FlatMapFunction",
    "Function",
    "KeySelector",
    "KeyedBroadcastProcessFunction",
    "KeyedCoProcessFunction",
    "KeyedProcessFunction",
    "KeyedStateStore",
    "MapFunction",
    "NullByteKeySelector",
    "Partitioner",
    "PassThroughAllWindowFunction",
    "PassThroughWindowFunction",
    "ProcessAllWindowFunction",
    "ProcessFunction",
    "ProcessWindowFunction",
    "ReduceFunction",
    "RuntimeContext",
    "SinkFunction",
    "SourceFunction",
    "TimerService",
    "WindowFunction",
]


class SourceFunction(Function):
    """A source made of an iterable or of a function that gives one. `add_source` takes either as it is.

    >>> list(SourceFunction([1, 2]).records())
    [1, 2]
    """

    def __init__(self, source_func: Any) -> None:
        if isinstance(source_func, str) or not (callable(source_func) or hasattr(source_func, "__iter__")):
            raise TypeError(
                _no_class("SourceFunction", source_func, "an iterable or a function that gives one")
            )
        self._source_func = source_func

    def records(self) -> Any:
        """The records, from the first on."""
        return self._source_func() if callable(self._source_func) else self._source_func


class SinkFunction(Function):
    """A sink made of a function of one record. `add_sink` takes it without this class as well."""

    def __init__(self, sink_func: Any) -> None:
        if not callable(sink_func):
            raise TypeError(_no_class("SinkFunction", sink_func, "a function of one record"))
        self._sink_func = sink_func

    def invoke(self, value: Any) -> None:
        """Takes a record."""
        self._sink_func(value)


def _no_class(name: str, given: Any, right: str) -> str:
    java = ": that is a class of Java, and there is no JVM here" if isinstance(given, str) else ""
    return f"{name} takes {right}, {given!r} of type {type(given).__name__} was given{java}"
