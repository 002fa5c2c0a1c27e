"""Where records come from: what a source of the engine asks of Python.

A source has a number of splits. `open(split, position, subtask)` gives a reader of one; its `read(patience)`
gives records, their times or `None`, the position behind them as text, and whether there is more; `close()`
ends it.

Holds: the position belongs to the records that were given last, so that reading again from it gives those
behind.
"""

from __future__ import annotations

import base64
import collections
import pickle
import threading
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

#: How many records are given at once.
RUN = 4096

Read = Tuple[List[Any], Optional[List[int]], str, bool]


class Collection:
    """The elements of a list, in one split."""

    splits = 1

    def __init__(self, elements: Sequence[Any]) -> None:
        self._elements = elements

    def open(self, split: int, position: str, subtask: int) -> "_Elements":
        """Reads from an index on."""
        return _Elements(self._elements, int(position or 0), len(self._elements))


class Numbers:
    """The whole numbers from a start to an end, with both, in runs.

    How many runs there are depends on the numbers alone, so that a checkpoint is right at any parallelism.
    """

    #: The most runs, and so the most subtasks that can read at once.
    RUNS = 128

    def __init__(self, start: int, end: int) -> None:
        self._numbers = range(start, end + 1)
        self.splits = min(len(self._numbers), self.RUNS)

    def open(self, split: int, position: str, subtask: int) -> "_Elements":
        """Reads a run of them."""
        count = len(self._numbers)
        first, behind = count * split // self.splits, count * (split + 1) // self.splits
        return _Elements(self._numbers, int(position or first), behind)


class _Elements:
    def __init__(self, elements: Sequence[Any], position: int, end: int) -> None:
        self._elements, self._position, self._end = elements, position, end

    def read(self, patience: float) -> Read:
        start = self._position
        self._position = behind = min(start + RUN, self._end)
        return list(self._elements[start:behind]), None, str(behind), behind < self._end

    def close(self) -> None:
        pass


class Iterated:
    """What a program iterates over, in one split: an iterable, a function that gives one, or a source with
    positions.

    It is iterated in a thread of its own, so that one that waits for something keeps nobody waiting. After a
    restart what was read before is skipped, or, of a source with positions, not read at all.
    """

    splits = 1

    def __init__(self, make: Callable[[], Any], has_positions: bool, goes_on: bool) -> None:
        self._make, self._has_positions = make, has_positions
        #: Whether it is an iterator, which has no start to go back to: it goes on where it is.
        self._goes_on = goes_on

    def open(self, split: int, position: str, subtask: int) -> "_Iterating":
        """Iterates from a position on."""
        at = pickle.loads(base64.b64decode(position)) if position else None
        reader = _Iterating(self._pairs(at))
        reader._position = position
        return reader

    def _pairs(self, at: Any) -> Iterator[Tuple[Any, Any]]:
        """The records, each with the position behind it."""
        if self._has_positions:
            yield from self._make().read(at)
            return
        skipped = 0 if at is None or self._goes_on else at
        for count, record in enumerate(self._make(), 1 if skipped or at is None else at + 1):
            if count > skipped:
                yield count, record


class _Iterating:
    """Reads what a thread iterates."""

    #: How many records may wait to be read.
    ROOM = 4 * RUN

    def __init__(self, pairs: Iterator[Tuple[Any, Any]]) -> None:
        self._pairs = pairs
        self._ready: "collections.deque[Tuple[Any, Any]]" = collections.deque()
        self._changed = threading.Condition()
        self._is_waited_for = self._is_closed = self._is_done = False
        self._error: Optional[BaseException] = None
        threading.Thread(target=self._iterate, name="source", daemon=True).start()

    def _iterate(self) -> None:
        ready = self._ready
        try:
            for pair in self._pairs:
                ready.append(pair)
                if self._is_waited_for or len(ready) >= self.ROOM:
                    with self._changed:
                        self._changed.notify_all()
                        while len(ready) >= self.ROOM and not self._is_closed:
                            self._changed.wait()
                if self._is_closed:
                    return
        except BaseException as error:
            self._error = error
        with self._changed:
            self._is_done = True
            self._changed.notify_all()

    def read(self, patience: float) -> Read:
        ready = self._ready
        if not ready:
            with self._changed:
                self._is_waited_for = True
                if not ready and not self._is_done:
                    self._changed.wait(patience)
                self._is_waited_for = False
        is_done = self._is_done
        pairs = [ready.popleft() for _ in range(min(len(ready), RUN))]
        if len(ready) < self.ROOM:
            with self._changed:
                self._changed.notify_all()
        if not pairs:
            if is_done and self._error is not None:
                raise self._error
            return [], None, self._position, not is_done
        self._position = base64.b64encode(pickle.dumps(pairs[-1][0], 5)).decode()
        return [record for _, record in pairs], None, self._position, True

    _position = ""

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class TextFiles:
    """The lines of files; each file is a split, and its position is a place in bytes, with the file's path."""

    def __init__(self, paths: Sequence[str], charset: str) -> None:
        self._paths, self._charset = paths, charset
        self.splits = len(paths)

    def open(self, split: int, position: str, subtask: int) -> "_Lines":
        """Reads a file from a place on."""
        start, _, path = position.partition(" ")
        return _Lines(path or self._paths[split], int(start or 0), self._charset)


class _Lines:
    def __init__(self, path: str, position: int, charset: str) -> None:
        self._file = open(path, "rb")
        self._file.seek(position)
        self._path, self._position, self._charset = path, position, charset

    def read(self, patience: float) -> Read:
        lines = self._file.readlines(1 << 18)
        start, self._position = self._position, self._file.tell()
        try:
            texts = [line.decode(self._charset) for line in lines]
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{self._path}, behind byte {start}: a line is no text in {self._charset} ({error.reason})"
            ) from None
        records = [text[:-2] if text.endswith("\r\n") else text.rstrip("\n") for text in texts]
        return records, None, f"{self._position} {self._path}", bool(lines)

    def close(self) -> None:
        self._file.close()
