"""What a source of Kafka has read, as records."""

from __future__ import annotations

from operator import length_hint
from typing import Any, Optional

from millstream._stream.faults import at
from millstream._stream.operations import Operation, Records, Times


class _Placed:
    """A value, as messages name it: where it stood, and what it is."""

    def __init__(self, value: Any, place: str, offset: int) -> None:
        self._shown = f"{place}, offset {offset if offset >= 0 else -1 - offset}: {value!r}"

    def __repr__(self) -> str:
        return self._shown


class Deserialize(Operation):
    """Makes records of values by a schema of Python's; `None` is left out.

    A value comes with its place, and its offset; of a record without a value, which deletes its key, the offset is
    `-1 - offset`, and the schema is given `None`.
    """

    def __init__(self, name: str, schema: Any, convert: Optional[Any]) -> None:
        super().__init__(name, schema, schema.deserialize, convert)

    def batch(self, records: Records, times: Times) -> None:
        call, convert, rest = self.call, self.convert, iter(records)
        try:
            made = [call(value if offset >= 0 else None) for value, _, offset in rest]
            if convert is not None:
                rest = iter(records)
                made = [one if one is None else convert(one) for one, _ in zip(made, rest)]
        except BaseException as error:
            index = len(records) - length_hint(rest) - 1
            raise at(error, self.name, _Placed(*records[index])) from None
        if None in made:
            kept = [one is not None for one in made]
            times = None if times is None else [time for time, keep in zip(times, kept) if keep]
            made = [one for one in made if one is not None]
        if made:
            self.down.batch(made, times)
