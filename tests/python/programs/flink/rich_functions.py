from millstream.flink.common import Row, Types
from millstream.flink.datastream import (
    CoProcessFunction,
    FilterFunction,
    FlatMapFunction,
    KeySelector,
    MapFunction,
    ReduceFunction,
    StreamExecutionEnvironment,
)
from millstream.flink.datastream.state import ListStateDescriptor, ValueStateDescriptor


class Scale(MapFunction):
    def __init__(self, by):
        self.by = by
        self.prefix = None

    def open(self, runtime_context):
        self.prefix = "%s of %d" % (
            runtime_context.get_index_of_this_subtask(),
            runtime_context.get_number_of_parallel_subtasks(),
        )

    def map(self, value):
        return self.prefix, value * self.by


class Odd(FilterFunction):
    def filter(self, value):
        return value % 2 == 1


class Digits(FlatMapFunction):
    def flat_map(self, value):
        if value < 10:
            return [value]
        return (int(digit) for digit in str(value))


class Parity(KeySelector):
    def get_key(self, value):
        return "odd" if value % 2 else "even"


class Longest(ReduceFunction):
    def reduce(self, value1, value2):
        return value1 if len(value1) >= len(value2) else value2


class Counting(MapFunction):
    """State in a map of a keyed stream."""

    def open(self, runtime_context):
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.INT()))

    def map(self, value):
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        return Row(value, count)


class Distinct(FilterFunction):
    def open(self, runtime_context):
        self.seen = runtime_context.get_list_state(ListStateDescriptor("seen", Types.INT()))

    def filter(self, value):
        if value in list(self.seen):
            return False
        self.seen.add(value)
        return True


class Either(CoProcessFunction):
    def process_element1(self, value, ctx):
        yield "left %d" % value

    def process_element2(self, value, ctx):
        if len(value) > 1:
            yield "right %s" % value


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
numbers = env.from_collection([1, 12, 3, 345, 12, 3], Types.INT())
words = env.from_collection(["a", "ccc", "bb", "ddd"], Types.STRING())
numbers.map(Scale(10)).print("scaled")
numbers.filter(Odd()).print("odd")
numbers.flat_map(Digits(), Types.INT()).print("digits")
numbers.key_by(Parity()).reduce(lambda a, b: max(a, b)).print("greatest")
words.key_by(lambda word: 0).reduce(Longest()).print("longest")
numbers.key_by(Parity()).map(Counting(), Types.ROW([Types.INT(), Types.INT()])).print("counted")
numbers.key_by(Parity()).filter(Distinct()).print("distinct")
numbers.key_by(Parity()).flat_map(lambda n: [n, -n], Types.INT()).print("both")
numbers.connect(words).process(Either(), Types.STRING()).filter(lambda text: text.startswith("left")).print(
    "left"
)
numbers.connect(words).process(Either(), Types.STRING()).filter(lambda text: text.startswith("right")).print(
    "right"
)
env.execute("rich functions")
