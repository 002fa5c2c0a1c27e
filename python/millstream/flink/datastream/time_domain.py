"""By which clock a timer is due."""

from __future__ import annotations

from enum import Enum

__all__ = ["TimeDomain"]


class TimeDomain(Enum):
    """By which clock a timer is due."""

    #: By the time of the records.
    EVENT_TIME = 0
    #: By the clock of the machine.
    PROCESSING_TIME = 1
