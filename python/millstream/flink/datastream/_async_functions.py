"""Functions that wait for something outside, many records at a time, and when they try again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, List, Optional

from millstream.flink.common.execution_config import whole
from millstream.flink.datastream._element_functions import Function

ResultPredicate = Optional[Callable[[List[Any]], bool]]
ExceptionPredicate = Optional[Callable[[BaseException], bool]]


class AsyncFunction(Function):
    """Any number of records for each record, after waiting for something outside."""

    @abstractmethod
    async def async_invoke(self, value: Any) -> List[Any]:
        """The records to emit."""

    def timeout(self, value: Any) -> List[Any]:
        """The records to emit for one that took too long; a `TimeoutError` if nothing else is said."""
        raise TimeoutError(f"async_invoke took too long for {value!r}")


class AsyncRetryPredicate(ABC):
    """For which outcomes a function tries again; `None`: for none of that kind."""

    @abstractmethod
    def result_predicate(self) -> ResultPredicate:
        """Whether it tries again after these results."""

    @abstractmethod
    def exception_predicate(self) -> ExceptionPredicate:
        """Whether it tries again after this exception."""


class _Predicate(AsyncRetryPredicate):
    def __init__(self, result: ResultPredicate = None, exception: ExceptionPredicate = None) -> None:
        for given, place in ((result, "result_predicate"), (exception, "exception_predicate")):
            if given is not None and not callable(given):
                raise TypeError(f"{place} is a function or None, {given!r} was given")
        self._result = result
        self._exception = exception

    def result_predicate(self) -> ResultPredicate:
        return self._result

    def exception_predicate(self) -> ExceptionPredicate:
        return self._exception


class AsyncRetryStrategy(ABC):
    """Whether a function tries again, and after which pause.

    >>> twice = AsyncRetryStrategy.exponential_backoff(3, 100, 1000, 2, None, None)
    >>> [twice.get_backoff_time_millis(attempt) for attempt in (1, 2, 3, 4, 5)], twice.can_retry(4)
    ([100, 200, 400, 800, 1000], False)
    """

    @abstractmethod
    def can_retry(self, current_attempts: int) -> bool:
        """Whether an attempt of this number, counted from 1 on, is made."""

    @abstractmethod
    def get_backoff_time_millis(self, current_attempts: int) -> int:
        """The pause before the attempt after this one, in milliseconds."""

    @abstractmethod
    def get_retry_predicate(self) -> AsyncRetryPredicate:
        """For which outcomes it tries again."""

    @staticmethod
    def no_restart() -> "AsyncRetryStrategy":
        """Never."""
        return _Pauses(0, 0, 0, 1.0, _Predicate())

    @staticmethod
    def fixed_delay(
        max_attempts: int,
        backoff_time_millis: int,
        result_predicate: ResultPredicate = None,
        exception_predicate: ExceptionPredicate = None,
    ) -> "AsyncRetryStrategy":
        """So often, with the same pause each time, in milliseconds."""
        pause = whole(backoff_time_millis, "backoff_time_millis", 1, "milliseconds")
        outcomes = _Predicate(result_predicate, exception_predicate)
        return _Pauses(whole(max_attempts, "max_attempts", 1, "attempts"), pause, pause, 1.0, outcomes)

    @staticmethod
    def exponential_backoff(
        max_attempts: int,
        initial_delay: int,
        max_retry_delay: int,
        multiplier: float,
        result_predicate: ResultPredicate = None,
        exception_predicate: ExceptionPredicate = None,
    ) -> "AsyncRetryStrategy":
        """So often, each pause `multiplier` times as long as the one before, up to a bound; in milliseconds."""
        first = whole(initial_delay, "initial_delay", 1, "milliseconds")
        most = whole(max_retry_delay, "max_retry_delay", first, "milliseconds")
        if not isinstance(multiplier, (int, float)) or multiplier < 1:
            raise ValueError(f"multiplier is a number from 1 on, {multiplier!r} was given")
        outcomes = _Predicate(result_predicate, exception_predicate)
        return _Pauses(
            whole(max_attempts, "max_attempts", 1, "attempts"), first, most, float(multiplier), outcomes
        )


class _Pauses(AsyncRetryStrategy):
    def __init__(
        self, attempts: int, first: int, most: int, factor: float, outcomes: AsyncRetryPredicate
    ) -> None:
        self._attempts, self._first, self._most, self._factor = attempts, first, most, factor
        self._outcomes = outcomes

    def can_retry(self, current_attempts: int) -> bool:
        return current_attempts <= self._attempts

    def get_backoff_time_millis(self, current_attempts: int) -> int:
        # The power is bounded, for a float has an end.
        pause = self._first * self._factor ** min(current_attempts - 1, 64)
        return min(int(pause), self._most)

    def get_retry_predicate(self) -> AsyncRetryPredicate:
        return self._outcomes
