"""What keys are placed by, where their own hash may differ from process to process.

Answers for one plain value (a number, text, bytes or a tuple of these) for each key, equal for equal keys.
Not for hashing it.
"""

from __future__ import annotations

import datetime
from typing import Any, Callable


class TypedKey:
    """A key selector whose keys are made to fit a declared type, or refused."""

    def __init__(self, selector: Any, key_type: Any) -> None:
        self._selector, self._key_type = selector, key_type

    @property
    def get_key(self) -> Callable[[Any], Any]:
        """The selector with the check, as one function."""
        select, convert = getattr(self._selector, "get_key", self._selector), self._key_type.convert
        return lambda record: convert(select(record))


def plain(key: Any) -> Any:
    """A plain value that stands for the key.

    >>> plain(frozenset({"a", "b"})) == plain(frozenset({"b", "a"}))
    True
    >>> from decimal import Decimal
    >>> plain(Decimal(1)) == hash(1)
    True

    Raises `TypeError` for what cannot be a key, such as a list.
    """
    import enum
    import numbers

    if isinstance(key, enum.Enum) and not isinstance(key, numbers.Number):
        return ("enum", type(key).__qualname__, key.name)
    if isinstance(key, numbers.Number):
        return hash(key)  # Numbers that are equal have one hash, in every process.
    if isinstance(key, str):
        return str(key)
    if isinstance(key, tuple):
        return tuple(key)
    if isinstance(key, bytes):
        return bytes(key)
    if isinstance(key, datetime.datetime):
        offset = key.utcoffset()
        moment = key if offset is None else (key - offset).replace(tzinfo=None)
        return ("datetime", offset is None, moment.replace(fold=0).isoformat())
    if isinstance(key, datetime.date):
        return ("date", key.toordinal())
    if isinstance(key, frozenset):
        from millstream import _native

        return ("frozenset", *sorted(_native.stable_hash(item) for item in key))
    hash(key)  # What cannot be looked up cannot be a key.
    values = getattr(key, "_values", None)
    if values is not None and type(key).__name__ == "Row":
        return ("row", *values)
    import dataclasses

    if dataclasses.is_dataclass(key):
        fields = [getattr(key, one.name) for one in dataclasses.fields(key) if one.compare]
        return (type(key).__qualname__, *fields)
    import pickle

    return (type(key).__qualname__, pickle.dumps(key, 5))
