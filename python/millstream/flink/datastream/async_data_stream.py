"""Streams whose functions wait for something outside, many records at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from millstream._pickle import pickled
from millstream._stream.waiting import Asked
from millstream.flink.common.execution_config import whole
from millstream.flink.common.time import millis
from millstream.flink.datastream._async_functions import AsyncFunction, AsyncRetryStrategy
from millstream.flink.datastream._data_stream import DataStream

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation

__all__ = ["AsyncDataStream"]


class AsyncDataStream:
    """Waits for something outside, many records at a time.

    `timeout` is for one record with all its attempts, a `Time` of 0 for none; `capacity` is how many records wait at
    once.

    >>> import asyncio
    >>> from millstream.flink.common import Time
    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> class Asking(AsyncFunction):
    ...     async def async_invoke(self, value):
    ...         await asyncio.sleep(0.01 / value)
    ...         return [value * 10]
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> asked = AsyncDataStream.ordered_wait(env.from_collection([1, 2, 3]), Asking(), Time.seconds(5))
    >>> list(asked.execute_and_collect())
    [10, 20, 30]
    """

    @staticmethod
    def unordered_wait(
        data_stream: DataStream,
        async_function: AsyncFunction,
        timeout: Any,
        capacity: int = 100,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Results in the order in which they come."""
        never = AsyncRetryStrategy.no_restart()
        return _waiting(data_stream, async_function, timeout, never, capacity, output_type, False)

    @staticmethod
    def unordered_wait_with_retry(
        data_stream: DataStream,
        async_function: AsyncFunction,
        timeout: Any,
        async_retry_strategy: AsyncRetryStrategy,
        capacity: int = 100,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """The same, trying again as the strategy says."""
        retries = _retries(async_retry_strategy, timeout)
        return _waiting(data_stream, async_function, timeout, retries, capacity, output_type, False)

    @staticmethod
    def ordered_wait(
        data_stream: DataStream,
        async_function: AsyncFunction,
        timeout: Any,
        capacity: int = 100,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """Results in the order of the records."""
        never = AsyncRetryStrategy.no_restart()
        return _waiting(data_stream, async_function, timeout, never, capacity, output_type, True)

    @staticmethod
    def ordered_wait_with_retry(
        data_stream: DataStream,
        async_function: AsyncFunction,
        timeout: Any,
        async_retry_strategy: AsyncRetryStrategy,
        capacity: int = 100,
        output_type: Optional["TypeInformation"] = None,
    ) -> DataStream:
        """The same, trying again as the strategy says."""
        retries = _retries(async_retry_strategy, timeout)
        return _waiting(data_stream, async_function, timeout, retries, capacity, output_type, True)


def _retries(strategy: Any, timeout: Any) -> AsyncRetryStrategy:
    if not isinstance(strategy, AsyncRetryStrategy):
        raise TypeError(
            f"the strategy is AsyncRetryStrategy.fixed_delay(...) or the like, {strategy!r} was given"
        )
    millis(timeout, "the timeout of a function that is tried again", least=1)
    return strategy


def _waiting(
    stream: Any, function: Any, timeout: Any, retries: Any, capacity: int, output_type: Any, is_ordered: bool
) -> DataStream:
    import inspect

    if not isinstance(stream, DataStream):
        raise TypeError(f"the first argument is a stream, {stream!r} was given")
    if not isinstance(function, AsyncFunction):
        raise TypeError(f"the function is an object of an AsyncFunction, {function!r} was given")
    if not inspect.iscoroutinefunction(function.async_invoke):
        raise TypeError(f"async_invoke of {type(function).__name__} is to be defined with `async def`")
    asked = Asked(
        function,
        millis(timeout, "the timeout", least=0),
        whole(capacity, "the capacity", 1, "records"),
        retries,
        is_ordered,
    )
    name = "Async wait operator"
    return stream._plain()._then("async", name, pickled(asked, "async_invoke"), output_type)
