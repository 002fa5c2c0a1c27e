"""`AsyncDataStream`: order, how many wait at once, time limits, trying again, and errors."""

import asyncio

import pytest

from millstream.flink.common import Time, Types
from millstream.flink.datastream import (
    AsyncDataStream,
    AsyncFunction,
    AsyncRetryStrategy,
    StreamExecutionEnvironment,
)
from millstream.flink.errors import JobExecutionException

MINUTE = Time.minutes(1)


@pytest.fixture(params=[1, 2])
def numbers(request):
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(request.param)
    return env.from_collection([3, 1, 2, 5, 4], Types.INT())


class Meeting(AsyncFunction):
    """Takes longer the greater the value, and tells how many waited at once."""

    def open(self, runtime_context):
        self.waiting, self.most = 0, 0

    async def async_invoke(self, value):
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        for _ in range(value * 20):
            await asyncio.sleep(0)
        self.waiting -= 1
        return [(value, self.most)]


def test_results_are_in_the_order_of_records_or_as_they_come():
    env = StreamExecutionEnvironment.get_execution_environment()
    stream = env.from_collection([3, 1, 2])
    ordered = AsyncDataStream.ordered_wait(stream, Meeting(), MINUTE).map(lambda pair: pair[0])
    assert list(ordered.execute_and_collect()) == [3, 1, 2]
    unordered = AsyncDataStream.unordered_wait(stream, Meeting(), MINUTE).map(lambda pair: pair[0])
    assert list(unordered.execute_and_collect()) == [1, 2, 3]


@pytest.mark.parametrize("capacity", [1, 2])
def test_no_more_records_wait_at_once_than_was_said(numbers, capacity):
    met = AsyncDataStream.unordered_wait(numbers, Meeting(), MINUTE, capacity)
    found = list(met.execute_and_collect())
    assert sorted(value for value, _ in found) == [1, 2, 3, 4, 5]
    assert max(most for _, most in found) == capacity


class Forever(AsyncFunction):
    async def async_invoke(self, value):
        if value != 2:
            await asyncio.Event().wait()
        return [value, value]


class Excused(Forever):
    def timeout(self, value):
        return [-value]


def test_a_record_that_takes_too_long_has_the_results_of_timeout_or_fails_the_job(numbers):
    excused = AsyncDataStream.ordered_wait(numbers, Excused(), Time.milliseconds(20))
    assert sorted(excused.execute_and_collect()) == [-5, -4, -3, -1, 2, 2]
    with pytest.raises(
        JobExecutionException, match=r"TimeoutError: async_invoke took too long for (\d)(.|\n)*record \1$"
    ):
        list(AsyncDataStream.ordered_wait(numbers, Forever(), Time.milliseconds(20), 1).execute_and_collect())


class Flaky(AsyncFunction):
    def open(self, runtime_context):
        self.tries = {}

    async def async_invoke(self, value):
        self.tries[value] = tries = self.tries.get(value, 0) + 1
        if value == 1 and tries < 3:
            raise ConnectionError("not yet")
        return [] if value == 2 and tries < 2 else [(value, tries)]


def test_a_function_is_tried_again_as_the_strategy_says(numbers):
    def retried(attempts):
        again = AsyncRetryStrategy.fixed_delay(
            attempts, 1, lambda results: not results, lambda error: isinstance(error, ConnectionError)
        )
        return AsyncDataStream.ordered_wait_with_retry(numbers, Flaky(), MINUTE, again).execute_and_collect()

    assert sorted(retried(2)) == [(1, 3), (2, 2), (3, 1), (4, 1), (5, 1)]
    with pytest.raises(JobExecutionException, match="ConnectionError: not yet(.|\n)*at the record 1"):
        list(retried(1))


class Wrong(AsyncFunction):
    async def async_invoke(self, value):
        return value


class NotAsync(AsyncFunction):
    def async_invoke(self, value):
        return [value]


def test_what_cannot_be_is_refused(numbers):
    with pytest.raises(TypeError, match="to be defined with `async def`"):
        AsyncDataStream.ordered_wait(numbers, NotAsync(), MINUTE)
    with pytest.raises(TypeError, match="the timeout is a span of time"):
        AsyncDataStream.ordered_wait(numbers, Wrong(), 5)
    with pytest.raises(ValueError, match="the capacity is a whole number of records from 1 on"):
        AsyncDataStream.ordered_wait(numbers, Wrong(), MINUTE, 0)
    with pytest.raises(ValueError, match="a function that is tried again is at least 1 ms"):
        never = AsyncRetryStrategy.no_restart()
        AsyncDataStream.ordered_wait_with_retry(numbers, Wrong(), Time.seconds(0), never)
    with pytest.raises(JobExecutionException, match="of type int was given where a list of records is right"):
        list(AsyncDataStream.ordered_wait(numbers, Wrong(), MINUTE).execute_and_collect())
