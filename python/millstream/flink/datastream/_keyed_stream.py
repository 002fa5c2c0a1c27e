"""A stream whose records have a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from millstream._pickle import pickled
from millstream._stream.keys import TypedKey
from millstream.flink.common.typeinfo import declared
from millstream.flink.datastream import functions
from millstream.flink.datastream._data_stream import DataStream, checked
from millstream.flink.datastream._sink import DataStreamSink

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation
    from millstream.flink.datastream._windowed_stream import WindowedStream
    from millstream.flink.datastream.window import WindowAssigner

__all__ = ["KeyedStream"]


class KeyedStream(DataStream):
    """A stream whose records have a key: those of one key go to one subtask, which keeps state for each."""

    def __init__(self, stream: DataStream, key_selector: Any, key_type: Optional["TypeInformation"]) -> None:
        key = checked(key_selector, functions.KeySelector, "key_by")
        self._key_type = declared(key_type, "the key_type of key_by")
        if not self._key_type.takes_everything:
            key = pickled(TypedKey(key_selector, self._key_type), "key_by")
        by_key = stream._by("keyed", key)
        super().__init__(stream._env, by_key._inputs, stream._type)
        self._key = key
        self._origin = stream

    def _keyed(
        self, kind: str, name: str, function: Optional[bytes], output_type: Any, **told: Any
    ) -> DataStream:
        return super()._then(kind, name, function, output_type, keyed=True, key=self._key, **told)

    def _then(
        self, kind: str, name: str, function: Optional[bytes], output_type: Any, **told: Any
    ) -> DataStream:
        return self._keyed(kind, name, function, output_type, **told)

    def process(  # type: ignore[override]
        self,
        func: functions.KeyedProcessFunction,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Runs a function with state and timers for each key."""
        if not isinstance(func, functions.KeyedProcessFunction):
            raise TypeError(f"process takes a KeyedProcessFunction behind key_by, {func!r} was given")
        return self._keyed("keyed_process", "KeyedProcess", pickled(func, "process"), output_type)

    def reduce(self, func: Union[Callable[[Any, Any], Any], functions.ReduceFunction]) -> DataStream:
        """Makes one value of all records of a key, emitted with each record; in batch mode once, at the end.

        >>> from millstream.flink.datastream import StreamExecutionEnvironment
        >>> env = StreamExecutionEnvironment.get_execution_environment()
        >>> sums = env.from_collection([1, 2, 3, 4]).key_by(lambda x: x % 2).reduce(lambda a, b: a + b)
        >>> list(sums.execute_and_collect())
        [1, 2, 4, 6]
        """
        return self._keyed("reduce", "Reduce", checked(func, functions.ReduceFunction, "reduce"), self._type)

    def _aggregated(self, kind: str, position: Union[int, str]) -> DataStream:
        from millstream._stream.aggregates import FieldAggregate

        return self.reduce(FieldAggregate(kind, position))

    def sum(self, position_to_sum: Union[int, str] = 0) -> DataStream:
        """The sum of one field over the records of each key, emitted with each record."""
        return self._aggregated("sum", position_to_sum)

    def min(self, position_to_min: Union[int, str] = 0) -> DataStream:
        """The least value of one field so far, with the other fields of the key's first record."""
        return self._aggregated("min", position_to_min)

    def max(self, position_to_max: Union[int, str] = 0) -> DataStream:
        """The greatest value of one field so far, with the other fields of the key's first record."""
        return self._aggregated("max", position_to_max)

    def min_by(self, position_to_min_by: Union[int, str] = 0) -> DataStream:
        """The record with the least value of one field so far; of several, the first."""
        return self._aggregated("min_by", position_to_min_by)

    def max_by(self, position_to_max_by: Union[int, str] = 0) -> DataStream:
        """The record with the greatest value of one field so far; of several, the first."""
        return self._aggregated("max_by", position_to_max_by)

    def window(self, window_assigner: "WindowAssigner") -> "WindowedStream":
        """Cuts the records of each key into windows."""
        from millstream.flink.datastream._windowed_stream import WindowedStream

        return WindowedStream(self, window_assigner)

    def count_window(self, size: int, slide: int = 0) -> "WindowedStream":
        """Cuts the records of each key into windows of so many; with `slide`, a new one begins each so
        many."""
        from millstream.flink.datastream.window import CountSlidingWindowAssigner, CountTumblingWindowAssigner

        if slide == 0:
            return self.window(CountTumblingWindowAssigner(size))
        return self.window(CountSlidingWindowAssigner(size, slide))

    def key_by(
        self,
        key_selector: Union[Callable[[Any], Any], functions.KeySelector],
        key_type: Optional["TypeInformation"] = None,
    ) -> "KeyedStream":
        """Another key instead of this one."""
        return self._origin.key_by(key_selector, key_type)

    # What has no key behind it

    def _plain(self) -> DataStream:
        return self._origin._by("keyed", self._key)

    def union(self, *streams: DataStream) -> DataStream:
        """The records of all the streams, without a key."""
        return self._plain().union(*streams)

    def print(self, sink_identifier: Optional[str] = None) -> DataStreamSink:
        """Prints each record on a line."""
        return self._plain().print(sink_identifier)

    def add_sink(self, sink_func: Any) -> DataStreamSink:
        """Gives each record to a function, or to the `invoke` of an object."""
        return self._plain().add_sink(sink_func)

    def sink_to(self, sink: Any) -> DataStreamSink:
        """Gives each record to a sink."""
        return self._plain().sink_to(sink)


def _refused(name: str, what: str) -> Any:
    def refuse(self: Any, *arguments: Any, **named: Any) -> Any:
        raise TypeError(
            f"{what} is not supported for KeyedStream: call it in front of key_by, or behind the next step"
        )

    refuse.__name__ = name
    refuse.__doc__ = f"Refused with a `TypeError`: {what} is for streams without a key."
    return refuse


for _name in ("rebalance", "rescale", "shuffle", "forward", "global_", "partition_custom"):
    setattr(KeyedStream, _name, _refused(_name, f"{_name}(): to override partitioning"))
for _name in (
    "set_parallelism name get_name uid set_uid_hash set_max_parallelism force_non_parallel "
    "set_buffer_timeout "
    "start_new_chain disable_chaining slot_sharing_group set_description get_side_output"
).split():
    setattr(KeyedStream, _name, _refused(_name, f"{_name}()"))
