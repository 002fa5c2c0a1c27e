# lines in any order
from typing import Iterable

from millstream.flink.common import Duration, Time, Types, WatermarkStrategy
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import AggregateFunction, ProcessWindowFunction, StreamExecutionEnvironment
from millstream.flink.datastream.window import TimeWindow, TumblingEventTimeWindows


class ByTime(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[2]


class Total(AggregateFunction):
    def create_accumulator(self):
        return 0

    def add(self, value, accumulator):
        return accumulator + value[1]

    def get_result(self, accumulator):
        return accumulator

    def merge(self, acc_a, acc_b):
        return acc_a + acc_b


class Shown(ProcessWindowFunction[tuple, str, str, TimeWindow]):
    def process(self, key: str, context: ProcessWindowFunction.Context, elements: Iterable[tuple]):
        window = context.window()
        yield "%s [%d, %d) %s" % (key, window.start, window.end, sorted(element[1] for element in elements))

    def clear(self, context):
        pass


class Labelled(ProcessWindowFunction[int, str, str, TimeWindow]):
    def process(self, key, context, elements):
        yield "%s until %d: %s" % (key, context.window().max_timestamp(), list(elements))

    def clear(self, context):
        pass


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
events = env.from_collection(
    [("a", 1, 0), ("a", 2, 4999), ("b", 3, 2000), ("a", 4, 5000), ("b", 5, 12000), ("a", 6, 100)],
    type_info=Types.TUPLE([Types.STRING(), Types.INT(), Types.LONG()]),
)
strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(60)).with_timestamp_assigner(
    ByTime()
)
keyed = events.assign_timestamps_and_watermarks(strategy).key_by(
    lambda event: event[0], key_type=Types.STRING()
)
five = TumblingEventTimeWindows.of(Time.seconds(5))
shifted = TumblingEventTimeWindows.of(Time.seconds(5), Time.seconds(1))
keyed.window(five).reduce(lambda a, b: (a[0], a[1] + b[1], max(a[2], b[2]))).print("reduce")
keyed.window(five).process(Shown(), Types.STRING()).print("process")
keyed.window(shifted).process(Shown(), Types.STRING()).print("shifted")
keyed.window(five).aggregate(Total(), output_type=Types.INT()).print("aggregate")
keyed.window(five).aggregate(
    Total(), window_function=Labelled(), accumulator_type=Types.INT(), output_type=Types.STRING()
).print("labelled")
env.execute("windows")
