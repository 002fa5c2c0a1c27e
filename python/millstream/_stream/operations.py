"""What is done to the records of a stream that needs no state.

Answers for operations over lists of records, each of which hands on what it made as a list. Not for who is
behind. Holds: a list that was handed on is never changed; its times, if there are any, are as many as its
records.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

from millstream._stream.faults import at, at_next

Records = List[Any]
Times = Optional[List[int]]

#: The time of a record that has none.
NO_TIME = -(1 << 63)
#: The watermark behind which nothing comes.
LAST = (1 << 63) - 1
#: How many records are handed on at once, where one record becomes many.
RUN = 4096


class Nowhere:
    """Behind an operation that nobody reads."""

    def batch(self, records: Records, times: Times) -> None:
        """Lets them go."""

    def watermark(self, time: int) -> None:
        """Lets it go."""

    def idle(self) -> None:
        """Lets it go."""

    def end(self) -> None:
        """Lets it go."""

    def close(self) -> None:
        """Lets it go."""


class Fan:
    """Behind an operation that several read."""

    def __init__(self, readers: Sequence[Any]) -> None:
        self._readers = readers

    def batch(self, records: Records, times: Times) -> None:
        """Hands records to all of them."""
        for reader in self._readers:
            reader.batch(records, times)

    def watermark(self, time: int) -> None:
        """Tells all of them."""
        for reader in self._readers:
            reader.watermark(time)

    def idle(self) -> None:
        """Tells all of them."""
        for reader in self._readers:
            reader.idle()

    def end(self) -> None:
        """Tells all of them."""
        for reader in self._readers:
            reader.end()

    def close(self) -> None:
        """Tells all of them."""
        for reader in self._readers:
            reader.close()


def fan(readers: Sequence[Any]) -> Any:
    """One reader of several."""
    return readers[0] if len(readers) == 1 else Fan(readers) if readers else Nowhere()


class Operation:
    """One step. `function` is what the user gave: a callable, or an object of a function class."""

    def __init__(
        self, name: str, function: Any, call: Callable[..., Any], convert: Optional[Any] = None
    ) -> None:
        self.name = name
        self.function = function
        self.call = call
        #: Makes a value fit the declared type, or refuses it.
        self.convert = convert
        self.down: Any = Nowhere()
        self._is_open = False

    def open(self, context: Any) -> None:
        """Before the first record."""
        opener = getattr(self.function, "open", None)
        self._is_open = True
        if opener is not None and not isinstance(self.function, type):
            try:
                opener(context)
            except BaseException as error:
                raise at(error, self.name) from None

    def close(self) -> None:
        """Behind the last record, or when the job is over for another reason."""
        closer = getattr(self.function, "close", None) if self._is_open else None
        self._is_open = False
        if closer is not None and not isinstance(self.function, type):
            try:
                closer()
            except BaseException as error:
                raise at(error, self.name) from None
        self.down.close()

    def batch(self, records: Records, times: Times) -> None:
        """Takes records."""
        raise NotImplementedError

    def watermark(self, time: int) -> None:
        """Event time has come this far."""
        self.down.watermark(time)

    def idle(self) -> None:
        """No record is expected for now."""
        self.down.idle()

    def end(self) -> None:
        """No record follows."""
        self.down.end()


class Map(Operation):
    """One record for each."""

    def batch(self, records: Records, times: Times) -> None:
        call, convert, rest = self.call, self.convert, iter(records)
        try:
            if convert is None:
                made = [call(record) for record in rest]
            else:
                made = [convert(call(record)) for record in rest]
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self.down.batch(made, times)


class Filter(Operation):
    """Those for which the function is true."""

    def batch(self, records: Records, times: Times) -> None:
        call, rest = self.call, iter(records)
        try:
            if times is None:
                kept = [record for record in rest if call(record)]
            else:
                chosen = [bool(call(record)) for record in rest]
                kept = [record for record, keep in zip(records, chosen) if keep]
                times = [time for time, keep in zip(times, chosen) if keep]
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        if kept:
            self.down.batch(kept, times)


class FlatMap(Operation):
    """Any number of records for each."""

    def batch(self, records: Records, times: Times) -> None:
        call, convert, rest = self.call, self.convert, iter(records)
        made: Records = []
        stamps: Times = None if times is None else []
        moments = None if times is None else iter(times)
        try:
            for record in rest:
                results = call(record)
                moment = None if moments is None else next(moments)
                if results is None:
                    continue
                if not hasattr(results, "__iter__"):
                    raise TypeError(
                        f"{results!r} of type {type(results).__name__} was given where an iterable of "
                        "records is right: "
                        "yield each of them, or return a list"
                    )
                for result in results:
                    made.append(result if convert is None else convert(result))
                    if stamps is not None:
                        stamps.append(moment)  # type: ignore[arg-type]
                    if len(made) >= RUN:
                        full, full_stamps = made, stamps
                        made, stamps = [], None if times is None else []
                        self.down.batch(full, full_stamps)
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        if made:
            self.down.batch(made, stamps)


class Sink(Operation):
    """Gives each record to the user's function, and nothing goes on."""

    def batch(self, records: Records, times: Times) -> None:
        call, rest = self.call, iter(records)
        try:
            for record in rest:
                call(record)
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None


class Exit:
    """The end of a stretch: where records leave for other subtasks.

    `way` is how: `forward`, `broadcast`, `deal`, `shuffle`, `global`, `keyed` or `custom`.
    """

    def __init__(self, number: int, way: str, receivers: int, input: int, place: Any, out: Any) -> None:
        self._number, self._way, self._receivers, self._input = number, way, receivers, input
        self._place, self._out = place, out
        self._next = place.index % max(receivers, 1)
        self.key: Any = None
        self.partition: Any = None
        self.name = "partition"

    def batch(self, records: Records, times: Times) -> None:
        """Sends records off."""
        if self._way in ("forward", "broadcast", "global") or self._receivers == 1:
            self._out.emit(self._number, 0, self._input, records, times)
            return
        for target, part in enumerate(self._parts(records, times)):
            if part is not None:
                self._out.emit(self._number, target, self._input, *part)

    def _parts(self, records: Records, times: Times) -> Any:
        from millstream import _native

        if self._way == "deal":
            first, self._next = self._next, (self._next + len(records)) % self._receivers
            return _native.deal(records, times, self._receivers, first)
        if self._way == "shuffle":
            import random

            chosen = [random.randrange(self._receivers) for _ in records]
            return self._chosen(records, times, chosen)
        rest = iter(records)
        try:
            keys = [self.key(record) for record in rest]
            if self._way == "keyed":
                return _native.split_by_key(
                    records, times, keys, self._receivers, self._place.max_parallelism
                )
            rest = iter(records)
            chosen = [self.partition(key, self._receivers) for key, _ in zip(keys, rest)]
            wrong = next(
                (one for one in chosen if not (type(one) is int and 0 <= one < self._receivers)), None
            )
            if wrong is not None:
                raise ValueError(
                    f"a partitioner gives the index of a subtask, from 0 to {self._receivers - 1}; it "
                    f"gave {wrong!r}"
                )
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        return self._chosen(records, times, chosen)

    def _chosen(self, records: Records, times: Times, chosen: List[int]) -> List[Any]:
        parts: List[Any] = [None] * self._receivers
        for at_, target in enumerate(chosen):
            part = parts[target]
            if part is None:
                part = parts[target] = ([], None if times is None else [])
            part[0].append(records[at_])
            if times is not None:
                part[1].append(times[at_])
        return parts

    def watermark(self, time: int) -> None:
        """Tells all of those behind."""
        self._out.watermark(self._number, time)

    def idle(self) -> None:
        """Tells all of those behind."""
        self._out.idle(self._number)

    def end(self) -> None:
        """The engine tells those behind."""

    def close(self) -> None:
        """Nothing is held."""
