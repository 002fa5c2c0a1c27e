"""What is done to the records of each key."""

from __future__ import annotations

from typing import Any, Callable, List

from millstream._stream.faults import at_next
from millstream._stream.operations import Operation, Records, Times
from millstream._stream.states import Table


def keys_of(records: Records, key: Callable[[Any], Any], name: str) -> List[Any]:
    """The key of each record."""
    rest = iter(records)
    try:
        return [key(record) for record in rest]
    except BaseException as error:
        raise at_next(error, f"{name} (its key)", records, rest) from None


class Reduce(Operation):
    """Makes one value of all records of a key: emitted for each record, or, in batch mode, once at the end."""

    def __init__(self, name: str, function: Any, call: Any, key: Any, place: Any, keyed: Any) -> None:
        super().__init__(name, function, call)
        self._key, self._is_batch = key, place.is_batch
        self._table: Table = keyed.add("reduce", Table())

    def batch(self, records: Records, times: Times) -> None:
        keys = keys_of(records, self._key, self.name)
        call, values, rest = self.call, self._table.values, iter(records)
        reduced: Records = []
        emit = reduced.append
        try:
            for key, record in zip(keys, rest):
                if key in values:
                    record = call(values[key], record)
                values[key] = record
                emit(record)
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self._table.changed.update(keys)
        if not self._is_batch:
            self.down.batch(reduced, times)

    def end(self) -> None:
        if self._is_batch:
            values = self._table.values
            self._table.changed.update(values)
            last = list(values.values())
            values.clear()
            if last:
                self.down.batch(last, None)
        self.down.end()
