"""The kinds of state, as live objects.

Holds: what `written` gives is what changed since it was asked last; `restore` takes it back.
"""

from __future__ import annotations

import pickle
import time
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from millstream.flink.datastream import state as face

#: A key, the pickled key within the state, the pickled value or `None` if it was removed.
Written = Tuple[Any, bytes, Optional[bytes]]


class Table:
    """One value for each key, and which of them changed."""

    kind = "table"

    def __init__(self) -> None:
        self.values: Dict[Any, Any] = {}
        self.changed: Set[Any] = set()

    def restore(self, key: Any, within: bytes, value: bytes) -> None:
        """What a checkpoint had."""
        self.values[key] = pickle.loads(value)

    def written(self) -> Iterator[Written]:
        """What changed."""
        changed, self.changed = self.changed, set()
        for key in changed:
            if key in self.values:
                yield key, b"", pickle.dumps(self.values[key], 5)
            else:
                yield key, b"", None


class _Lived:
    """How long values live."""

    def __init__(self, descriptor: Any) -> None:
        ttl = descriptor._ttl_config
        self.is_used = ttl is not None and ttl.is_enabled()
        if self.is_used:
            self._millis = ttl.get_ttl().to_milliseconds()
            self._on_read = ttl.get_update_type().name == "OnReadAndWrite"

    def stamped(self, value: Any) -> Any:
        return (time.time() * 1000, value)

    def is_over(self, stamped: Any) -> bool:
        return stamped[0] + self._millis <= time.time() * 1000

    @property
    def is_renewed(self) -> bool:
        return self._on_read


class _OfKey:
    """What all states of one value for each key have."""

    kind = "value"

    def __init__(self, keyed: Any, descriptor: Any) -> None:
        #: Refuses what does not fit the declared type. What fits is kept as it is, as in PyFlink.
        self._check = self._declared(descriptor.type_info).convert
        self._keyed = keyed
        self._table = Table()
        self._values = self._table.values
        self._lived = _Lived(descriptor)
        self.restore = self._table.restore
        self.written = self._table.written

    def _declared(self, type_info: Any) -> Any:
        return type_info

    def _read(self) -> Any:
        key = self._keyed.key
        held = self._values.get(key)
        if held is None or not self._lived.is_used:
            return held
        if self._lived.is_over(held):
            self.clear()
            return None
        if self._lived.is_renewed:
            self._write(held[1])
        return held[1]

    def _write(self, value: Any) -> None:
        key = self._keyed.key
        self._values[key] = self._lived.stamped(value) if self._lived.is_used else value
        self._table.changed.add(key)

    def clear(self) -> None:
        """Forgets it."""
        key = self._keyed.key
        if self._values.pop(key, None) is not None:
            self._table.changed.add(key)


class Value(_OfKey, face.ValueState[Any]):
    """One value."""

    def value(self) -> Any:
        return self._read()

    def update(self, value: Any) -> None:
        if value is None:
            self.clear()
        else:
            self._check(value)
            self._write(value)


class ListOf(_OfKey, face.ListState[Any]):
    """A list."""

    kind = "list"

    def _declared(self, type_info: Any) -> Any:
        return type_info.elem_type

    def get(self) -> Iterable[Any]:
        return list(self._read() or ())

    def add(self, value: Any) -> None:
        self._check(value)
        held = self._read()
        if held is None:
            held = [value]
        else:
            held.append(value)
        self._write(held)

    def add_all(self, values: List[Any]) -> None:
        values = list(values)
        for value in values:
            self._check(value)
        if values:
            held = self._read() or []
            held.extend(values)
            self._write(held)

    def update(self, values: List[Any]) -> None:
        values = list(values)
        for value in values:
            self._check(value)
        if values:
            self._write(values)
        else:
            self.clear()


class Reducing(_OfKey, face.ReducingState[Any]):
    """The reduction of all that was added."""

    kind = "reducing"

    def __init__(self, keyed: Any, descriptor: Any) -> None:
        super().__init__(keyed, descriptor)
        self._reduce = descriptor.get_reduce_function().reduce

    def get(self) -> Any:
        return self._read()

    def add(self, value: Any) -> None:
        held = self._read()
        value = value if held is None else self._reduce(held, value)
        self._check(value)
        self._write(value)


class Aggregating(_OfKey, face.AggregatingState[Any, Any]):
    """An accumulator of all that was added."""

    kind = "aggregating"

    def __init__(self, keyed: Any, descriptor: Any) -> None:
        super().__init__(keyed, descriptor)
        self._function = descriptor.get_agg_function()

    def get(self) -> Any:
        held = self._read()
        return None if held is None else self._function.get_result(held)

    def add(self, value: Any) -> None:
        held = self._read()
        if held is None:
            held = self._function.create_accumulator()
        held = self._function.add(value, held)
        self._check(held)
        self._write(held)


class MapOf(face.MapState[Any, Any]):
    """A map; each of its entries is kept on its own."""

    kind = "map"

    def __init__(self, keyed: Any, descriptor: Any) -> None:
        self._keyed = keyed
        self._lived = _Lived(descriptor)
        declared = descriptor.type_info
        self._check_key, self._check = declared._key_type_info.convert, declared._value_type_info.convert
        self._maps: Dict[Any, Dict[Any, Any]] = {}
        self._changed: Set[Tuple[Any, Any]] = set()
        #: The one pickled form of each key within a map that was ever written.
        self._forms: Dict[Tuple[Any, Any], bytes] = {}

    def restore(self, key: Any, within: bytes, value: bytes) -> None:
        """What a checkpoint had."""
        inner = pickle.loads(within)
        self._maps.setdefault(key, {})[inner] = pickle.loads(value)
        self._forms[key, inner] = within

    def written(self) -> Iterator[Written]:
        """What changed."""
        changed, self._changed = self._changed, set()
        for key, inner in changed:
            held = self._maps.get(key, {})
            if inner in held:
                form = self._forms.get((key, inner))
                if form is None:
                    form = self._forms[key, inner] = pickle.dumps(inner, 5)
                yield key, form, pickle.dumps(held[inner], 5)
            else:
                form = self._forms.pop((key, inner), None)
                if form is not None:
                    yield key, form, None

    def _live(self) -> Dict[Any, Any]:
        held = self._maps.get(self._keyed.key)
        if held is None:
            return {}
        if self._lived.is_used:
            for inner in [inner for inner, value in held.items() if self._lived.is_over(value)]:
                self.remove(inner)
            return {inner: value[1] for inner, value in held.items()}
        return held

    def get(self, key: Any) -> Any:
        held = self._maps.get(self._keyed.key)
        if held is None or not self._lived.is_used:
            return None if held is None else held.get(key)
        value = held.get(key)
        if value is None:
            return None
        if self._lived.is_over(value):
            self.remove(key)
            return None
        if self._lived.is_renewed:
            self.put(key, value[1])
        return value[1]

    def put(self, key: Any, value: Any) -> None:
        current = self._keyed.key
        self._check_key(key)
        if value is not None:
            self._check(value)
        held = self._maps.get(current)
        if held is None:
            held = self._maps[current] = {}
        held[key] = self._lived.stamped(value) if self._lived.is_used else value
        self._changed.add((current, key))

    def put_all(self, dict_value: Dict[Any, Any]) -> None:
        for key, value in dict_value.items():
            self.put(key, value)

    def remove(self, key: Any) -> None:
        current = self._keyed.key
        held = self._maps.get(current)
        if held is not None and key in held:
            del held[key]
            self._changed.add((current, key))
            if not held:
                del self._maps[current]

    def contains(self, key: Any) -> bool:
        return key in self._live()

    def items(self) -> Iterable[Tuple[Any, Any]]:
        return list(self._live().items())

    def keys(self) -> Iterable[Any]:
        return list(self._live())

    def values(self) -> Iterable[Any]:
        return list(self._live().values())

    def is_empty(self) -> bool:
        return not self._live()

    def clear(self) -> None:
        """Forgets all of it."""
        for key in list(self._maps.get(self._keyed.key, ())):
            self.remove(key)


KINDS: Dict[str, Any] = {
    "value": Value,
    "list": ListOf,
    "map": MapOf,
    "reducing": Reducing,
    "aggregating": Aggregating,
}
