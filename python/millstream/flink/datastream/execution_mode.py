"""Whether a job's updates are emitted one by one, or only what they amount to."""

from __future__ import annotations

from enum import Enum

__all__ = ["RuntimeExecutionMode"]


class RuntimeExecutionMode(Enum):
    """Whether a job's updates are emitted one by one, or only what they amount to."""

    #: Each update is emitted when it is made.
    STREAMING = 0
    #: For sources that end: a keyed aggregate emits its last value for each key.
    BATCH = 1
    #: `BATCH` if all sources end, else `STREAMING`.
    AUTOMATIC = 2
