"""`add_source` of an iterable and `add_sink` of a callable, on Flink's own classes.

What is defined here travels to the cluster by value: there is no Millstream there.
Holds: a source or sink of Flink's own goes to Flink's own method, as it is.
"""

from __future__ import annotations

import itertools
import time
from typing import Any, Callable, List

#: The most that a source is read here before its records are given to the cluster.
RECORDS = 1_000_000
SECONDS = 30.0
#: How often a job is started again from its last checkpoint.
RESTARTS = 3


class _Consume:
    """Calls a function with each record; the result is dropped."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, value: Any) -> str:
        self.function(value)
        return ""


def install(limit_restarts: bool) -> None:
    """Lets Flink's environment and streams take what ours take.

    With `limit_restarts`, a job with checkpoints and no strategy of its own is restarted `RESTARTS` times:
    Flink would restart it for ever, and a program that always fails would never say so.
    """
    import cloudpickle
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.datastream.data_stream import KeyedStream
    from pyflink.datastream.functions import SinkFunction, SourceFunction

    import millstream.handover.flink_forms as this

    cloudpickle.register_pickle_by_value(this)
    add_source, add_sink = StreamExecutionEnvironment.add_source, DataStream.add_sink

    def source(self: Any, source_func: Any, source_name: str = "Custom Source", type_info: Any = None) -> Any:
        given = _given(source_func, SourceFunction)
        if given is None:
            return add_source(self, source_func, source_name, type_info)
        return self.from_collection(records_of(given), type_info).name(source_name)

    def sink(self: Any, sink_func: Any) -> Any:
        given = _given(sink_func, SinkFunction)
        if given is None:
            return add_sink(self, sink_func)
        if not callable(given):
            raise TypeError(f"add_sink takes a function of one record or a SinkFunction, {given!r} was given")
        return _consume(self, given)

    if limit_restarts:
        _limit_restarts()
    StreamExecutionEnvironment.add_source = source
    DataStream.add_sink = sink
    KeyedStream.add_sink = lambda self, sink_func: self._values().add_sink(sink_func)


def _limit_restarts() -> None:
    from pyflink.common import Configuration
    from pyflink.datastream import DataStream, StreamExecutionEnvironment
    from pyflink.util.java_utils import get_j_env_configuration

    graph, collect = StreamExecutionEnvironment._generate_stream_graph, DataStream.execute_and_collect

    def limit(environment: Any) -> None:
        java = environment._j_stream_execution_environment
        chosen = get_j_env_configuration(java).containsKey("restart-strategy.type")
        if java.getCheckpointConfig().isCheckpointingEnabled() and not chosen:
            limited = Configuration()
            limited.set_string("restart-strategy.type", "fixed-delay")
            limited.set_string("restart-strategy.fixed-delay.attempts", str(RESTARTS))
            limited.set_string("restart-strategy.fixed-delay.delay", "1 s")
            environment.configure(limited)

    def limited_graph(self: Any, *args: Any, **kwargs: Any) -> Any:
        limit(self)
        return graph(self, *args, **kwargs)

    def limited_collect(self: Any, *args: Any, **kwargs: Any) -> Any:
        limit(self.get_execution_environment())
        return collect(self, *args, **kwargs)

    StreamExecutionEnvironment._generate_stream_graph = limited_graph
    DataStream.execute_and_collect = limited_collect


def _consume(stream: Any, function: Callable[[Any], Any]) -> Any:
    from pyflink.common import Types
    from pyflink.datastream import DataStreamSink
    from pyflink.java_gateway import get_gateway

    consumed = stream.map(_Consume(function), output_type=Types.STRING()).name("Sink: " + _name_of(function))
    discarding = get_gateway().jvm.org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink
    return DataStreamSink(consumed._j_data_stream.sinkTo(discarding()))


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _given(function: Any, java: type) -> Any:
    """What a source or sink is made of, or `None` if it is one of Flink's own, written in Java."""
    if not isinstance(function, java):
        return function
    from py4j.java_gateway import JavaObject

    inside = function.get_java_function()  # type: ignore[attr-defined]
    return None if isinstance(inside, JavaObject) else inside


def records_of(source: Any) -> List[Any]:
    """The records of an iterable, of what a function gives, or of a source with positions, read to their end.

    >>> records_of(range(3)), records_of(lambda: iter("ab"))
    ([0, 1, 2], ['a', 'b'])
    """
    if callable(getattr(source, "read", None)):
        source = (record for _, record in source.read(None))
    elif callable(source) and not hasattr(source, "__iter__"):
        source = source()
    if isinstance(source, str) or not hasattr(source, "__iter__"):
        raise TypeError(
            "add_source takes an iterable, a function that gives one, or an object with a method "
            f"read(position), {source!r} was given"
        )
    until = time.monotonic() + SECONDS
    found: List[Any] = []
    for record in itertools.islice(source, RECORDS + 1):
        found.append(record)
        if len(found) > RECORDS or time.monotonic() > until:
            raise ValueError(
                f"add_source: the source has not ended after {len(found) - 1:,} records. For a Flink "
                f"cluster it is read here, before the job, up to {RECORDS:,} records and {SECONDS:g} s: "
                "end it (itertools.islice), or use a source of Flink's (KafkaSource, NumberSequenceSource)"
            )
    return found
