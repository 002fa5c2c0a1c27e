"""How one value is written into a stream of bytes: what windows of a program's own define."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, BinaryIO, Generic, TypeVar

__all__ = ["TypeSerializer"]

T = TypeVar("T")


class TypeSerializer(ABC, Generic[T]):
    """Writes values of one type, and reads them."""

    @abstractmethod
    def serialize(self, element: T, stream: BinaryIO) -> None:
        """Writes a value."""

    @abstractmethod
    def deserialize(self, stream: BinaryIO) -> T:
        """Reads the value that was written there."""

    def __eq__(self, other: Any) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
