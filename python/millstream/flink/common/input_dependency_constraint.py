"""When a task may begin, by its inputs."""

from __future__ import annotations

from enum import Enum

__all__ = ["InputDependencyConstraint"]


class InputDependencyConstraint(Enum):
    """When a task may begin. Flink 2 has no use for it any more, and neither has this engine."""

    #: When one of its inputs has records.
    ANY = 0
    #: When all have.
    ALL = 1
