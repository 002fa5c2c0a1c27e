from millstream.flink.common import Types
from millstream.flink.datastream import KeyedProcessFunction, RuntimeContext, StreamExecutionEnvironment
from millstream.flink.datastream.functions import AggregateFunction
from millstream.flink.datastream.state import (
    AggregatingStateDescriptor,
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)


class Mean(AggregateFunction):
    def create_accumulator(self):
        return 0, 0

    def add(self, value, accumulator):
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator):
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a, acc_b):
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


class Everything(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext):
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))
        self.seen = runtime_context.get_list_state(ListStateDescriptor("seen", Types.INT()))
        self.parity = runtime_context.get_map_state(MapStateDescriptor("parity", Types.STRING(), Types.INT()))
        self.total = runtime_context.get_reducing_state(
            ReducingStateDescriptor("total", lambda a, b: a + b, Types.LONG())
        )
        self.mean = runtime_context.get_aggregating_state(
            AggregatingStateDescriptor("mean", Mean(), Types.PICKLED_BYTE_ARRAY())
        )

    def process_element(self, value, ctx):
        number = value[1]
        before = self.count.value()
        self.count.update((before or 0) + 1)
        self.seen.add(number)
        name = "odd" if number % 2 else "even"
        self.parity.put(name, (self.parity.get(name) or 0) + 1)
        self.total.add(number)
        self.mean.add(number)
        yield (
            ctx.get_current_key(),
            before,
            list(self.seen),
            sorted(self.parity.items()),
            "odd" in self.parity,
            self.total.get(),
            self.mean.get(),
        )
        if number == 5:
            for state in (self.count, self.seen, self.parity, self.total, self.mean):
                state.clear()
            yield (
                ctx.get_current_key(),
                self.count.value(),
                list(self.seen.get() or []),
                self.parity.is_empty(),
            )


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
numbers = env.from_collection([("a", 1), ("b", 2), ("a", 3), ("b", 4), ("a", 5), ("a", 6), ("b", 8)])
numbers.key_by(lambda pair: pair[0]).process(Everything()).print()
env.execute("keyed state")
