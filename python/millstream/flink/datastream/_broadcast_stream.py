"""A stream whose records all subtasks get, and another one beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

from millstream._pickle import pickled
from millstream._stream.transformations import Input, Step
from millstream.flink.common.typeinfo import declared
from millstream.flink.datastream import functions
from millstream.flink.datastream._data_stream import DataStream
from millstream.flink.datastream._keyed_stream import KeyedStream

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation
    from millstream.flink.datastream.state import MapStateDescriptor

__all__ = ["BroadcastConnectedStream", "BroadcastStream"]


class BroadcastStream:
    """A stream whose records all subtasks get, with the states that they are kept in: for `connect`."""

    def __init__(self, stream: DataStream, descriptors: Sequence["MapStateDescriptor"]) -> None:
        self._stream = stream._by("broadcast")
        self._descriptors = descriptors


class BroadcastConnectedStream:
    """A stream and a broadcast one, for one function."""

    def __init__(self, stream: DataStream, broadcast: BroadcastStream) -> None:
        self._stream, self._broadcast = stream, broadcast

    def process(
        self,
        func: Union[functions.BroadcastProcessFunction, functions.KeyedBroadcastProcessFunction],
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Runs a function over both: records of the one in one subtask each, those of the other in all."""
        stream = self._stream
        is_keyed = isinstance(stream, KeyedStream)
        wanted: Any = (
            functions.KeyedBroadcastProcessFunction if is_keyed else functions.BroadcastProcessFunction
        )
        if not isinstance(func, wanted):
            raise TypeError(f"process takes a {wanted.__name__} here, {func!r} was given")
        declared_type = declared(output_type, "the output_type of process")
        step = Step(
            "broadcast",
            "Co-Process-Broadcast",
            [stream._inputs, self._broadcast._stream._inputs],
            None,
            pickled(func, "process"),
            declared_type,
            keyed=True,
            key=stream._key if isinstance(stream, KeyedStream) else None,
            states=[one.name for one in self._broadcast._descriptors],
        )
        stream._env._add(step)
        return DataStream(stream._env, [Input(step)], declared_type)
