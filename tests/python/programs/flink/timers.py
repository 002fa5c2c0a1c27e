from millstream.flink.common import Duration, Types, WatermarkStrategy
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import KeyedProcessFunction, StreamExecutionEnvironment, TimeDomain
from millstream.flink.datastream.state import ValueStateDescriptor


class ByTime(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[1]


class Silence(KeyedProcessFunction):
    def open(self, runtime_context):
        self.last = runtime_context.get_state(ValueStateDescriptor("last", Types.LONG()))

    def process_element(self, value, ctx):
        before = self.last.value()
        if before is not None:
            ctx.timer_service().delete_event_time_timer(before + 1000)
        self.last.update(ctx.timestamp())
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 1000)
        ctx.timer_service().register_event_time_timer(ctx.timestamp() + 1000)
        yield "record %s at %d" % (ctx.get_current_key(), ctx.timestamp())

    def on_timer(self, timestamp, ctx):
        assert ctx.time_domain() == TimeDomain.EVENT_TIME
        yield "silence of %s since %d, at %d" % (ctx.get_current_key(), self.last.value(), timestamp)
        yield "timer's timestamp %d" % ctx.timestamp()


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
events = env.from_collection(
    [("a", 1000), ("b", 1200), ("a", 1500), ("c", 1100), ("b", 9000)],
    type_info=Types.TUPLE([Types.STRING(), Types.LONG()]),
)
strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(20)).with_timestamp_assigner(
    ByTime()
)
(
    events.assign_timestamps_and_watermarks(strategy)
    .key_by(lambda event: event[0], key_type=Types.STRING())
    .process(Silence(), output_type=Types.STRING())
    .print()
)
env.execute("timers")
