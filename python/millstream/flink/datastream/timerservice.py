"""The time that it is for a function, and timers."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["TimerService"]


class TimerService(ABC):
    """The time that it is, and the timers of the current key. A timer set twice for one time is due once."""

    @abstractmethod
    def current_processing_time(self) -> int:
        """The clock's time, in milliseconds since 1970."""

    @abstractmethod
    def current_watermark(self) -> int:
        """How far event time has come, in milliseconds since 1970; -2^63 before the first watermark."""

    @abstractmethod
    def register_processing_time_timer(self, timestamp: int) -> None:
        """Calls `on_timer` when the clock is at `timestamp` (milliseconds since 1970)."""

    @abstractmethod
    def register_event_time_timer(self, timestamp: int) -> None:
        """Calls `on_timer` when the watermark is at `timestamp` (milliseconds since 1970)."""

    @abstractmethod
    def delete_processing_time_timer(self, timestamp: int) -> None:
        """Forgets a timer of the clock; nothing happens if there is none."""

    @abstractmethod
    def delete_event_time_timer(self, timestamp: int) -> None:
        """Forgets a timer of event time; nothing happens if there is none."""
