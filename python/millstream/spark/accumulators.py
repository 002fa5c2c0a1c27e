"""Variables that tasks add to and the driver reads."""

from __future__ import annotations

from typing import Any, Generic, Tuple, TypeVar

from millstream import _task
from millstream._names import pep8
from millstream.spark.errors import PySparkRuntimeError

__all__ = ["Accumulator", "AccumulatorParam"]

T = TypeVar("T")
U = TypeVar("U", int, float, complex)


@pep8
class AccumulatorParam(Generic[T]):
    """How values of a type are added."""

    def zero(self, value: T) -> T:
        """A value that adds nothing, alike in its dimensions to `value`."""
        raise NotImplementedError

    def addInPlace(self, value1: T, value2: T) -> T:
        """The sum; may change `value1` and return it."""
        raise NotImplementedError


class AddingAccumulatorParam(AccumulatorParam[U]):
    """Adds with `+`."""

    def __init__(self, zero_value: U) -> None:
        self.zero_value: U = zero_value

    def zero(self, value: U) -> U:
        return self.zero_value

    def addInPlace(self, value1: U, value2: U) -> U:
        return value1 + value2


INT_ACCUMULATOR_PARAM = AddingAccumulatorParam(0)
FLOAT_ACCUMULATOR_PARAM = AddingAccumulatorParam(0.0)
COMPLEX_ACCUMULATOR_PARAM = AddingAccumulatorParam(0.0j)


class Accumulator(Generic[T]):
    """A variable that tasks add to and the driver reads.

    What a task added counts once it has succeeded, and once only, however often it was tried.
    """

    def __init__(self, aid: int, value: T, accum_param: AccumulatorParam[T]) -> None:
        self.aid = aid
        self.accum_param = accum_param
        self._value = value
        self._deserialized = False
        _task.accumulators[aid] = self

    def __reduce__(self) -> Tuple[Any, ...]:
        return _in_task, (self.aid, self.accum_param.zero(self._value), self.accum_param)

    def _readable(self) -> None:
        if self._deserialized:
            raise PySparkRuntimeError(
                "Accumulator.value can be read and set in the driver only; a task adds to it",
                errorClass="VALUE_NOT_ACCESSIBLE",
            )

    @property
    def value(self) -> T:
        """The sum so far, in the driver."""
        self._readable()
        return self._value

    @value.setter
    def value(self, value: T) -> None:
        self._readable()
        self._value = value

    def add(self, term: T) -> None:
        """Adds."""
        self._value = self.accum_param.addInPlace(self._value, term)

    def __iadd__(self, term: T) -> "Accumulator[T]":
        self.add(term)
        return self

    def __str__(self) -> str:
        return str(self._value)

    def __repr__(self) -> str:
        return f"Accumulator<id={self.aid}, value={self._value}>"


class _TaskAccumulator(Accumulator[T]):
    """The part of an accumulator that one task adds to."""

    def __init__(self, aid: int, zero: T, accum_param: AccumulatorParam[T]) -> None:
        self.aid = aid
        self.accum_param = accum_param
        self._value = zero
        self._deserialized = True


def _in_task(aid: int, zero: Any, param: AccumulatorParam[Any]) -> Accumulator[Any]:
    """The accumulator of the task that unpickles it."""
    if _task.current() is None:
        return _TaskAccumulator(aid, zero, param)
    return _task.task_accumulator(aid, lambda: _TaskAccumulator(aid, zero, param))
