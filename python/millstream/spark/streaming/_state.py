"""State that is carried from batch to batch, by key.

Holds: the state of a batch is computed once, from the one before and the batch's own records, and kept as
records; state stays in the partition of its key.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Optional

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD
    from millstream.spark.streaming.dstream import DStream


def updated(
    parent: "DStream", update: Callable[[Any, Any], Any], partitions: int, initial: "Optional[RDD]"
) -> "DStream":
    """The stream of the states."""
    from millstream.spark.streaming.dstream import TransformedDStream

    def compute(time: int) -> "Optional[RDD]":
        before = state._at(time - state._slide)
        if before is None:
            before = initial
        new = parent._at(time)
        if new is None:
            return before
        if before is None:
            groups = new.groupByKey(partitions)
            updates = groups._step("updateStateByKey", "map_values", partial(_first, update), True)
        else:
            groups = before._cogroup([new], partitions)
            updates = groups._step("updateStateByKey", "map_values", partial(_next, update), True)
        return updates.filter(_has_state)

    state = TransformedDStream(parent._ssc, parent._slide, [parent], compute, "updateStateByKey")
    # Each state is asked for by the next.
    state._look_back(parent._slide)
    return state


def _first(update: Callable[[Any, Any], Any], values: Any) -> Any:
    return update(list(values), None)


def _next(update: Callable[[Any, Any], Any], states_and_values: Any) -> Any:
    states, values = states_and_values
    return update(values, states[0] if states else None)


def _has_state(pair: Any) -> bool:
    return pair[1] is not None
