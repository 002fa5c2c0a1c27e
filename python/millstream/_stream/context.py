"""What a function is told about the subtask that runs it, and where it gets its state."""

from __future__ import annotations

from typing import Any, Dict, Optional

from millstream.flink.datastream._runtime_context import RuntimeContext


class Context(RuntimeContext):
    """The context that is given to `open`."""

    def __init__(self, name: str, place: Any, keyed: Optional[Any], parameters: Dict[str, str]) -> None:
        self._name, self._place, self._keyed, self._parameters = name, place, keyed, parameters
        self._metrics: Any = None

    def get_task_name(self) -> str:
        return self._name

    def get_number_of_parallel_subtasks(self) -> int:
        return self._place.of

    def get_max_number_of_parallel_subtasks(self) -> int:
        return self._place.max_parallelism

    def get_index_of_this_subtask(self) -> int:
        return self._place.index

    def get_attempt_number(self) -> int:
        return self._place.attempt

    def get_task_name_with_subtasks(self) -> str:
        return f"{self._name} ({self._place.index + 1}/{self._place.of})#{self._place.attempt}"

    def get_job_parameter(self, key: str, default_value: str) -> str:
        return self._parameters.get(key, default_value)

    def get_metrics_group(self) -> Any:
        if self._metrics is None:
            from millstream._stream.metrics import Group

            self._metrics = Group()
        return self._metrics

    def _state(self, kind: str, descriptor: Any) -> Any:
        if self._keyed is None:
            raise RuntimeError(
                f"state {descriptor.name!r} can only be asked for in a function behind key_by: "
                f"`{self._name}` has no key"
            )
        return self._keyed.state(kind, descriptor)

    def get_state(self, state_descriptor: Any) -> Any:
        return self._state("value", state_descriptor)

    def get_list_state(self, state_descriptor: Any) -> Any:
        return self._state("list", state_descriptor)

    def get_map_state(self, state_descriptor: Any) -> Any:
        return self._state("map", state_descriptor)

    def get_reducing_state(self, state_descriptor: Any) -> Any:
        return self._state("reducing", state_descriptor)

    def get_aggregating_state(self, state_descriptor: Any) -> Any:
        return self._state("aggregating", state_descriptor)
