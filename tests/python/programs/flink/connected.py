# lines in any order
from millstream.flink.common import Types
from millstream.flink.datastream import (
    CoFlatMapFunction,
    CoMapFunction,
    KeyedCoProcessFunction,
    StreamExecutionEnvironment,
)
from millstream.flink.datastream.state import ListStateDescriptor


class Both(CoMapFunction):
    def map1(self, value):
        return "number %d" % value

    def map2(self, value):
        return "text %s" % value


class Many(CoFlatMapFunction):
    def flat_map1(self, value):
        yield value
        yield -value

    def flat_map2(self, value):
        for letter in value:
            yield letter


class Join(KeyedCoProcessFunction):
    def open(self, runtime_context):
        self.left = runtime_context.get_list_state(ListStateDescriptor("left", Types.STRING()))
        self.right = runtime_context.get_list_state(ListStateDescriptor("right", Types.INT()))

    def process_element1(self, value, ctx):
        self.left.add(value[1])
        for number in self.right:
            yield ctx.get_current_key(), value[1], number

    def process_element2(self, value, ctx):
        self.right.add(value[1])
        for name in self.left:
            yield ctx.get_current_key(), name, value[1]


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
numbers = env.from_collection([1, 2, 3], Types.INT())
words = env.from_collection(["ab", "c"], Types.STRING())
numbers.connect(words).map(Both(), output_type=Types.STRING()).print("map")
numbers.connect(words).flat_map(Many()).print("flat_map")
numbers.union(numbers.map(lambda n: n * 10, output_type=Types.INT())).print("union")
names = env.from_collection([("k", "Alice"), ("l", "Bob"), ("k", "Carol"), ("m", "Dan")])
ages = env.from_collection([("l", 1), ("k", 2), ("k", 3), ("n", 4)])
names.connect(ages).key_by(lambda p: p[0], lambda p: p[0]).process(Join()).print("join")
env.execute("connected")
