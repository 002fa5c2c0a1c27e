"""Windows: parts of a stream, by time or by number."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from typing import Any, BinaryIO, Iterable, List, Set, Tuple

from millstream.flink.common.constants import MAX_LONG_VALUE
from millstream.flink.common.serializer import TypeSerializer


class Window(ABC):
    """A part of a stream, whose records have all come once the time is past `max_timestamp`."""

    @abstractmethod
    def max_timestamp(self) -> int:
        """The last time that belongs to it, in milliseconds."""


class TimeWindow(Window):
    """From one time to another, which does not belong to it; in milliseconds.

    >>> window = TimeWindow(0, 5000)
    >>> window, window.max_timestamp(), window.intersects(TimeWindow(4000, 9000)), window.cover(TimeWindow(4000, 9000))
    (TimeWindow(start=0, end=5000), 4999, True, TimeWindow(start=0, end=9000))
    """

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end

    def max_timestamp(self) -> int:
        """The last time that belongs to it."""
        return self.end - 1

    def intersects(self, other: "TimeWindow") -> bool:
        """Whether the two overlap or touch."""
        return self.start <= other.end and self.end >= other.start

    def cover(self, other: "TimeWindow") -> "TimeWindow":
        """The least window that both are in."""
        return TimeWindow(min(self.start, other.start), max(self.end, other.end))

    @staticmethod
    def get_window_start_with_offset(timestamp: int, offset: int, window_size: int) -> int:
        """Where the window of a time begins, of those of one size that begin at multiples of it and `offset`.

        >>> TimeWindow.get_window_start_with_offset(-3, 0, 5000), TimeWindow.get_window_start_with_offset(7, 2, 5)
        (-5000, 7)
        """
        return timestamp - (timestamp - offset) % window_size

    @staticmethod
    def merge_windows(windows: Iterable["TimeWindow"], callback: Any) -> None:
        """Calls `callback.merge(windows, window)` for each group of windows that overlap or touch."""
        groups: List[Tuple[TimeWindow, Set[TimeWindow]]] = []
        for window in sorted(windows):
            if groups and groups[-1][0].intersects(window):
                whole, parts = groups[-1]
                groups[-1] = (whole.cover(window), parts | {window})
            else:
                groups.append((window, {window}))
        for whole, parts in groups:
            if len(parts) > 1:
                callback.merge(parts, whole)

    def __hash__(self) -> int:
        return hash((self.start, self.end))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, TimeWindow) and (self.start, self.end) == (other.start, other.end)

    def __lt__(self, other: "TimeWindow") -> bool:
        if not isinstance(other, TimeWindow):
            return NotImplemented
        return (self.start, self.end) < (other.start, other.end)

    def __le__(self, other: "TimeWindow") -> bool:
        return self == other or self < other

    def __repr__(self) -> str:
        return f"TimeWindow(start={self.start}, end={self.end})"


class CountWindow(Window):
    """So many records; `id` is its number. It has no end in time.

    >>> CountWindow(3)
    CountWindow(id=3)
    """

    def __init__(self, id: int) -> None:
        self.id = id

    def max_timestamp(self) -> int:
        """No time is past it."""
        return MAX_LONG_VALUE

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, CountWindow) and self.id == other.id

    def __repr__(self) -> str:
        return f"CountWindow(id={self.id})"


class GlobalWindow(Window):
    """All records.

    >>> GlobalWindow.get()
    GlobalWindow
    """

    @staticmethod
    def get() -> "GlobalWindow":
        """The one that there is."""
        return _GLOBAL

    def max_timestamp(self) -> int:
        """No time is past it."""
        return MAX_LONG_VALUE

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, GlobalWindow)

    def __repr__(self) -> str:
        return "GlobalWindow"


_GLOBAL = GlobalWindow()


class TimeWindowSerializer(TypeSerializer[TimeWindow]):
    """Sixteen bytes: both times, the most significant byte first."""

    def serialize(self, element: TimeWindow, stream: BinaryIO) -> None:
        """Writes a window."""
        stream.write(struct.pack(">qq", element.start, element.end))

    def deserialize(self, stream: BinaryIO) -> TimeWindow:
        """Reads a window."""
        return TimeWindow(*struct.unpack(">qq", stream.read(16)))


class CountWindowSerializer(TypeSerializer[CountWindow]):
    """Eight bytes: the number, the most significant byte first."""

    def serialize(self, element: CountWindow, stream: BinaryIO) -> None:
        """Writes a window."""
        stream.write(struct.pack(">q", element.id))

    def deserialize(self, stream: BinaryIO) -> CountWindow:
        """Reads a window."""
        return CountWindow(*struct.unpack(">q", stream.read(8)))


class GlobalWindowSerializer(TypeSerializer[GlobalWindow]):
    """One byte, for there is one."""

    def serialize(self, element: GlobalWindow, stream: BinaryIO) -> None:
        """Writes it."""
        stream.write(b"\0")

    def deserialize(self, stream: BinaryIO) -> GlobalWindow:
        """Reads it."""
        stream.read(1)
        return GlobalWindow.get()
