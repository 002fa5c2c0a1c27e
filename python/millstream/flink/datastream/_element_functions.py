"""Functions of one record or two: what `map`, `filter`, `reduce`, `key_by` and their like take as objects.

Answers for the names and for what is asked of a subclass. Not for plain callables, which those methods take
as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Callable, Generic, Iterable, TypeVar

if TYPE_CHECKING:
    from millstream.flink.datastream._runtime_context import RuntimeContext

IN = TypeVar("IN")
OUT = TypeVar("OUT")
ACC = TypeVar("ACC")


class Function(ABC):
    """What all functions have: a begin and an end in the task that calls them.

    A function travels as a copy: what it holds is pickled when the job is made. What cannot be pickled, such
    as a connection, is made in `open`.
    """

    def open(self, runtime_context: "RuntimeContext") -> None:
        """Called once in each subtask, before its first record. State is asked for here."""

    def close(self) -> None:
        """Called once in each subtask, after its last record or after a failure."""


class MapFunction(Function, Generic[IN, OUT]):
    """One record for each record.

    >>> class Double(MapFunction):
    ...     def map(self, value):
    ...         return value * 2
    >>> Double().map(21)
    42
    """

    @abstractmethod
    def map(self, value: IN) -> OUT:
        """The record to emit."""


class CoMapFunction(Function):
    """One record for each record of two connected streams."""

    @abstractmethod
    def map1(self, value: Any) -> Any:
        """The record to emit for one of the first stream."""

    @abstractmethod
    def map2(self, value: Any) -> Any:
        """The record to emit for one of the second stream."""


class FlatMapFunction(Function):
    """Any number of records for each record."""

    @abstractmethod
    def flat_map(self, value: Any) -> Iterable[Any]:
        """The records to emit: yielded, or in an iterable that is returned."""


class CoFlatMapFunction(Function):
    """Any number of records for each record of two connected streams."""

    @abstractmethod
    def flat_map1(self, value: Any) -> Iterable[Any]:
        """The records to emit for one of the first stream."""

    @abstractmethod
    def flat_map2(self, value: Any) -> Iterable[Any]:
        """The records to emit for one of the second stream."""


class FilterFunction(Function):
    """Keeps records or drops them."""

    @abstractmethod
    def filter(self, value: Any) -> bool:
        """Whether the record is kept."""


class ReduceFunction(Function):
    """Makes one value of two of the same type, again and again."""

    @abstractmethod
    def reduce(self, value1: Any, value2: Any) -> Any:
        """What the two amount to; `value1` is what came out before. Must be associative."""


class CallableReduceFunction(ReduceFunction):
    """A plain function as a `ReduceFunction`."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self._function = function

    def reduce(self, value1: Any, value2: Any) -> Any:
        """What the function makes of the two."""
        return self._function(value1, value2)


class AggregateFunction(Function, Generic[IN, ACC, OUT]):
    """Aggregates records in an accumulator, whose type may differ from that of records and result."""

    @abstractmethod
    def create_accumulator(self) -> ACC:
        """An accumulator that holds no record."""

    @abstractmethod
    def add(self, value: IN, accumulator: ACC) -> ACC:
        """The accumulator with one more record; it may be the one that was given, changed."""

    @abstractmethod
    def get_result(self, accumulator: ACC) -> OUT:
        """What the accumulator amounts to."""

    @abstractmethod
    def merge(self, acc_a: ACC, acc_b: ACC) -> ACC:
        """One accumulator of two, as when windows are merged."""


class KeySelector(Function):
    """Finds the key of a record. It must find the same one each time."""

    @abstractmethod
    def get_key(self, value: Any) -> Any:
        """The key of the record."""


class NullByteKeySelector(KeySelector):
    """The same key for all records."""

    def get_key(self, value: Any) -> Any:
        """Zero."""
        return 0


class Partitioner(Function):
    """Chooses the subtask that receives a record, by its key."""

    @abstractmethod
    def partition(self, key: Any, num_partitions: int) -> int:
        """The index of the subtask, from 0 to `num_partitions` - 1."""
