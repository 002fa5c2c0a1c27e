"""The records of a job, for the program that runs it."""

from __future__ import annotations

import collections
from typing import Any, Deque, Iterator, List, Optional

__all__ = ["CloseableIterator"]


class CloseableIterator:
    """The records of a stream as they come. `close` ends the job; a `with` statement does it at its end.

    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> with env.from_collection([1, 2]).map(lambda x: x * 2).execute_and_collect() as doubled:
    ...     list(doubled)
    [2, 4]
    """

    def __init__(self, client: Any, collected: Any, limit: Optional[int] = None) -> None:
        self._client, self._collected = client, collected
        self._ready: Deque[Any] = collections.deque()
        self._left = limit
        self._is_over = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self) -> Any:
        """The next record; waits for it. Raises `StopIteration` at the end, and what the job failed with."""
        if self._left == 0:
            self.close()
        if not self._ready and not self._is_over:
            self._ready.extend(self._client._while_shown(self._taken))
        if not self._ready:
            if not self._is_over:
                self._is_over = True
                self._client._result()
            raise StopIteration
        if self._left is not None:
            self._left -= 1
        return self._ready.popleft()

    def _taken(self) -> List[Any]:
        """The records that came, at least one; none at the end."""
        while not self._is_over:
            taken = self._collected.take()
            if not taken and self._client._has_ended():
                # Asked in this order, nothing that came before the end is overlooked.
                return self._collected.take_now() or []
            if taken:
                return taken
        return []

    def close(self) -> None:
        """Takes no more, and cancels the job if it still runs."""
        if not self._is_over:
            self._is_over = True
            self._ready.clear()
            self._collected.close()
            self._client._end()

    def __enter__(self) -> "CloseableIterator":
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        self.close()
