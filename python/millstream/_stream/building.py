"""Operations that need state, time or several inputs, from their nodes."""

from __future__ import annotations

import pickle
from typing import Any

from millstream._stream import keyed_operations, time_operations
from millstream._stream.stretch import METHODS, method

_KEYED = {
    "map": keyed_operations.KeyedMap,
    "filter": keyed_operations.KeyedFilter,
    "flat_map": keyed_operations.KeyedFlatMap,
}


def operation(node: Any, function: Any, convert: Any, place: Any, keyed: Any) -> Any:
    """The operation of a node."""
    kind, name, told = node.kind, node.name, node.told
    key = told.get("key")
    key = None if key is None else method(pickle.loads(key), "get_key")
    if kind == "text":
        return time_operations.Text(name, told["printed"])
    if kind == "timestamps":
        return time_operations.Timestamps(name, function, place)
    if kind == "deserialize":
        from millstream._stream.kafka import Deserialize

        return Deserialize(name, function, convert)
    if kind == "reduce":
        return keyed_operations.Reduce(name, function, method(function, "reduce"), key, place, keyed)
    if kind in _KEYED:
        return _KEYED[kind](name, function, method(function, METHODS[kind]), convert, key, keyed)
    if kind == "window":
        from millstream._stream.windows import Windows

        return Windows(name, function, convert, key, place, keyed)
    if kind == "async":
        from millstream._stream.waiting import Waiting

        return Waiting(name, function, convert)
    if kind == "broadcast":
        from millstream._stream.broadcast_operations import Broadcast

        return Broadcast(name, function, convert, key, told["states"], keyed)
    if kind.startswith("co_"):
        return _of_two(kind, node, function, convert, keyed)
    from millstream._stream import process_operations

    if kind == "process":
        return process_operations.Process(name, function, convert)
    if kind == "keyed_process":
        return process_operations.KeyedProcess(name, function, convert, key, keyed)
    raise ValueError(f"there is no operation {kind!r}")


def _of_two(kind: str, node: Any, function: Any, convert: Any, keyed: Any) -> Any:
    from millstream._stream import process_operations, two_inputs

    name, keys = node.name, node.told.get("keys")
    if keys is not None:
        keys = tuple(method(pickle.loads(key), "get_key") for key in keys)
    if kind == "co_process":
        if keys is None:
            return process_operations.CoProcess(name, function, convert)
        return process_operations.KeyedCoProcess(name, function, convert, keys, keyed)
    is_map = kind == "co_map"
    calls = (function.map1, function.map2) if is_map else (function.flat_map1, function.flat_map2)
    made: Any
    if keys is None:
        made = (two_inputs.CoMap if is_map else two_inputs.CoFlatMap)(name, function, calls[0], convert)
    else:
        of_key = two_inputs.KeyedCoMap if is_map else two_inputs.KeyedCoFlatMap
        made = of_key(name, function, calls[0], convert, keys[0], keyed)
        made.keys = keys
    made.calls = calls
    return made
