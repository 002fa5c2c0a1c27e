"""Operations that need state, time or several inputs, from their nodes."""

from __future__ import annotations

import pickle
from typing import Any

from millstream._stream import keyed_operations, time_operations


def operation(node: Any, function: Any, convert: Any, place: Any, keyed: Any) -> Any:
    """The operation of a node."""
    from millstream._stream.stretch import method

    key = node.told.get("key")
    key = None if key is None else method(pickle.loads(key), "get_key")
    kind = node.kind
    if kind == "reduce":
        return keyed_operations.Reduce(node.name, function, method(function, "reduce"), key, place, keyed)
    if kind == "text":
        return time_operations.Text(node.name, node.told["printed"])
    if kind == "timestamps":
        return time_operations.Timestamps(node.name, function, place)
    raise ValueError(f"there is no operation {kind!r}")
