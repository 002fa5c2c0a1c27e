"""Two streams that one function reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple, Union

from millstream._pickle import pickled
from millstream._stream.transformations import Input, Step
from millstream.flink.common.typeinfo import declared
from millstream.flink.datastream import functions
from millstream.flink.datastream._data_stream import DataStream
from millstream.flink.datastream._keyed_stream import KeyedStream

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation

__all__ = ["ConnectedStreams"]

_Selector = Union[Callable[[Any], Any], functions.KeySelector]


class ConnectedStreams:
    """Two streams of different types that one function reads, with common state if both have keys.

    >>> from millstream.flink.datastream import CoMapFunction, StreamExecutionEnvironment
    >>> class Either(CoMapFunction):
    ...     def map1(self, value):
    ...         return ("number", value)
    ...     def map2(self, value):
    ...         return ("word", value)
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> both = env.from_collection([1]).connect(env.from_collection(["a"])).map(Either())
    >>> sorted(both.execute_and_collect())
    [('number', 1), ('word', 'a')]
    """

    def __init__(self, stream1: DataStream, stream2: DataStream) -> None:
        self.stream1, self.stream2 = stream1, stream2

    def key_by(
        self, key_selector1: _Selector, key_selector2: _Selector, key_type: Optional["TypeInformation"] = None
    ) -> "ConnectedStreams":
        """Brings records of one key of both streams together."""
        return ConnectedStreams(
            self.stream1.key_by(key_selector1, key_type), self.stream2.key_by(key_selector2, key_type)
        )

    def _keys(self) -> Optional[Tuple[bytes, bytes]]:
        one, two = self.stream1, self.stream2
        if isinstance(one, KeyedStream) and isinstance(two, KeyedStream):
            return one._key, two._key
        if isinstance(one, KeyedStream) or isinstance(two, KeyedStream):
            raise TypeError(
                "of two connected streams both have a key or neither: call key_by on the other one, too"
            )
        return None

    def _then(self, kind: str, name: str, func: Any, kinds: Any, output_type: Any) -> DataStream:
        if not isinstance(func, kinds):
            raise TypeError(f"{kind[3:]} of connected streams takes a {kinds.__name__}, {func!r} was given")
        keys = self._keys()
        told = {} if keys is None else {"keyed": True, "keys": keys}
        declared_type = declared(output_type, f"the output_type of {name}")
        inputs = [self.stream1._inputs, self.stream2._inputs]
        step = Step(kind, name, inputs, None, pickled(func, kind[3:]), declared_type, **told)
        self.stream1._env._add(step)
        return DataStream(self.stream1._env, [Input(step)], declared_type)

    def map(
        self, func: functions.CoMapFunction, output_type: Optional["TypeInformation"] = None
    ) -> DataStream:
        """Replaces each record by what the method for its stream makes of it."""
        return self._then("co_map", "Co-Map", func, functions.CoMapFunction, output_type)

    def flat_map(
        self, func: functions.CoFlatMapFunction, output_type: Optional["TypeInformation"] = None
    ) -> DataStream:
        """Replaces each record by what the method for its stream gives."""
        return self._then("co_flat_map", "Co-Flat Map", func, functions.CoFlatMapFunction, output_type)

    def process(
        self,
        func: Union[functions.CoProcessFunction, functions.KeyedCoProcessFunction],
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Runs a function with side outputs over both streams; with keys, with state and timers."""
        wanted = functions.CoProcessFunction if self._keys() is None else functions.KeyedCoProcessFunction
        return self._then("co_process", "Co-Process", func, wanted, output_type)
