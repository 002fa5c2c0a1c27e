"""Numbers that a function reports while it runs. The engine has the classes that do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Callable, Optional

__all__ = ["Counter", "Distribution", "Meter", "Metric", "MetricGroup"]


class Metric(ABC):
    """A number that a function reports."""


class Counter(Metric):
    """A number that goes up and down."""

    @abstractmethod
    def inc(self, n: int = 1) -> None:
        """Adds `n`."""

    @abstractmethod
    def dec(self, n: int = 1) -> None:
        """Takes `n` off."""

    @abstractmethod
    def get_count(self) -> int:
        """What it is now."""


class Meter(Metric):
    """How many events there were, and how many there are in a second."""

    @abstractmethod
    def mark_event(self, value: int = 1) -> None:
        """There were so many."""

    @abstractmethod
    def get_count(self) -> int:
        """How many there were."""


class Distribution(Metric):
    """How numbers are spread: their sum, count, least and greatest."""

    @abstractmethod
    def update(self, value: int) -> None:
        """There was this number."""


class MetricGroup(ABC):
    """Where a function registers the numbers that it reports. A name registered twice is one number."""

    @abstractmethod
    def add_group(self, name: str, extra: Optional[str] = None) -> "MetricGroup":
        """A group within this one; with `extra`, a key and its value."""

    @abstractmethod
    def counter(self, name: str) -> Counter:
        """A number that goes up and down."""

    @abstractmethod
    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        """A number that is asked for: `obj` gives it."""

    @abstractmethod
    def meter(self, name: str, time_span_in_seconds: int = 60) -> Meter:
        """How many events there are in a second, over so many seconds."""

    @abstractmethod
    def distribution(self, name: str) -> Distribution:
        """How numbers are spread."""
