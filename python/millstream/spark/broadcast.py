"""Values that are sent to each worker once."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Dict, Generic, Optional, Tuple, TypeVar

from millstream import _task
from millstream.spark.errors import PySparkRuntimeError

if TYPE_CHECKING:
    from millstream.spark.context import SparkContext

__all__ = ["Broadcast"]

T = TypeVar("T")

#: In a worker: the values that were fetched, by number.
_fetched: Dict[int, "Broadcast[Any]"] = {}


class Broadcast(Generic[T]):
    """A value that tasks read. It is sent to a worker when the first task there asks for it."""

    def __init__(self, sc: Optional["SparkContext"], number: int, value: Any = None) -> None:
        self._sc = sc
        self._number = number
        self._present = sc is not None
        self._value = value
        self._destroyed = False

    @property
    def value(self) -> T:
        """The value."""
        if self._destroyed:
            raise PySparkRuntimeError(f"broadcast variable {self._number} was destroyed and cannot be read any more")
        if not self._present:
            task = _task.current()
            if task is None:
                raise PySparkRuntimeError("a broadcast variable can be fetched in a task only")
            self._value = pickle.loads(task.broadcast(self._number))
            self._present = True
        return self._value

    def unpersist(self, blocking: bool = False) -> None:
        """Lets the workers' copies go at their next start; the value can still be used."""

    def destroy(self, blocking: bool = False) -> None:
        """Lets the value go everywhere; it cannot be used any more."""
        if self._sc is None:
            raise PySparkRuntimeError("a broadcast variable can be destroyed in the driver only")
        self._destroyed = True
        self._value = None
        self._sc._engine.broadcast(self._number, None)

    def __reduce__(self) -> Tuple[Any, ...]:
        if self._destroyed:
            raise PySparkRuntimeError(f"broadcast variable {self._number} was destroyed and cannot be sent to tasks")
        return _in_worker, (self._number,)

    def __repr__(self) -> str:
        return f"Broadcast<id={self._number}>"


def _in_worker(number: int) -> Broadcast[Any]:
    found = _fetched.get(number)
    if found is None:
        found = _fetched[number] = Broadcast(None, number)
    return found
