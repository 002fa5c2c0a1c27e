# lines in any order
from millstream.flink.common import Duration, Time, Types, WatermarkStrategy
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import (
    ProcessWindowFunction,
    StreamExecutionEnvironment,
    WindowFunction,
)
from millstream.flink.datastream.functions import ProcessAllWindowFunction
from millstream.flink.datastream.window import (
    CountTrigger,
    EventTimeSessionWindows,
    GlobalWindows,
    PurgingTrigger,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
)


class ByTime(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[2]


class Listed(ProcessWindowFunction):
    def process(self, key, context, elements):
        window = context.window()
        yield "%s [%d, %d) %s" % (key, window.start, window.end, [element[1] for element in elements])

    def clear(self, context):
        pass


class Numbered(WindowFunction):
    def apply(self, key, window, inputs):
        yield "%s %s" % (key, [element[1] for element in inputs])


class Whole(ProcessAllWindowFunction):
    def process(self, context, elements):
        yield "%d: %s" % (context.window().start, sorted(element[1] for element in elements))

    def clear(self, context):
        pass


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
events = env.from_collection(
    [
        ("a", 1, 0),
        ("a", 2, 3000),
        ("b", 3, 2000),
        ("a", 4, 9000),
        ("a", 5, 10500),
        ("a", 6, 1000),
        ("b", 7, 30000),
    ],
    type_info=Types.TUPLE([Types.STRING(), Types.INT(), Types.LONG()]),
)
strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(60)).with_timestamp_assigner(
    ByTime()
)
timed = events.assign_timestamps_and_watermarks(strategy)
text = Types.STRING()


def keyed():
    return timed.key_by(lambda event: event[0], key_type=Types.STRING())


keyed().window(SlidingEventTimeWindows.of(Time.seconds(6), Time.seconds(3))).process(Listed(), text).print(
    "sliding"
)
keyed().window(EventTimeSessionWindows.with_gap(Time.seconds(2))).process(Listed(), text).print("session")
keyed().count_window(2).apply(Numbered(), text).print("count")
keyed().count_window(3, 1).apply(Numbered(), text).print("slide")
keyed().window(GlobalWindows.create()).trigger(CountTrigger.of(2)).apply(Numbered(), text).print("global")
keyed().window(GlobalWindows.create()).trigger(PurgingTrigger.of(CountTrigger.of(2))).apply(
    Numbered(), text
).print("purging")
timed.window_all(TumblingEventTimeWindows.of(Time.seconds(5))).process(Whole(), text).print("all")
env.execute("kinds of windows")
