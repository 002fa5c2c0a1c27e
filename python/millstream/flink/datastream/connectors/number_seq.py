"""Numbers in a row."""

from __future__ import annotations

from typing import Any, Dict, Tuple

from millstream.flink.common.execution_config import whole
from millstream.flink.common.typeinfo import Types
from millstream.flink.datastream.connectors.base import Source

__all__ = ["NumberSequenceSource"]


class NumberSequenceSource(Source):
    """The whole numbers from `start` to `end`, with both; the subtasks read runs of them, each in order.

    >>> from millstream.flink.common import WatermarkStrategy
    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> numbers = env.from_source(NumberSequenceSource(1, 4), WatermarkStrategy.no_watermarks(), "numbers")
    >>> list(numbers.execute_and_collect())
    [1, 2, 3, 4]
    """

    def __init__(self, start: int, end: int) -> None:
        self._start = whole(start, "the start", -(1 << 63), "numbers")
        self._end = whole(end, "the end", -(1 << 63), "numbers")
        if self._end < self._start:
            raise ValueError(f"the end is not below the start, {start} and {end} were given")

    def _reads(self) -> Tuple[Any, Any, Dict[str, Any]]:
        from millstream._stream.sources import Numbers

        settings = {"bounded": True, "promise": "exactly once", "parallel": True}
        return Types.LONG(), lambda _: Numbers(self._start, self._end), settings
