"""What a checkpoint promises."""

from __future__ import annotations

from enum import Enum

__all__ = ["CheckpointingMode"]


class CheckpointingMode(Enum):
    """What is promised about each record's effect on state after a failure."""

    #: Each record counts once.
    EXACTLY_ONCE = 0
    #: A record may count twice, and no part of the job ever waits for another's barrier.
    AT_LEAST_ONCE = 1
