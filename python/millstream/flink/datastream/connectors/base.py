"""What sources and sinks of all kinds share."""

from __future__ import annotations

from enum import Enum

__all__ = ["DeliveryGuarantee", "Sink", "Source"]


class DeliveryGuarantee(Enum):
    """What holds of records that a sink writes when the job is killed and goes on."""

    #: Each is there once, for readers that see what is committed.
    EXACTLY_ONCE = 0
    #: None is lost; some may be there twice.
    AT_LEAST_ONCE = 1
    #: Nothing is promised. Sinks here do no less than at least once.
    NONE = 2


class Source:
    """What `from_source` reads."""


class Sink:
    """What `sink_to` writes to."""
