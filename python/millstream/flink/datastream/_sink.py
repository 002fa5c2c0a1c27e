"""The end of a stream."""

from __future__ import annotations

from typing import Any

from millstream.flink._notices import without_effect
from millstream.flink.common.execution_config import whole

__all__ = ["DataStreamSink"]


class DataStreamSink:
    """The end of a stream: `print()`, `add_sink()` or `sink_to()`."""

    def __init__(self, step: Any) -> None:
        self._step = step

    def name(self, name: str) -> "DataStreamSink":
        """For people: errors and the plan show it."""
        self._step.name = name
        return self

    def uid(self, uid: str) -> "DataStreamSink":
        """Names the sink's state."""
        self._step.uid = uid
        return self

    def set_uid_hash(self, uid_hash: str) -> "DataStreamSink":
        """As `uid`."""
        return self.uid(uid_hash)

    def set_parallelism(self, parallelism: int) -> "DataStreamSink":
        """The number of subtasks."""
        self._step.parallelism = whole(parallelism, "the parallelism", 1, "subtasks")
        return self

    def set_description(self, description: str) -> "DataStreamSink":
        """For people, in more words."""
        self._step.description = description
        return self

    def disable_chaining(self) -> "DataStreamSink":
        """Accepted, and does nothing."""
        without_effect("disable_chaining", "what can run in one thread does")
        return self

    def slot_sharing_group(self, slot_sharing_group: Any) -> "DataStreamSink":
        """Accepted, and does nothing."""
        without_effect("slot_sharing_group", "a job runs in one process and its workers")
        return self
