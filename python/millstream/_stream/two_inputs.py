"""Functions of two streams, one record after the other."""

from __future__ import annotations

from typing import Any, Tuple

from millstream._stream.keyed_operations import KeyedFlatMap, KeyedMap
from millstream._stream.operations import FlatMap, Map, Records, Times


class CoMap(Map):
    """One record for each of two streams."""

    calls: Tuple[Any, Any]

    def batch_of(self, input: int, records: Records, times: Times) -> None:
        """Takes records of one of the streams."""
        self.call = self.calls[input]
        self.batch(records, times)


class CoFlatMap(FlatMap):
    """Any number of records for each of two streams."""

    calls: Tuple[Any, Any]

    def batch_of(self, input: int, records: Records, times: Times) -> None:
        """Takes records of one of the streams."""
        self.call = self.calls[input]
        self.batch(records, times)


class KeyedCoMap(KeyedMap):
    """The same, with the key at hand."""

    calls: Tuple[Any, Any]
    keys: Tuple[Any, Any]

    def batch_of(self, input: int, records: Records, times: Times) -> None:
        """Takes records of one of the streams."""
        self._each(self.calls[input], self.keys[input], records, times)


class KeyedCoFlatMap(KeyedFlatMap):
    """The same, with the key at hand."""

    calls: Tuple[Any, Any]
    keys: Tuple[Any, Any]

    def batch_of(self, input: int, records: Records, times: Times) -> None:
        """Takes records of one of the streams."""
        self._each(self.calls[input], self.keys[input], records, times)
