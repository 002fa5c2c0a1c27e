# lines in any order
import asyncio

from millstream.flink.common import Time, Types
from millstream.flink.datastream import (
    AsyncDataStream,
    AsyncFunction,
    AsyncRetryStrategy,
    StreamExecutionEnvironment,
)


class Slow(AsyncFunction):
    async def async_invoke(self, value):
        await asyncio.sleep(0.05 / value)
        return [value, value * 10]


class Never(AsyncFunction):
    async def async_invoke(self, value):
        if value % 2:
            await asyncio.sleep(600)
        return ["even %d" % value]

    def timeout(self, value):
        return ["late %d" % value]


class Flaky(AsyncFunction):
    def open(self, runtime_context):
        self.tries = {}

    async def async_invoke(self, value):
        self.tries[value] = self.tries.get(value, 0) + 1
        if value == 2 and self.tries[value] < 3:
            raise ConnectionError("not yet")
        return ["%d after %d" % (value, self.tries[value])]


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
numbers = env.from_collection([1, 2, 3, 4], Types.INT())
AsyncDataStream.ordered_wait(numbers, Slow(), Time.seconds(60), 2, Types.INT()).print("ordered")
AsyncDataStream.unordered_wait(numbers, Slow(), Time.seconds(60), 10, Types.INT()).print("unordered")
AsyncDataStream.ordered_wait(numbers, Never(), Time.seconds(1), 10, Types.STRING()).print("never")
again = AsyncRetryStrategy.fixed_delay(3, 10, lambda results: False, lambda error: True)
AsyncDataStream.ordered_wait_with_retry(numbers, Flaky(), Time.seconds(60), again, 10, Types.STRING()).print(
    "flaky"
)
env.execute("waiting")
