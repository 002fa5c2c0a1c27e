"""A clock for tests."""

from __future__ import annotations

from typing import Callable, List

__all__ = ["ManualClock"]


class ManualClock:
    """A clock that stands still until it is moved, so that a test decides when each batch is cut."""

    def __init__(self, seconds: float = 0) -> None:
        self._now = int(seconds * 1000)
        self._followers: List[Callable[[int], None]] = []

    def now(self) -> float:
        """What it shows, in seconds since 1970."""
        return self._now / 1000

    def advance(self, seconds: float) -> None:
        """Moves it on; each batch time passed cuts a batch."""
        millis = int(round(seconds * 1000))
        self._now += millis
        for follower in self._followers:
            follower(millis)
