# lines in any order
from millstream.flink.common import Types
from millstream.flink.datastream import MapFunction, StreamExecutionEnvironment


class Where(MapFunction):
    def open(self, runtime_context):
        self.subtasks = runtime_context.get_number_of_parallel_subtasks()
        assert 0 <= runtime_context.get_index_of_this_subtask() < self.subtasks

    def map(self, value):
        return value, self.subtasks


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(2)
numbers = env.from_collection(list(range(10)), Types.INT())
numbers.map(Where()).print()
numbers.map(lambda n: n * n).filter(lambda n: n % 2 == 0).print("squares")
numbers.key_by(lambda n: n % 3).reduce(lambda a, b: a + b).filter(lambda n: n in (18, 12, 15)).print("sums")
numbers.rebalance().map(Where()).set_parallelism(1).map(lambda pair: pair[1]).print("alone").set_parallelism(
    1
)
env.execute("parallel")
