"""Sums and extremes of one field, by key."""

from __future__ import annotations

from typing import Any, Union

from millstream.flink.common.types import Row
from millstream.flink.datastream.functions import ReduceFunction


class FieldAggregate(ReduceFunction):
    """Aggregates a field of tuples, lists or rows, by number or by name; a record that is no such thing is
    the field itself.

    `kind` is `sum`, `min` or `max` of the field, the other fields being those of the key's first record; or
    `min_by` or `max_by`: the whole record with the least or greatest field, the first one of several.

    >>> FieldAggregate("sum", 1).reduce(("a", 1, True), ("b", 2, False))
    ('a', 3, True)
    >>> FieldAggregate("max_by", 1).reduce(("a", 1, True), ("b", 2, False))
    ('b', 2, False)
    """

    def __init__(self, kind: str, position: Union[int, str]) -> None:
        if isinstance(position, bool) or not isinstance(position, (int, str)):
            raise TypeError(f"{kind} takes the number or the name of a field, {position!r} was given")
        self._kind, self._position = kind, position

    def _field(self, record: Any) -> Any:
        try:
            return record[self._position]
        except (IndexError, KeyError, TypeError):
            raise IndexError(
                f"{self._kind}({self._position!r}) asks for a field that a record of {len(record)} "
                "fields has not"
            ) from None

    def reduce(self, value1: Any, value2: Any) -> Any:
        """What the two amount to."""
        has_fields = isinstance(value1, (tuple, list, Row))
        if not has_fields and self._position != 0:
            raise TypeError(
                f"{self._kind}({self._position!r}) asks for a field of a record that has none; a "
                "value without fields is "
                "field 0"
            )
        first, second = (self._field(value1), self._field(value2)) if has_fields else (value1, value2)
        if self._kind == "sum":
            result = first + second
        elif self._kind.startswith("min"):
            result = second if second < first else first
        else:
            result = second if second > first else first
        if not has_fields:
            return result
        if self._kind.endswith("_by"):
            return value2 if result is second and result is not first and result != first else value1
        if isinstance(value1, tuple):
            fields = list(value1)
            fields[self._position] = result  # type: ignore[index]
            return tuple(fields)
        import copy

        # What was emitted before is not changed any more.
        changed = copy.copy(value1)
        if isinstance(changed, Row):
            changed._values = list(value1._values)
        changed[self._position] = result
        return changed
