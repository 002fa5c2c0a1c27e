"""State and timers of one subtask, by key.

The values are live objects, so that reading and writing one costs a look-up. What was written since the last
barrier is pickled when the next one comes, and goes to the engine; what the engine had is here again from the
start.

Answers for the current key, for which values changed, and for timers until the engine has them. Not for the
kinds of state (`states`). Holds: a key has one pickled form for as long as it is here, so that equal keys (1,
1.0, True) are one key.
"""

from __future__ import annotations

import heapq
import pickle
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

#: Hash, pickled key, state, pickled key within the state, pickled value or `None` if it was removed.
#: Without a key it is state that all subtasks have.
Entry = Tuple[int, Optional[bytes], str, bytes, Optional[bytes]]


class InWindow(NamedTuple):
    """The key of what is kept for a window of a key: placed where the key is."""

    key: Any
    window: Any


class KeyedState:
    """The states and timers of one operation in one subtask."""

    def __init__(self, entries: List[Entry], place: Any) -> None:
        self.place = place
        self.key: Any = None
        self.current_watermark: int = place.watermark
        self._states: Dict[str, Any] = {}
        #: Each key's hash and pickled form, once it was asked for.
        self._identities: Dict[Any, Tuple[int, bytes]] = {}
        self._restored: Dict[str, List[Tuple[Any, bytes, bytes]]] = {}
        for hash_, pickled, state, within, value in entries:
            key = None
            if pickled is not None:
                key = pickle.loads(pickled)
                self._identities[key] = (hash_, pickled)
            self._restored.setdefault(state, []).append((key, within, value))  # type: ignore[arg-type]
        #: Whether in event time, whether deleted, the time, the key.
        self._changes: List[Tuple[bool, bool, int, Any]] = []
        #: What a timer that is due is told to.
        self.on_timer: Optional[Callable[[bool, int], None]] = None
        #: Called when all timers that were due have fired.
        self.after_timers: Callable[[], None] = lambda: None
        self._firing: Optional["_Firing"] = None

    def identity(self, key: Any) -> Tuple[int, bytes]:
        """The hash that the key is placed by, and its one pickled form."""
        known = self._identities.get(key)
        if known is None:
            from millstream import _native

            placed_by = key.key if type(key) is InWindow else key
            known = self._identities[key] = (_native.stable_hash(placed_by), pickle.dumps(key, 5))
        return known

    # States

    def state(self, kind: str, descriptor: Any, name: str = "", view: Any = None) -> Any:
        """The state that a descriptor asks for, for the current key or for what `view` says is the key."""
        from millstream._stream import states

        name = name or f"user {descriptor.name}"
        found = self._states.get(name)
        if found is None:
            found = self.add(name, states.KINDS[kind](self if view is None else view, descriptor))
        elif type(found) is not states.KINDS[kind]:
            raise ValueError(f"state {name!r} was asked for as two kinds: {found.kind} and {kind}")
        return found

    def add(self, name: str, state: Any) -> Any:
        """A state of an operation's own, filled with what the checkpoint had for it."""
        self._states[name] = state
        for key, within, value in self._restored.pop(name, ()):
            state.restore(key, within, value)
        return state

    def written(self) -> List[Entry]:
        """What was written to all states since this was asked last."""
        entries: List[Entry] = []
        for name, state in self._states.items():
            for key, within, value in state.written():
                hash_, pickled = (0, None) if state.kind == "broadcast" else self.identity(key)
                entries.append((hash_, pickled, name, within, value))
        return entries

    # Timers

    def register(self, in_event_time: bool, time: int) -> None:
        """Wants `on_timer` called for the current key at this time."""
        firing = self._firing
        if firing is not None and firing.in_event_time == in_event_time and time <= firing.up_to:
            firing.add(time, self.key)
        else:
            self._changes.append((in_event_time, False, time, self.key))

    def delete(self, in_event_time: bool, time: int) -> None:
        """Takes that back."""
        firing = self._firing
        if firing is not None and firing.in_event_time == in_event_time and time <= firing.up_to:
            firing.remove(time, self.key)
        else:
            self._changes.append((in_event_time, True, time, self.key))

    def timer_changes(self) -> Optional[List[Any]]:
        """What became of timers since this was asked last."""
        if not self._changes:
            return None
        changes, self._changes = self._changes, []
        return [(event, deleted, time, *self.identity(key)) for event, deleted, time, key in changes]

    def fire(self, in_event_time: bool, up_to: int, due: List[Tuple[bytes, int]]) -> None:
        """Calls `on_timer` for what is due, in the order of time, and for what becomes due by that."""
        if in_event_time:
            self.current_watermark = max(self.current_watermark, up_to)
        if not due or self.on_timer is None:
            return
        firing = self._firing = _Firing(in_event_time, up_to)
        for pickled, time in due:
            key = pickle.loads(pickled)
            self.identity(key)
            firing.add(time, key)
        try:
            while firing.heap:
                time, _, key = heapq.heappop(firing.heap)
                if (time, key) in firing.waiting:
                    firing.waiting.discard((time, key))
                    self.key = key
                    self.on_timer(in_event_time, time)
        finally:
            self._firing = None
        self.after_timers()


class _Firing:
    """The timers that fire in one go."""

    def __init__(self, in_event_time: bool, up_to: int) -> None:
        self.in_event_time, self.up_to = in_event_time, up_to
        self.heap: List[Tuple[int, int, Any]] = []
        self.waiting: Set[Tuple[int, Any]] = set()
        self._count = 0

    def add(self, time: int, key: Any) -> None:
        """One more, unless it is there."""
        if (time, key) not in self.waiting:
            self.waiting.add((time, key))
            self._count += 1
            heapq.heappush(self.heap, (time, self._count, key))

    def remove(self, time: int, key: Any) -> None:
        """One less."""
        self.waiting.discard((time, key))
