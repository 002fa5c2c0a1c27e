"""Rows: records whose fields have names, and how a record changed a table."""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

__all__ = ["Row", "RowKind"]


class RowKind(Enum):
    """What a row does to the table that a stream of changes describes."""

    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3

    def __str__(self) -> str:
        return _SHORT[self.value]


_SHORT = ("+I", "-U", "+U", "-D")
_OWN = ("_fields", "_from_dict", "_row_kind", "_values")


class Row:
    """A record of values, with or without names for them, and a kind.

    >>> row = Row(name="Alice", age=11)
    >>> row.name, row["age"], row[1], "name" in row
    ('Alice', 11, 11, True)
    >>> Row("a", 1)
    <Row('a', 1)>

    A row of names makes rows that have them:

    >>> Person = Row("name", "age")
    >>> Person("Alice", 11)
    Row(name='Alice', age=11)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                f"a Row has fields with names or without, not both: {len(args)} values without a name and the fields "
                f"{', '.join(kwargs)} were given"
            )
        if kwargs:
            self._fields = list(kwargs)
        self._values = list(kwargs.values()) if kwargs else list(args)
        self._from_dict = bool(kwargs)
        self._row_kind = RowKind.INSERT

    def as_dict(self, recursive: bool = False) -> Dict[str, Any]:
        """The fields by name; with `recursive`, rows within as well.

        >>> Row(key=1, value=Row(name="a", age=2)).as_dict(True)
        {'key': 1, 'value': {'name': 'a', 'age': 2}}

        Raises `TypeError` if the fields have no names.
        """
        names = self._names()
        if names is None:
            raise TypeError(f"the fields of {self!r} have no names: make it with Row(name=value, ...)")
        return dict(zip(names, map(_plain, self._values) if recursive else self._values))

    def get_row_kind(self) -> RowKind:
        """What the row does: insert, if nothing else was said."""
        return self._row_kind

    def set_row_kind(self, row_kind: RowKind) -> None:
        """Says what the row does."""
        self._row_kind = row_kind

    def set_field_names(self, field_names: List[str]) -> None:
        """Gives the fields names, in their order."""
        self._fields = field_names

    def get_fields_by_names(self, names: List[str]) -> List[Any]:
        """The values of these fields; all values if the fields have no names.

        >>> Row(a=1, b=2, c=3).get_fields_by_names(["c", "a"])
        [3, 1]
        """
        own = self._names()
        if own is None or names == own:
            return self._values
        unknown = sorted(set(names) - set(own))
        if unknown:
            raise ValueError(
                f"there is no field {', '.join(unknown)} in a row with the fields {', '.join(own)}"
            )
        return [self._values[own.index(name)] for name in names]

    @staticmethod
    def of_kind(row_kind: RowKind, *args: Any, **kwargs: Any) -> "Row":
        """A row that does something else than to insert.

        >>> Row.of_kind(RowKind.DELETE, "a", 1).get_row_kind()
        <RowKind.DELETE: 3>
        """
        row = Row(*args, **kwargs)
        row._row_kind = row_kind
        return row

    def _names(self) -> Optional[List[str]]:
        return self.__dict__.get("_fields")

    def _is_retract_msg(self) -> bool:
        return self._row_kind in (RowKind.UPDATE_BEFORE, RowKind.DELETE)

    def _is_accumulate_msg(self) -> bool:
        return not self._is_retract_msg()

    def __contains__(self, item: Any) -> bool:
        names = self._names()
        return item in (self._values if names is None else names)

    def __call__(self, *args: Any) -> "Row":
        """A row of these values, whose names are the values of this one."""
        if len(args) > len(self):
            raise ValueError(
                f"{self!r} makes rows of at most {len(self)} values, {len(args)} were given: {args!r}"
            )
        return _make_row(self._values, args, self._row_kind)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, (int, slice)):
            return self._values[item]
        return self._values[self._at(item, KeyError)]

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, (int, slice)):
            key = self._at(key, KeyError)
        self._values[key] = value

    def __getattr__(self, item: str) -> Any:
        if item.startswith("_"):
            raise AttributeError(item)
        return self._values[self._at(item, AttributeError)]

    def __setattr__(self, key: str, value: Any) -> None:
        if key not in _OWN:
            raise AttributeError(f"a field is set with row[{key!r}] = ...")
        self.__dict__[key] = value

    def _at(self, name: Any, error: type) -> int:
        names = self._names()
        if names is None:
            raise error(f"{name}: the fields of {self!r} have no names")
        try:
            return names.index(name)
        except ValueError:
            raise error(f"{name}: the fields are {', '.join(map(str, names))}") from None

    def __reduce__(self) -> Tuple[Any, ...]:
        return _make_row, (self._names(), tuple(self._values), self._row_kind)

    def __repr__(self) -> str:
        names = self._names()
        if names is None:
            return f"<Row({', '.join(map(repr, self._values))})>"
        return f"Row({', '.join(f'{name}={value!r}' for name, value in zip(names, self._values))})"

    def __eq__(self, other: Any) -> bool:
        if not isinstance(other, Row) or self._row_kind is not other._row_kind:
            return False
        own, others = self._names(), other._names()
        if own is None or others is None:
            return own is others and self._values == other._values
        return sorted(own) == sorted(others) and self._values == other.get_fields_by_names(own)

    def __hash__(self) -> int:
        return hash(tuple(self._values))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _make_row(names: Optional[List[str]], values: Sequence[Any], kind: Optional[RowKind] = None) -> Row:
    row = Row(*values)
    if names is not None:
        row._fields = names
    if kind is not None:
        row._row_kind = kind
    return row


def _plain(value: Any) -> Any:
    if isinstance(value, Row):
        return value.as_dict(True)
    if isinstance(value, list):
        return [_plain(held) for held in value]
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    return value
