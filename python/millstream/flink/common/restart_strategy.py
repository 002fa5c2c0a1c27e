"""What happens to a job after a failure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Dict, Optional

from millstream.flink.common.time import millis

__all__ = ["RestartStrategies", "RestartStrategyConfiguration"]


class RestartStrategyConfiguration(ABC):
    """What happens to a job after a failure.

    Flink 2 takes no such object any more, but the settings `restart-strategy.*` of a `Configuration`;
    `to_settings` has them.
    """

    @abstractmethod
    def get_description(self) -> str:
        """It in words."""

    @abstractmethod
    def to_settings(self) -> Dict[str, str]:
        """The settings that ask for it.

        >>> RestartStrategies.fixed_delay_restart(3, 1000).to_settings()["restart-strategy.fixed-delay.delay"]
        '1000 ms'
        """

    def __eq__(self, other: Any) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(self.get_description())

    def __repr__(self) -> str:
        return f"<{self.get_description()}>"


def _count(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{place} is a whole number from 0 on, {value!r} was given")
    return value


def _span(value: Any, place: str) -> int:
    """In milliseconds, which a bare number is already."""
    return _count(value, place) if isinstance(value, int) else millis(value, place, least=0)


class RestartStrategies:
    """Makes restart strategies."""

    class NoRestartStrategyConfiguration(RestartStrategyConfiguration):
        """A failure ends the job."""

        def __init__(self, j_restart_strategy: Any = None) -> None:
            _no_java(j_restart_strategy)

        def get_description(self) -> str:
            """It in words."""
            return "Restart deactivated."

        def to_settings(self) -> Dict[str, str]:
            """The settings that ask for it."""
            return {"restart-strategy.type": "none"}

    class FixedDelayRestartStrategyConfiguration(RestartStrategyConfiguration):
        """So many restarts, each after a pause."""

        def __init__(
            self,
            restart_attempts: Optional[int] = None,
            delay_between_attempts_interval: Any = None,
            j_restart_strategy: Any = None,
        ) -> None:
            _no_java(j_restart_strategy)
            self._attempts = _count(restart_attempts, "restart_attempts")
            self._delay = _span(delay_between_attempts_interval, "delay_between_attempts_interval (ms)")

        def get_restart_attempts(self) -> int:
            """How many restarts."""
            return self._attempts

        def get_delay_between_attempts_interval(self) -> Any:
            """The pause, as `datetime.timedelta`."""
            return _timedelta(self._delay)

        def get_description(self) -> str:
            """It in words."""
            return f"Restart with fixed delay ({self._delay} ms). #{self._attempts} restart attempts."

        def to_settings(self) -> Dict[str, str]:
            """The settings that ask for it."""
            return {
                "restart-strategy.type": "fixed-delay",
                "restart-strategy.fixed-delay.attempts": str(self._attempts),
                "restart-strategy.fixed-delay.delay": f"{self._delay} ms",
            }

    class FailureRateRestartStrategyConfiguration(RestartStrategyConfiguration):
        """Restarts, as long as there are not too many failures in an interval."""

        def __init__(
            self,
            max_failure_rate: Optional[int] = None,
            failure_interval: Any = None,
            delay_between_attempts_interval: Any = None,
            j_restart_strategy: Any = None,
        ) -> None:
            _no_java(j_restart_strategy)
            self._rate = _count(max_failure_rate, "max_failure_rate")
            self._interval = _span(failure_interval, "failure_interval (ms)")
            self._delay = _span(delay_between_attempts_interval, "delay_between_attempts_interval (ms)")

        def get_max_failure_rate(self) -> int:
            """How many failures in an interval are too few to give up."""
            return self._rate

        def get_failure_interval(self) -> Any:
            """The interval, as `datetime.timedelta`."""
            return _timedelta(self._interval)

        def get_delay_between_attempts_interval(self) -> Any:
            """The pause before a restart, as `datetime.timedelta`."""
            return _timedelta(self._delay)

        def get_description(self) -> str:
            """It in words."""
            return (
                f"Failure rate restart with maximum of {self._rate} failures within interval {self._interval} ms "
                f"and fixed delay {self._delay} ms."
            )

        def to_settings(self) -> Dict[str, str]:
            """The settings that ask for it."""
            return {
                "restart-strategy.type": "failure-rate",
                "restart-strategy.failure-rate.max-failures-per-interval": str(self._rate),
                "restart-strategy.failure-rate.failure-rate-interval": f"{self._interval} ms",
                "restart-strategy.failure-rate.delay": f"{self._delay} ms",
            }

    class FallbackRestartStrategyConfiguration(RestartStrategyConfiguration):
        """What the engine does if nothing is said."""

        def __init__(self, j_restart_strategy: Any = None) -> None:
            _no_java(j_restart_strategy)

        def get_description(self) -> str:
            """It in words."""
            return "Cluster level default restart strategy"

        def to_settings(self) -> Dict[str, str]:
            """None."""
            return {}

    @staticmethod
    def no_restart() -> "RestartStrategies.NoRestartStrategyConfiguration":
        """A failure ends the job."""
        return RestartStrategies.NoRestartStrategyConfiguration()

    @staticmethod
    def fall_back_restart() -> "RestartStrategies.FallbackRestartStrategyConfiguration":
        """What the engine does if nothing is said."""
        return RestartStrategies.FallbackRestartStrategyConfiguration()

    @staticmethod
    def fixed_delay_restart(
        restart_attempts: int, delay_between_attempts: int
    ) -> "RestartStrategies.FixedDelayRestartStrategyConfiguration":
        """So many restarts, each after a pause in milliseconds."""
        return RestartStrategies.FixedDelayRestartStrategyConfiguration(
            restart_attempts, delay_between_attempts
        )

    @staticmethod
    def failure_rate_restart(
        failure_rate: int, failure_interval: int, delay_interval: int
    ) -> "RestartStrategies.FailureRateRestartStrategyConfiguration":
        """Restarts after a pause, as long as an interval has not too many failures; both in milliseconds."""
        return RestartStrategies.FailureRateRestartStrategyConfiguration(
            failure_rate, failure_interval, delay_interval
        )


def _timedelta(milliseconds: int) -> Any:
    import datetime

    return datetime.timedelta(milliseconds=milliseconds)


def _no_java(given: Any) -> None:
    if given is not None:
        raise TypeError("j_restart_strategy is an object of Java, and there is no JVM here")
