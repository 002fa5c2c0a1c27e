from millstream.flink.common import Row, Types
from millstream.flink.datastream import FilterFunction, FlatMapFunction, StreamExecutionEnvironment


class Repeat(FlatMapFunction):
    def open(self, runtime_context):
        self.times = runtime_context.get_number_of_parallel_subtasks() + 1

    def flat_map(self, value):
        for at in range(self.times):
            yield value, at


class First(FilterFunction):
    def filter(self, value):
        return value[1] == 0


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
letters = env.from_collection(["a", "b", "c"])
repeated = letters.flat_map(Repeat())
with repeated.execute_and_collect("collected") as results:
    for result in results:
        print(result)
print(list(repeated.filter(First()).execute_and_collect(limit=2)))
row_type = Types.ROW([Types.STRING(), Types.INT()])
rows = repeated.map(lambda pair: Row(*pair), output_type=row_type)
print(list(rows.execute_and_collect()))
print(list(letters.map(lambda s: (s, 1), Types.TUPLE([Types.STRING(), Types.INT()])).execute_and_collect()))
print(list(letters.map(len, Types.INT()).execute_and_collect()), letters.get_type())
print(env.get_parallelism(), letters.map(str).name("texts").get_name())
