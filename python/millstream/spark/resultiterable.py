"""The values of a key."""

from __future__ import annotations

from typing import Generic, Iterator, Sized, TypeVar

__all__ = ["ResultIterable"]

T = TypeVar("T")


class ResultIterable(Generic[T]):
    """The values of a key: can be counted, iterated over and again, and pickled."""

    def __init__(self, data: Sized) -> None:
        self.data = data
        self.index = 0
        self.maxindex = len(data)

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)  # type: ignore[call-overload]

    def __len__(self) -> int:
        return len(self.data)
