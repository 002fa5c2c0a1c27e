"""A keyed stream that is cut into windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from millstream._pickle import pickled
from millstream._stream.window_contents import of
from millstream.flink.common.execution_config import whole
from millstream.flink.common.time import millis
from millstream.flink.datastream import functions
from millstream.flink.datastream._data_stream import DataStream, checked
from millstream.flink.datastream.output_tag import OutputTag
from millstream.flink.datastream.window import Trigger, WindowAssigner

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation
    from millstream.flink.datastream._keyed_stream import KeyedStream

__all__ = ["WindowedStream"]

_Function = Union[functions.WindowFunction, functions.ProcessWindowFunction]


class WindowedStream:
    """The records of each key, cut into windows.

    >>> from millstream.flink.common import Time, WatermarkStrategy
    >>> from millstream.flink.common.watermark_strategy import TimestampAssigner
    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> from millstream.flink.datastream.window import TumblingEventTimeWindows
    >>> class First(TimestampAssigner):
    ...     def extract_timestamp(self, value, record_timestamp):
    ...         return value[0]
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(First())
    >>> timed = env.from_collection([(1000, 5), (1500, 6), (2000, 7)]).assign_timestamps_and_watermarks(strategy)
    >>> windows = timed.key_by(lambda pair: 0).window(TumblingEventTimeWindows.of(Time.seconds(1)))
    >>> list(windows.reduce(lambda a, b: (a[0], a[1] + b[1])).execute_and_collect())
    [(1000, 11), (2000, 7)]
    """

    def __init__(self, keyed_stream: "KeyedStream", window_assigner: WindowAssigner) -> None:
        if not isinstance(window_assigner, WindowAssigner):
            raise TypeError(
                "window takes an assigner such as TumblingEventTimeWindows.of(Time.seconds(5)), "
                f"{window_assigner!r} was given"
            )
        self._keyed_stream, self._assigner = keyed_stream, window_assigner
        self._trigger: Optional[Trigger] = None
        self._lateness = 0
        self._late: Optional[OutputTag] = None

    def get_execution_environment(self) -> Any:
        """The environment of the program."""
        return self._keyed_stream._env

    def get_input_type(self) -> "TypeInformation":
        """The declared type of the records."""
        return self._keyed_stream._type

    def trigger(self, trigger: Trigger) -> "WindowedStream":
        """Says when windows are emitted, in place of the assigner's own trigger."""
        if not isinstance(trigger, Trigger):
            raise TypeError(f"trigger takes a trigger such as CountTrigger.of(3), {trigger!r} was given")
        self._trigger = trigger
        return self

    def allowed_lateness(self, time_ms: Any) -> "WindowedStream":
        """Keeps windows so many milliseconds behind their end; a record that comes in that time emits its
        window again."""
        is_number = isinstance(time_ms, int)
        self._lateness = (
            whole(time_ms, "the allowed lateness", 0, "milliseconds")
            if is_number
            else millis(time_ms, "the lateness")
        )
        return self

    def side_output_late_data(self, output_tag: OutputTag) -> "WindowedStream":
        """Emits records that come too late for their window to a side output."""
        self._late = output_tag
        return self

    def _then(self, name: str, kind: str, first: Any, function: Any, output_type: Any) -> DataStream:
        from millstream._stream.windows import Asked

        asked = Asked(self._assigner, self._trigger, self._lateness, self._late, of(kind, first, function))
        return self._keyed_stream._keyed("window", f"Window{name}", pickled(asked, name.lower()), output_type)

    def reduce(
        self,
        reduce_function: Union[Callable[[Any, Any], Any], functions.ReduceFunction],
        window_function: Optional[_Function] = None,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Reduces the records of each window to one; `window_function` is given that one."""
        checked(reduce_function, functions.ReduceFunction, "reduce")
        _window_function(window_function, "reduce", True)
        kind = output_type or (self._keyed_stream._type if window_function is None else None)
        return self._then("Reduce", "reduced", reduce_function, window_function, kind)

    def aggregate(
        self,
        aggregate_function: functions.AggregateFunction,
        window_function: Optional[_Function] = None,
        accumulator_type: Optional["TypeInformation"] = None,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Aggregates the records of each window without keeping them; `window_function` is given the
        result."""
        if not isinstance(aggregate_function, functions.AggregateFunction):
            raise TypeError(f"aggregate takes an AggregateFunction, {aggregate_function!r} was given")
        _window_function(window_function, "aggregate", True)
        return self._then("Aggregate", "aggregated", aggregate_function, window_function, output_type)

    def apply(
        self, window_function: functions.WindowFunction, output_type: Optional["TypeInformation"] = None
    ) -> DataStream:
        """Looks at all records of each window at once."""
        if not isinstance(window_function, functions.WindowFunction):
            raise TypeError(f"apply takes a WindowFunction, {window_function!r} was given")
        return self._then("Apply", "records", None, window_function, output_type)

    def process(
        self,
        process_window_function: functions.ProcessWindowFunction,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Looks at all records of each window at once, with its times and with state."""
        if not isinstance(process_window_function, functions.ProcessWindowFunction):
            raise TypeError(f"process takes a ProcessWindowFunction, {process_window_function!r} was given")
        return self._then("Process", "records", None, process_window_function, output_type)


def _window_function(function: Any, place: str, may_be_none: bool) -> None:
    kinds = (functions.WindowFunction, functions.ProcessWindowFunction)
    if not (isinstance(function, kinds) or function is None and may_be_none):
        raise TypeError(
            f"the window_function of {place} is a WindowFunction or ProcessWindowFunction, not {function!r}"
        )
