"""A stream of records that have no key.

Answers for what a program can say of a stream. Each call adds a step to the environment's program; nothing
runs before `execute`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List, Optional, Union

from millstream._pickle import pickled
from millstream._stream.transformations import Input, Step
from millstream.flink._notices import without_effect
from millstream.flink.common.execution_config import whole
from millstream.flink.common.typeinfo import PickledBytesTypeInfo, RowTypeInfo, TupleTypeInfo, declared
from millstream.flink.datastream._closeable_iterator import CloseableIterator
from millstream.flink.datastream._sink import DataStreamSink
from millstream.flink.datastream import functions

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation
    from millstream.flink.datastream._all_windowed_stream import AllWindowedStream
    from millstream.flink.datastream._broadcast_stream import BroadcastStream
    from millstream.flink.datastream._keyed_stream import KeyedStream
    from millstream.flink.datastream.output_tag import OutputTag
    from millstream.flink.datastream.state import MapStateDescriptor
    from millstream.flink.datastream.stream_execution_environment import StreamExecutionEnvironment
    from millstream.flink.datastream.window import WindowAssigner

__all__ = ["DataStream"]

_CHAINS = "what can run in one thread does"


def checked(function: Any, kind: Optional[type], place: str) -> bytes:
    """The function, pickled. Raises `TypeError` if it is neither a callable nor an object of its class."""
    is_object = kind is not None and isinstance(function, kind)
    # A class such as `str` is a function too, but not one that is to be made an object of.
    is_uncalled = isinstance(function, type) and issubclass(function, functions.Function)
    if not is_object and (is_uncalled or not callable(function)):
        wanted = "a function" if kind is None else f"a {kind.__name__} or a function"
        called = " (an object of it: with parentheses)" if is_uncalled else ""
        raise TypeError(f"{place} takes {wanted}, {function!r} was given{called}")
    return pickled(function, place)


class DataStream:
    """A stream of records. It may be read several times: each reader gets all records.

    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> words = env.from_collection(["to be", "or not"]).flat_map(str.split)
    >>> list(words.map(len).execute_and_collect())
    [2, 2, 2, 3]
    """

    def __init__(
        self, env: "StreamExecutionEnvironment", inputs: List[Input], output_type: Any = None
    ) -> None:
        self._env = env
        self._inputs = inputs
        self._type: "TypeInformation" = declared(output_type, "the type of a stream")

    def __repr__(self) -> str:
        made = ", ".join(dict.fromkeys(one.step.name for one in self._inputs))
        return f"<{type(self).__name__} made by {made}, of type {self._type}>"

    # What every call below is made of

    def _added(self, kind: str, name: str, function: Optional[bytes], output_type: Any, **told: Any) -> Step:
        step = Step(kind, name, [self._inputs], None, function, output_type, **told)
        return self._env._add(step)

    def _then(
        self, kind: str, name: str, function: Optional[bytes], output_type: Any, **told: Any
    ) -> "DataStream":
        declared_type = declared(output_type, f"the output_type of {name}")
        step = self._added(kind, name, function, declared_type, **told)
        return DataStream(self._env, [Input(step)], declared_type)

    def _by(self, way: str, key: Optional[bytes] = None, partition: Optional[bytes] = None) -> "DataStream":
        inputs = [one._replace(way=way, key=key, partition=partition) for one in self._inputs]
        return DataStream(self._env, inputs, self._type)

    def _step(self, call: str) -> Step:
        if len(self._inputs) != 1:
            raise ValueError(f"{call} has no meaning for a union of streams: call it on each of them")
        return self._inputs[0].step

    # Identity

    def get_name(self) -> str:
        """The name of the operator that makes the stream."""
        return self._step("get_name()").name

    def name(self, name: str) -> "DataStream":
        """Names the operator, for people: errors and the plan show it."""
        self._step("name()").name = name
        return self

    def uid(self, uid: str) -> "DataStream":
        """Names the operator's state: what a checkpoint has under this uid comes back to it."""
        self._step("uid()").uid = uid
        return self

    def set_uid_hash(self, uid_hash: str) -> "DataStream":
        """As `uid`."""
        return self.uid(uid_hash)

    def set_description(self, description: str) -> "DataStream":
        """Describes the operator, for people."""
        self._step("set_description()").description = description
        return self

    def set_parallelism(self, parallelism: int) -> "DataStream":
        """The number of the operator's subtasks."""
        step = self._step("set_parallelism()")
        wanted = whole(parallelism, "the parallelism", 1, "subtasks")
        if step.is_source and not step.told["parallel"] and wanted > 1:
            raise ValueError(f"the source `{step.name}` is read by one subtask, it cannot have {wanted}")
        step.parallelism = wanted
        return self

    def set_max_parallelism(self, max_parallelism: int) -> "DataStream":
        """Accepted, and does nothing: the environment's holds for all operators."""
        without_effect(
            "DataStream.set_max_parallelism", "the environment's max parallelism holds for all operators"
        )
        return self

    def force_non_parallel(self) -> "DataStream":
        """One subtask, whatever the environment says."""
        return self.set_parallelism(1)

    def get_type(self) -> "TypeInformation":
        """The declared type of the records."""
        return self._type

    def get_execution_environment(self) -> "StreamExecutionEnvironment":
        """The environment of the program."""
        return self._env

    def get_execution_config(self) -> Any:
        """The settings of the environment."""
        return self._env.get_config()

    def disable_chaining(self) -> "DataStream":
        """Accepted, and does nothing."""
        without_effect("disable_chaining", _CHAINS)
        return self

    def start_new_chain(self) -> "DataStream":
        """Accepted, and does nothing."""
        without_effect("start_new_chain", _CHAINS)
        return self

    def slot_sharing_group(self, slot_sharing_group: Any) -> "DataStream":
        """Accepted, and does nothing."""
        without_effect("slot_sharing_group", "a job runs in one process and its workers")
        return self

    def set_buffer_timeout(self, timeout_millis: int) -> "DataStream":
        """Accepted, and does nothing."""
        without_effect("set_buffer_timeout", "a run of records is sent as soon as it is made")
        return self

    # One record after the other

    def map(
        self,
        func: Union[Callable[[Any], Any], functions.MapFunction],
        output_type: Optional["TypeInformation"] = None,
    ) -> "DataStream":
        """Replaces each record by what the function makes of it."""
        return self._then("map", "Map", checked(func, functions.MapFunction, "map"), output_type)

    def flat_map(
        self,
        func: Union[Callable[[Any], Any], functions.FlatMapFunction],
        output_type: Optional["TypeInformation"] = None,
    ) -> "DataStream":
        """Replaces each record by any number of others, which the function gives as an iterable."""
        return self._then(
            "flat_map", "FlatMap", checked(func, functions.FlatMapFunction, "flat_map"), output_type
        )

    def filter(self, func: Union[Callable[[Any], bool], functions.FilterFunction]) -> "DataStream":
        """Keeps the records for which the function is true."""
        function = checked(func, functions.FilterFunction, "filter")
        stream = self._then("filter", "Filter", function, None)
        stream._type = self._type
        return stream

    def process(
        self, func: functions.ProcessFunction, output_type: Optional["TypeInformation"] = None
    ) -> "DataStream":
        """Runs a function with side outputs and the time over each record."""
        if not isinstance(func, functions.ProcessFunction):
            hint = ": call key_by(...) first" if isinstance(func, functions.KeyedProcessFunction) else ""
            raise TypeError(f"process takes a ProcessFunction, {func!r} was given{hint}")
        return self._then("process", "Process", pickled(func, "process"), output_type)

    def project(self, *field_indexes: int) -> "DataStream":
        """Keeps some fields of each tuple or row.

        >>> from millstream.flink.datastream import StreamExecutionEnvironment
        >>> env = StreamExecutionEnvironment.get_execution_environment()
        >>> list(env.from_collection([(1, "a", True)]).project(2, 0).execute_and_collect())
        [(True, 1)]
        """
        if not field_indexes:
            raise ValueError("project takes the indexes of the fields to keep, at least one")
        kept: Any = None
        if isinstance(self._type, (TupleTypeInfo, RowTypeInfo)):
            types = self._type.get_field_types()
            wrong = [at for at in field_indexes if not 0 <= at < len(types)]
            if wrong:
                raise ValueError(f"project takes indexes from 0 to {len(types) - 1}, {wrong[0]} was given")
            chosen = [types[at] for at in field_indexes]
            if isinstance(self._type, RowTypeInfo):
                names = self._type.get_field_names()
                kept = RowTypeInfo(chosen, [names[at] for at in field_indexes])
            else:
                kept = TupleTypeInfo(chosen)
        told = tuple(field_indexes)

        def project(value: Any) -> Any:
            fields = tuple(value[at] for at in told)
            return fields if isinstance(value, tuple) else type(value)(*fields)

        return self._then("map", "Projection", pickled(project, "project"), kept)

    # Time

    def assign_timestamps_and_watermarks(self, watermark_strategy: Any) -> "DataStream":
        """Gives records their times, and the stream its watermarks."""
        from millstream.flink.common.watermark_strategy import WatermarkStrategy

        if not isinstance(watermark_strategy, WatermarkStrategy):
            raise TypeError(
                f"assign_timestamps_and_watermarks takes a WatermarkStrategy, {watermark_strategy!r} "
                "was given"
            )
        function = pickled(watermark_strategy, "assign_timestamps_and_watermarks")
        return self._then("timestamps", "Timestamps/Watermarks", function, self._type)

    def __reduce__(self) -> Any:
        raise TypeError("a stream is of the program that makes the job, a function of the job cannot use it")

    # Which way

    def key_by(
        self,
        key_selector: Union[Callable[[Any], Any], functions.KeySelector],
        key_type: Optional["TypeInformation"] = None,
    ) -> "KeyedStream":
        """Brings records of one key together, so that state can be kept for each. `key_type` is checked."""
        from millstream.flink.datastream._keyed_stream import KeyedStream

        return KeyedStream(self, key_selector, key_type)

    def window_all(self, window_assigner: "WindowAssigner[Any, Any]") -> "AllWindowedStream":
        """Cuts the stream into windows; all records go to one subtask."""
        from millstream.flink.datastream._all_windowed_stream import AllWindowedStream

        return AllWindowedStream(self, window_assigner)

    def union(self, *streams: "DataStream") -> "DataStream":
        """The records of all the streams."""
        inputs = list(self._inputs)
        for stream in streams:
            if not isinstance(stream, DataStream):
                raise TypeError(f"union takes streams, {stream!r} was given")
            inputs.extend(stream._plain()._inputs)
        same = all(stream._type == self._type for stream in streams)
        return DataStream(self._env, inputs, self._type if same else None)

    def _plain(self) -> "DataStream":
        return self

    def broadcast(
        self,
        broadcast_state_descriptor: Optional["MapStateDescriptor"] = None,
        *other_broadcast_state_descriptors: "MapStateDescriptor",
    ) -> Any:
        """Sends each record to all subtasks; with descriptors of states, as a `BroadcastStream` for
        `connect`."""
        if broadcast_state_descriptor is None:
            return self._by("broadcast")
        from millstream.flink.datastream._broadcast_stream import BroadcastStream
        from millstream.flink.datastream.state import MapStateDescriptor

        given = (broadcast_state_descriptor, *other_broadcast_state_descriptors)
        for one in given:
            if not isinstance(one, MapStateDescriptor):
                raise TypeError(f"broadcast takes MapStateDescriptors, {one!r} was given")
        return BroadcastStream(self, given)

    def connect(self, ds: Union["DataStream", "BroadcastStream"]) -> Any:
        """This stream and another, for one function that tells them apart."""
        from millstream.flink.datastream._broadcast_stream import BroadcastConnectedStream, BroadcastStream
        from millstream.flink.datastream._connected_streams import ConnectedStreams

        if isinstance(ds, BroadcastStream):
            return BroadcastConnectedStream(self, ds)
        if not isinstance(ds, DataStream):
            raise TypeError(f"connect takes a stream, {ds!r} was given")
        return ConnectedStreams(self, ds)

    def rebalance(self) -> "DataStream":
        """Sends records to the subtasks behind in turn."""
        return self._by("deal")

    def rescale(self) -> "DataStream":
        """Sends records in turn to the subtasks behind."""
        return self._by("rescale")

    def shuffle(self) -> "DataStream":
        """Sends records at random."""
        return self._by("shuffle")

    def forward(self) -> "DataStream":
        """Sends records to the subtask of the same number; refused where the numbers of subtasks differ."""
        return self._by("forward")

    def global_(self) -> "DataStream":
        """Sends all records to the first subtask."""
        return self._by("global")

    def partition_custom(
        self,
        partitioner: Union[Callable[[Any, int], int], functions.Partitioner],
        key_selector: Union[Callable[[Any], Any], functions.KeySelector],
    ) -> "DataStream":
        """Sends each record where `partitioner` says: its key and the number of subtasks in, an index out."""
        chooser = checked(partitioner, functions.Partitioner, "partition_custom")
        return self._by("custom", checked(key_selector, functions.KeySelector, "partition_custom"), chooser)

    # Other outputs, and the end

    def get_side_output(self, output_tag: "OutputTag") -> "DataStream":
        """What the operator behind this stream emits into a side output."""
        self._step("get_side_output()")
        inputs = [Input(one.step, side=output_tag.tag_id) for one in self._inputs]
        self._inputs[0].step.told.setdefault("tags", {})[output_tag.tag_id] = output_tag.type_info
        return DataStream(self._env, inputs, output_tag.type_info)

    def print(self, sink_identifier: Optional[str] = None) -> DataStreamSink:
        """Prints each record on a line, behind `N> ` where there are several subtasks.

        >>> from millstream.flink.common import Row
        >>> from millstream.flink.datastream import StreamExecutionEnvironment
        >>> env = StreamExecutionEnvironment.get_execution_environment()
        >>> _ = env.from_collection([(1, "a")]).print("pairs")
        >>> _ = env.execute()
        pairs> (1, 'a')
        """
        printed = None if isinstance(self._type, PickledBytesTypeInfo) else self._type
        text = self._added("text", "Text", None, None, printed=printed, follows=True)
        sink = Step("print", "Print to Std. Out", [[Input(text)]], None, identifier=sink_identifier)
        return DataStreamSink(self._env._add(sink))

    def add_sink(self, sink_func: Any) -> DataStreamSink:
        """Gives each record to a function, or to the `invoke` of an object."""
        if hasattr(sink_func, "invoke") and not isinstance(sink_func, type):
            function = pickled(sink_func, "add_sink")
        else:
            function = checked(sink_func, functions.SinkFunction, "add_sink")
        return DataStreamSink(self._added("sink", "Sink", function, None))

    def sink_to(self, sink: Any) -> DataStreamSink:
        """Gives each record to a sink of connectors, to the `invoke` of an object, or to a function."""
        engine = getattr(sink, "_sink_engine", None)
        if engine is not None:
            kind, name, encoding, settings = engine()
            encoded = self._added("map", f"{name}: Encode", pickled(encoding, "sink_to"), None, follows=True)
            return DataStreamSink(self._env._add(Step(kind, name, [[Input(encoded)]], None, **settings)))
        of_text = getattr(sink, "_text_sink", None)
        if of_text is None:
            return self.add_sink(sink)
        kind, name, settings = of_text()
        text = self._added("text", "Text", None, None, printed=sink._printed(self._type), follows=True)
        return DataStreamSink(self._env._add(Step(kind, name, [[Input(text)]], None, **settings)))

    def execute_and_collect(
        self, job_execution_name: Optional[str] = None, limit: Optional[int] = None
    ) -> Union[CloseableIterator, List[Any]]:
        """Runs the program and gives the records of this stream as they come; with `limit`, the first of them
        as a list."""
        sink = self._env._add(Step("collect", "Collect", [self._inputs], None, follows=True))
        client, collected = self._env._start(job_execution_name or "Collect", sink)
        records = CloseableIterator(client, collected, limit)
        if limit is None:
            return records
        with records:
            return list(records)
