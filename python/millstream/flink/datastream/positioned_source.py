"""Sources that say where they are, so that they can go on from there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Iterator, Optional, Tuple

__all__ = ["PositionedSource"]


class PositionedSource(ABC):
    """A source whose position is in the checkpoints, for `add_source`.

    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> class Squares(PositionedSource):
    ...     def read(self, position):
    ...         for number in range(position or 0, 4):
    ...             yield number + 1, number * number
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> list(env.add_source(Squares()).execute_and_collect())
    [0, 1, 4, 9]
    """

    @abstractmethod
    def read(self, position: Optional[Any]) -> Iterator[Tuple[Any, Any]]:
        """The records from a position on, each with the position behind it.

        `position` is `None` at the beginning, and after a restart that of the last record that was processed.
        It may be anything that can be pickled.
        """
