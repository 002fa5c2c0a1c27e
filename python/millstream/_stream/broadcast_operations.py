"""Functions of a stream and of a broadcast one, whose records all subtasks get.

Holds: what is kept of the broadcast stream is the same in all subtasks, as long as the function does the same
in each.
"""

from __future__ import annotations

import pickle
from typing import Any, Dict, Iterable, Iterator, List, Optional, Set, Tuple

from millstream._stream.faults import at, at_next
from millstream._stream.keyed_operations import keys_of
from millstream._stream.operations import NO_TIME, Records, Times
from millstream._stream.process_operations import Around, Emitting, now
from millstream.flink.datastream import functions
from millstream.flink.datastream.state import BroadcastState, ReadOnlyBroadcastState
from millstream.flink.datastream.time_domain import TimeDomain


class _Map(BroadcastState[Any, Any]):
    """A map that all subtasks have."""

    kind = "broadcast"

    def __init__(self) -> None:
        self._held: Dict[Any, Any] = {}
        self._changed: Set[Any] = set()
        self._forms: Dict[Any, bytes] = {}

    def restore(self, key: Any, within: bytes, value: bytes) -> None:
        """What a checkpoint had."""
        inner = pickle.loads(within)
        self._held[inner] = pickle.loads(value)
        self._forms[inner] = within

    def written(self) -> Iterator[Tuple[Any, bytes, Optional[bytes]]]:
        """What changed."""
        changed, self._changed = self._changed, set()
        for inner in changed:
            if inner in self._held:
                form = self._forms.setdefault(inner, b"") or pickle.dumps(inner, 5)
                self._forms[inner] = form
                yield None, form, pickle.dumps(self._held[inner], 5)
            elif inner in self._forms:
                yield None, self._forms.pop(inner), None

    def get(self, key: Any) -> Any:
        return self._held.get(key)

    def put(self, key: Any, value: Any) -> None:
        self._held[key] = value
        self._changed.add(key)

    def put_all(self, dict_value: Dict[Any, Any]) -> None:
        for key, value in dict_value.items():
            self.put(key, value)

    def remove(self, key: Any) -> None:
        if key in self._held:
            del self._held[key]
            self._changed.add(key)

    def contains(self, key: Any) -> bool:
        return key in self._held

    def items(self) -> Iterable[Tuple[Any, Any]]:
        return list(self._held.items())

    def keys(self) -> Iterable[Any]:
        return list(self._held)

    def values(self) -> Iterable[Any]:
        return list(self._held.values())

    def is_empty(self) -> bool:
        return not self._held

    def clear(self) -> None:
        for key in list(self._held):
            self.remove(key)


class _ReadOnly(ReadOnlyBroadcastState[Any, Any]):
    """The same, to read."""

    def __init__(self, held: _Map) -> None:
        self._held = held

    def get(self, key: Any) -> Any:
        return self._held.get(key)

    def contains(self, key: Any) -> bool:
        return self._held.contains(key)

    def items(self) -> Iterable[Tuple[Any, Any]]:
        return self._held.items()

    def keys(self) -> Iterable[Any]:
        return self._held.keys()

    def values(self) -> Iterable[Any]:
        return self._held.values()

    def is_empty(self) -> bool:
        return self._held.is_empty()

    def clear(self) -> None:
        raise RuntimeError("broadcast state can only be changed in process_broadcast_element")


class _Times:
    """What both contexts tell of time."""

    def __init__(self, operation: "Broadcast") -> None:
        self._operation = operation

    def timestamp(self) -> int:
        return self._operation.around.timestamp()  # type: ignore[return-value]

    def current_processing_time(self) -> int:
        return now()

    def current_watermark(self) -> int:
        return self._operation.around.service.current_watermark()


class _Writes(
    _Times, functions.BroadcastProcessFunction.Context, functions.KeyedBroadcastProcessFunction.Context
):
    def get_broadcast_state(self, state_descriptor: Any) -> Any:
        return self._operation.state(state_descriptor)


class _Reads(
    _Times,
    functions.KeyedBroadcastProcessFunction.OnTimerContext,
    functions.BroadcastProcessFunction.ReadOnlyContext,
):
    def get_broadcast_state(self, state_descriptor: Any) -> Any:
        return _ReadOnly(self._operation.state(state_descriptor))

    def get_current_key(self) -> Any:
        return self._operation.around.get_current_key()

    def timer_service(self) -> Any:
        return self._operation.around.service

    def time_domain(self) -> TimeDomain:
        return self._operation.around.domain


class Broadcast(Emitting):
    """A function of a stream, with a key or without, and of a broadcast one."""

    def __init__(
        self, name: str, function: Any, convert: Any, key: Any, names: List[str], keyed: Any
    ) -> None:
        super().__init__(name, function, convert)
        self._key, self._keyed = key, keyed
        self._states = {one: keyed.add(one, _Map()) for one in names}
        self.around = Around(keyed)
        self._writes, self._reads = _Writes(self), _Reads(self)
        keyed.on_timer = self._on_timer
        keyed.after_timers = self.flush

    def state(self, descriptor: Any) -> _Map:
        """The state of a descriptor that was given to `broadcast`."""
        found = self._states.get(descriptor.name)
        if found is None:
            raise ValueError(
                f"the broadcast state {descriptor.name!r} was not given to broadcast(...); it was given "
                f"{', '.join(map(repr, self._states))}"
            )
        return found

    def batch_of(self, input: int, records: Records, times: Times) -> None:
        """Takes records of the stream (0), or of the broadcast one (1)."""
        context: Any
        if input:
            call, context, keys = self.function.process_broadcast_element, self._writes, [None] * len(records)
        else:
            call, context = self.function.process_element, self._reads
            keys = [None] * len(records) if self._key is None else keys_of(records, self._key, self.name)
        around, keyed, rest = self.around, self._keyed, iter(records)
        moments = iter(times) if times is not None else None
        around.moment = NO_TIME
        try:
            for keyed.key, record in zip(keys, rest):
                if moments is not None:
                    around.moment = next(moments)
                self.take(call(record, context), around.moment)
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self.flush()

    def _on_timer(self, in_event_time: bool, time: int) -> None:
        self.around.moment = time
        self.around.domain = TimeDomain.EVENT_TIME if in_event_time else TimeDomain.PROCESSING_TIME
        try:
            self.take(self.function.on_timer(time, self._reads), time if in_event_time else NO_TIME)
        except BaseException as error:
            raise at(error, f"{self.name} (a timer)") from None
