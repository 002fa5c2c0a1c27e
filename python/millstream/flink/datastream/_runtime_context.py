"""What a function is told about the subtask that runs it, and where it gets its state.

Answers for the interface. The engine has the class that does it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millstream.flink.datastream import state
    from millstream.flink.metrics import MetricGroup


class KeyedStateStore(ABC):
    """State for each key of a keyed stream, by descriptor. Two descriptors of one name must agree."""

    @abstractmethod
    def get_state(self, state_descriptor: "state.ValueStateDescriptor") -> "state.ValueState[Any]":
        """One value for each key."""

    @abstractmethod
    def get_list_state(self, state_descriptor: "state.ListStateDescriptor") -> "state.ListState[Any]":
        """A list for each key."""

    @abstractmethod
    def get_map_state(self, state_descriptor: "state.MapStateDescriptor") -> "state.MapState[Any, Any]":
        """A map for each key."""

    @abstractmethod
    def get_reducing_state(
        self, state_descriptor: "state.ReducingStateDescriptor"
    ) -> "state.ReducingState[Any]":
        """A value for each key that is the reduction of all that was added."""

    @abstractmethod
    def get_aggregating_state(
        self, state_descriptor: "state.AggregatingStateDescriptor"
    ) -> "state.AggregatingState[Any, Any]":
        """An accumulator for each key, of all that was added."""


class RuntimeContext(KeyedStateStore):
    """The subtask that runs a function. Given to `open`; state can only be asked for after `key_by`."""

    @abstractmethod
    def get_task_name(self) -> str:
        """The name of the operator."""

    @abstractmethod
    def get_number_of_parallel_subtasks(self) -> int:
        """How many subtasks run this function beside each other."""

    @abstractmethod
    def get_max_number_of_parallel_subtasks(self) -> int:
        """How many there could ever be: the number of key groups."""

    @abstractmethod
    def get_index_of_this_subtask(self) -> int:
        """Which of them this is, from 0 on."""

    @abstractmethod
    def get_attempt_number(self) -> int:
        """How often the subtask was begun before, from 0 on."""

    @abstractmethod
    def get_task_name_with_subtasks(self) -> str:
        """The name of the operator with the place among its subtasks: `Map (1/4)#0`."""

    @abstractmethod
    def get_job_parameter(self, key: str, default_value: str) -> str:
        """A parameter of the job, or the default."""

    @abstractmethod
    def get_metrics_group(self) -> "MetricGroup":
        """Where counters and gauges of this function are registered."""
