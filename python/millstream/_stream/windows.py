"""Windows of keyed streams.

What is in a window is kept under the window's key: the stream's key and the window, placed by the stream's
key alone.

Answers for which window a record goes into, for asking the trigger, for what is emitted and when a window is
over. Not for what a window is (`millstream.flink.datastream.window`) nor for what is made of its records
(`window_contents`). Holds: a window that is over has nothing in state.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from millstream._stream import window_contexts
from millstream._stream.faults import at, at_next
from millstream._stream.keyed import InWindow
from millstream._stream.keyed_operations import keys_of
from millstream._stream.operations import LAST, NO_TIME, Records, Times
from millstream._stream.process_operations import Emitting
from millstream._stream.states import Table
from millstream.flink.datastream.window import MergingWindowAssigner


class Asked(NamedTuple):
    """What a program said of windows; travels pickled."""

    assigner: Any
    trigger: Any
    lateness: int
    #: The side output of records that come too late.
    late: Any
    #: What is made of the records: see `window_contents`.
    contents: Any

    def open(self, context: Any) -> None:
        """Opens the user's functions."""
        self.contents.open(context)

    def close(self) -> None:
        """Closes them."""
        self.contents.close()


class Windows(Emitting):
    """The windows of one subtask."""

    def __init__(self, name: str, asked: Asked, convert: Any, key: Any, place: Any, keyed: Any) -> None:
        super().__init__(name, asked, convert)
        self._key, self.keyed, self.place = key, keyed, place
        self._assigner, self._contents = asked.assigner, asked.contents
        self._trigger = asked.trigger or asked.assigner.get_default_trigger(None)
        self._lateness, self._late = asked.lateness, asked.late
        self._is_event_time = self._assigner.is_event_time()
        self._merges = isinstance(self._assigner, MergingWindowAssigner)
        if self._merges and not self._trigger.can_merge():
            raise ValueError(f"{self._assigner!r} merges windows, and {self._trigger!r} cannot")
        self._held: Table = keyed.add("window-contents", Table())
        #: For each key and time: the windows whose timers are due then.
        self._timers: Table = keyed.add("window-timers", Table())
        #: For each key: its windows, where these are merged.
        self._active: Table = keyed.add("windows", Table())
        self._assigning = window_contexts.Assigning(self, name)
        self._asking = window_contexts.Asking(self)
        self._processing = window_contexts.Processing(self)
        self.window: Any = None
        keyed.on_timer = self._on_timer
        keyed.after_timers = self.flush

    def open(self, context: Any) -> None:
        self._assigning.opened(context)
        super().open(context)

    # Records

    def batch(self, records: Records, times: Times) -> None:
        keys = keys_of(records, self._key, self.name)
        rest = iter(records)
        moments = iter(times) if times is not None else None
        try:
            for self.keyed.key, record in zip(keys, rest):
                self._record(record, NO_TIME if moments is None else next(moments))
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self.flush()

    def _record(self, record: Any, moment: int) -> None:
        is_taken = False
        for window in self._assigner.assign_windows(record, moment, self._assigning):
            if self._merges:
                window = self._merged(window)
            if self._is_late(window):
                if self._merges:
                    self._forget_active(window)
                continue
            is_taken = True
            place = InWindow(self.keyed.key, window)
            held = self._held.values.get(place)
            self._held.values[place] = self._contents.added(held, record)
            self._held.changed.add(place)
            self.window = window
            self._follow(self._trigger.on_element(record, moment, window, self._asking), place)
            self._register_end(window)
        if not is_taken and self._late is not None and moment != NO_TIME:
            self._take_aside(self._late, record, moment)

    def _is_late(self, window: Any) -> bool:
        return self._is_event_time and self.end_of(window) <= self.keyed.current_watermark

    def end_of(self, window: Any) -> int:
        """When a window is over and forgotten."""
        end = window.max_timestamp()
        return min(end + self._lateness, LAST) if self._is_event_time else end

    def _register_end(self, window: Any) -> None:
        end = self.end_of(window)
        if end < LAST:
            self.register(self._is_event_time, end, window)

    # Results

    def _follow(self, result: Any, place: InWindow) -> None:
        if result.is_fire() and place in self._held.values:
            self._emit(place)
        if result.is_purge() and self._held.values.pop(place, None) is not None:
            self._held.changed.add(place)

    def _emit(self, place: InWindow) -> None:
        self.window = place.window
        results = self._contents.results(place.key, self._processing, self._held.values[place])
        self.take(results, min(place.window.max_timestamp(), LAST - 1))

    # Timers

    def register(self, in_event_time: bool, time: int, window: Any) -> None:
        """Wants to hear of a window of the current key at a time."""
        place = InWindow(self.keyed.key, (in_event_time, time))
        windows = self._timers.values.get(place)
        if windows is None:
            self._timers.values[place] = [window]
            self.keyed.register(in_event_time, time)
        elif window not in windows:
            windows.append(window)
        else:
            return
        self._timers.changed.add(place)

    def unregister(self, in_event_time: bool, time: int, window: Any) -> None:
        """Takes that back."""
        place = InWindow(self.keyed.key, (in_event_time, time))
        windows = self._timers.values.get(place)
        if windows is None or window not in windows:
            return
        self._timers.changed.add(place)
        windows.remove(window)
        if not windows:
            del self._timers.values[place]
            self.keyed.delete(in_event_time, time)

    def _on_timer(self, in_event_time: bool, time: int) -> None:
        timers = InWindow(self.keyed.key, (in_event_time, time))
        windows = self._timers.values.pop(timers, ())
        self._timers.changed.add(timers)
        ask = self._trigger.on_event_time if in_event_time else self._trigger.on_processing_time
        for window in windows:
            self.window = window
            place = InWindow(self.keyed.key, window)
            try:
                self._follow(ask(time, window, self._asking), place)
                if in_event_time == self._is_event_time and time == self.end_of(window):
                    self._forget(place)
            except BaseException as error:
                raise at(error, f"{self.name} (the end of {window!r})") from None

    def _forget(self, place: InWindow) -> None:
        self.window = place.window
        if self._held.values.pop(place, None) is not None:
            self._held.changed.add(place)
        self._contents.clear(self._processing)
        self._trigger.clear(place.window, self._asking)
        if self._merges:
            self._forget_active(place.window)

    # Windows that are merged

    def _forget_active(self, window: Any) -> None:
        active = self._active.values.get(self.keyed.key)
        if active is not None and window in active:
            active.remove(window)
            if not active:
                del self._active.values[self.keyed.key]
            self._active.changed.add(self.keyed.key)

    def _merged(self, window: Any) -> Any:
        """The window of the key that a new one becomes part of."""
        active: List[Any] = self._active.values.setdefault(self.keyed.key, [])
        self._active.changed.add(self.keyed.key)
        became: Dict[str, Any] = {"window": window}
        merging = window_contexts.Merging(
            lambda parts, whole: self._merge(active, window, parts, whole, became)
        )
        self._assigner.merge_windows([*active, *([] if window in active else [window])], merging)
        if became["window"] not in active:
            active.append(became["window"])
        return became["window"]

    def _merge(self, active: List[Any], new: Any, parts: Any, whole: Any, became: Dict[str, Any]) -> None:
        if new in parts:
            became["window"] = whole
        old = [part for part in parts if part in active]
        if old == [whole]:
            return
        key = self.keyed.key
        held: Optional[Any] = None
        for part in sorted(old):
            place = InWindow(key, part)
            found = self._held.values.pop(place, None)
            if found is not None:
                self._held.changed.add(place)
                held = found if held is None else self._contents.merged(held, found)
        if held is not None:
            self._held.values[InWindow(key, whole)] = held
            self._held.changed.add(InWindow(key, whole))
        self.window = whole
        self._asking.merged = old
        self._trigger.on_merge(whole, self._asking)
        for part in old:
            active.remove(part)
            if part != whole:
                self.window = part
                self._trigger.clear(part, self._asking)
                end = self.end_of(part)
                if end < LAST:
                    self.unregister(self._is_event_time, end, part)
        if old:
            active.append(whole)
            self._register_end(whole)
