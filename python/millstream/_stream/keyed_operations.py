"""What is done to the records of each key."""

from __future__ import annotations

from typing import Any, Callable, List

from millstream._stream.faults import at_next
from millstream._stream.operations import RUN, Operation, Records, Times
from millstream._stream.states import Table


def keys_of(records: Records, key: Callable[[Any], Any], name: str) -> List[Any]:
    """The key of each record."""
    rest = iter(records)
    try:
        return [key(record) for record in rest]
    except BaseException as error:
        raise at_next(error, f"{name} (its key)", records, rest) from None


class KeyedMap(Operation):
    """One record for each, with the key at hand; the function may keep state for it."""

    def __init__(self, name: str, function: Any, call: Any, convert: Any, key: Any, keyed: Any) -> None:
        super().__init__(name, function, call, convert)
        self._key, self._keyed = key, keyed

    def batch(self, records: Records, times: Times) -> None:
        self._each(self.call, self._key, records, times)

    def _each(self, call: Any, key: Any, records: Records, times: Times) -> None:
        keys = keys_of(records, key, self.name)
        convert, keyed, rest = self.convert, self._keyed, iter(records)
        made: Records = []
        try:
            for keyed.key, record in zip(keys, rest):
                made.append(call(record) if convert is None else convert(call(record)))
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self.down.batch(made, times)


class KeyedFilter(KeyedMap):
    """Those for which the function is true, with the key at hand."""

    def _each(self, call: Any, key: Any, records: Records, times: Times) -> None:
        keys = keys_of(records, key, self.name)
        keyed, rest = self._keyed, iter(records)
        kept: Records = []
        stamps: Times = None if times is None else []
        moments = None if times is None else iter(times)
        try:
            for keyed.key, record in zip(keys, rest):
                moment = None if moments is None else next(moments)
                if call(record):
                    kept.append(record)
                    if stamps is not None:
                        stamps.append(moment)  # type: ignore[arg-type]
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        if kept:
            self.down.batch(kept, stamps)


class KeyedFlatMap(KeyedMap):
    """Any number of records for each, with the key at hand."""

    def _each(self, call: Any, key: Any, records: Records, times: Times) -> None:
        keys = keys_of(records, key, self.name)
        convert, keyed, rest = self.convert, self._keyed, iter(records)
        made: Records = []
        stamps: Times = None if times is None else []
        moments = None if times is None else iter(times)
        try:
            for keyed.key, record in zip(keys, rest):
                moment = None if moments is None else next(moments)
                results = call(record)
                for result in () if results is None else results:
                    made.append(result if convert is None else convert(result))
                    if stamps is not None:
                        stamps.append(moment)  # type: ignore[arg-type]
                if len(made) >= RUN:
                    self.down.batch(made, stamps)
                    made, stamps = [], None if times is None else []
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        if made:
            self.down.batch(made, stamps)


class Reduce(Operation):
    """Makes one value of all records of a key: emitted for each record, or, in batch mode, once at the
    end."""

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
