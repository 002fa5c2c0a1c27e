"""What assigners, triggers and window functions are told while they are asked."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List

from millstream._stream.keyed import InWindow
from millstream._stream.process_operations import now
from millstream.flink.datastream._runtime_context import KeyedStateStore
from millstream.flink.datastream.functions import ProcessWindowFunction
from millstream.flink.datastream.window import MergingWindowAssigner, Trigger, WindowAssigner


class Assigning(WindowAssigner.WindowAssignerContext):
    """For assigners."""

    def __init__(self, windows: Any, name: str) -> None:
        self._context: Any = None

    def opened(self, context: Any) -> None:
        """With the context of the subtask."""
        self._context = context

    def get_current_processing_time(self) -> int:
        return now()

    def get_runtime_context(self) -> Any:
        return self._context


class _InWindow:
    """The current key, with the current window, as states ask for it."""

    def __init__(self, windows: Any) -> None:
        self._windows = windows

    @property
    def key(self) -> Any:
        """The key of what is kept for the window."""
        return InWindow(self._windows.keyed.key, self._windows.window)


class Store(KeyedStateStore):
    """States of the window and its key, apart from the operation's own by their names."""

    def __init__(self, windows: Any, prefix: str) -> None:
        self._keyed, self._prefix = windows.keyed, prefix
        self._view = _InWindow(windows)

    def of_kind(self, kind: str, descriptor: Any) -> Any:
        """The state that a descriptor asks for."""
        return self._keyed.state(kind, descriptor, f"{self._prefix} {descriptor.name}", self._view)

    def get_state(self, state_descriptor: Any) -> Any:
        return self.of_kind("value", state_descriptor)

    def get_list_state(self, state_descriptor: Any) -> Any:
        return self.of_kind("list", state_descriptor)

    def get_map_state(self, state_descriptor: Any) -> Any:
        return self.of_kind("map", state_descriptor)

    def get_reducing_state(self, state_descriptor: Any) -> Any:
        return self.of_kind("reducing", state_descriptor)

    def get_aggregating_state(self, state_descriptor: Any) -> Any:
        return self.of_kind("aggregating", state_descriptor)


#: The kind of state that a descriptor asks for.
_KINDS = {
    "ValueStateDescriptor": "value",
    "ListStateDescriptor": "list",
    "MapStateDescriptor": "map",
    "ReducingStateDescriptor": "reducing",
    "AggregatingStateDescriptor": "aggregating",
}


class Asking(Trigger.OnMergeContext):
    """For triggers."""

    def __init__(self, windows: Any) -> None:
        self._windows = windows
        self._store = Store(windows, "trigger")
        #: The windows that were merged.
        self.merged: List[Any] = []

    def get_current_processing_time(self) -> int:
        return now()

    def get_current_watermark(self) -> int:
        return self._windows.keyed.current_watermark

    def get_metric_group(self) -> Any:
        from millstream._stream.metrics import Group

        return Group()

    def register_processing_time_timer(self, time: int) -> None:
        self._windows.register(False, time, self._windows.window)

    def register_event_time_timer(self, time: int) -> None:
        self._windows.register(True, time, self._windows.window)

    def delete_processing_time_timer(self, time: int) -> None:
        self._windows.unregister(False, time, self._windows.window)

    def delete_event_time_timer(self, time: int) -> None:
        self._windows.unregister(True, time, self._windows.window)

    def get_partitioned_state(self, state_descriptor: Any) -> Any:
        return self._store.of_kind(_KINDS[type(state_descriptor).__name__], state_descriptor)

    def merge_partitioned_state(self, state_descriptor: Any) -> None:
        state = self.get_partitioned_state(state_descriptor)
        whole, values = self._windows.window, []
        for window in self.merged:
            self._windows.window = window
            values.append(state.get())
            state.clear()
        self._windows.window = whole
        for value in values:
            if isinstance(value, list):
                state.add_all(value)
            elif value is not None:
                state.add(value)


class Processing(ProcessWindowFunction.Context[Any]):
    """For window functions."""

    def __init__(self, windows: Any) -> None:
        self._windows = windows
        self._store = Store(windows, "window")

    def window(self) -> Any:
        return self._windows.window

    def current_processing_time(self) -> int:
        return now()

    def current_watermark(self) -> int:
        return self._windows.keyed.current_watermark

    def window_state(self) -> KeyedStateStore:
        return self._store

    def global_state(self) -> KeyedStateStore:
        return self._windows._assigning.get_runtime_context()


class Merging(MergingWindowAssigner.MergeCallback[Any]):
    """For assigners that merge windows."""

    def __init__(self, merge: Callable[[Iterable[Any], Any], None]) -> None:
        self._merge = merge

    def merge(self, to_be_merged: Iterable[Any], merge_result: Any) -> None:
        self._merge(to_be_merged, merge_result)
