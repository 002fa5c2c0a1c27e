"""A stream without keys that is cut into windows: a keyed one, all of whose records have the same key.

Answers for the names and for what is asked of functions. All else is `WindowedStream`'s.
Holds: one subtask has all windows, whatever the parallelism of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, Union

from millstream.flink.datastream import functions
from millstream.flink.datastream._windowed_stream import WindowedStream

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation
    from millstream.flink.datastream._data_stream import DataStream
    from millstream.flink.datastream.output_tag import OutputTag
    from millstream.flink.datastream.window import Trigger, WindowAssigner

__all__ = ["AllWindowedStream"]

_Function = Union[functions.AllWindowFunction, functions.ProcessAllWindowFunction]


class _Applied(functions.WindowFunction):
    def __init__(self, function: functions.AllWindowFunction) -> None:
        self.function = function

    def open(self, runtime_context: functions.RuntimeContext) -> None:
        self.function.open(runtime_context)

    def close(self) -> None:
        self.function.close()

    def apply(self, key: Any, window: Any, inputs: Iterable[Any]) -> Iterable[Any]:
        return self.function.apply(window, inputs)


class _Processed(functions.ProcessWindowFunction):
    def __init__(self, function: functions.ProcessAllWindowFunction) -> None:
        self.function = function

    def open(self, runtime_context: functions.RuntimeContext) -> None:
        self.function.open(runtime_context)

    def close(self) -> None:
        self.function.close()

    def process(self, key: Any, context: Any, elements: Iterable[Any]) -> Iterable[Any]:
        return self.function.process(context, elements)

    def clear(self, context: Any) -> None:
        self.function.clear(context)


class AllWindowedStream:
    """The records of a stream, cut into windows by one subtask.

    >>> from millstream.flink.common import Time, WatermarkStrategy
    >>> from millstream.flink.common.watermark_strategy import TimestampAssigner
    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> from millstream.flink.datastream.window import TumblingEventTimeWindows
    >>> class Itself(TimestampAssigner):
    ...     def extract_timestamp(self, value, record_timestamp):
    ...         return value
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Itself())
    >>> timed = env.from_collection([1000, 1500, 2000]).assign_timestamps_and_watermarks(strategy)
    >>> windows = timed.window_all(TumblingEventTimeWindows.of(Time.seconds(1)))
    >>> list(windows.reduce(lambda a, b: a + b).execute_and_collect())
    [2500, 2000]
    """

    def __init__(self, data_stream: "DataStream", window_assigner: "WindowAssigner[Any, Any]") -> None:
        self._windowed = WindowedStream(data_stream.key_by(functions.NullByteKeySelector()), window_assigner)

    def get_execution_environment(self) -> Any:
        """The environment of the program."""
        return self._windowed.get_execution_environment()

    def get_input_type(self) -> "TypeInformation":
        """The declared type of the records."""
        return self._windowed.get_input_type()

    def trigger(self, trigger: "Trigger[Any, Any]") -> "AllWindowedStream":
        """Says when windows are emitted, in place of the assigner's own trigger."""
        self._windowed.trigger(trigger)
        return self

    def allowed_lateness(self, time_ms: Any) -> "AllWindowedStream":
        """Keeps windows so many milliseconds behind their end; what comes then emits its window again."""
        self._windowed.allowed_lateness(time_ms)
        return self

    def side_output_late_data(self, output_tag: "OutputTag") -> "AllWindowedStream":
        """Emits records that come too late for their window to a side output."""
        self._windowed.side_output_late_data(output_tag)
        return self

    def reduce(
        self,
        reduce_function: Union[Callable[[Any, Any], Any], functions.ReduceFunction],
        window_function: Optional[_Function] = None,
        output_type: Optional["TypeInformation"] = None,
    ) -> "DataStream":
        """Reduces the records of each window to one; `window_function` is given that one."""
        function = _of_all(window_function, "reduce") if window_function is not None else None
        return self._windowed.reduce(reduce_function, function, output_type).force_non_parallel()

    def aggregate(
        self,
        aggregate_function: functions.AggregateFunction,
        window_function: Optional[_Function] = None,
        accumulator_type: Optional["TypeInformation"] = None,
        output_type: Optional["TypeInformation"] = None,
    ) -> "DataStream":
        """Aggregates the records of each window; `window_function` is given the result."""
        function = _of_all(window_function, "aggregate") if window_function is not None else None
        stream = self._windowed.aggregate(aggregate_function, function, accumulator_type, output_type)
        return stream.force_non_parallel()

    def apply(
        self, window_function: functions.AllWindowFunction, output_type: Optional["TypeInformation"] = None
    ) -> "DataStream":
        """Looks at all records of each window at once."""
        if not isinstance(window_function, functions.AllWindowFunction):
            raise TypeError(f"apply takes an AllWindowFunction, {window_function!r} was given")
        return self._windowed.apply(_Applied(window_function), output_type).force_non_parallel()

    def process(
        self,
        process_window_function: functions.ProcessAllWindowFunction,
        output_type: Optional["TypeInformation"] = None,
    ) -> "DataStream":
        """Looks at all records of each window at once, with its times and with state."""
        if not isinstance(process_window_function, functions.ProcessAllWindowFunction):
            raise TypeError(
                f"process takes a ProcessAllWindowFunction, {process_window_function!r} was given"
            )
        return self._windowed.process(_Processed(process_window_function), output_type).force_non_parallel()


def _of_all(function: Any, place: str) -> Any:
    if isinstance(function, functions.AllWindowFunction):
        return _Applied(function)
    if isinstance(function, functions.ProcessAllWindowFunction):
        return _Processed(function)
    raise TypeError(
        f"the window_function of {place} is an AllWindowFunction or a ProcessAllWindowFunction, {function!r} was given"
    )
