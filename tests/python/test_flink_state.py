"""State, timers and windows, in this process and in workers."""

import pytest

from millstream.flink.common import Duration, Time, Types, WatermarkStrategy
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import (
    AggregateFunction,
    KeyedBroadcastProcessFunction,
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    OutputTag,
    ProcessWindowFunction,
    StreamExecutionEnvironment,
    TimeDomain,
    WindowFunction,
)
from millstream.flink.datastream import state as kinds
from millstream.flink.datastream.window import (
    EventTimeSessionWindows,
    SlidingEventTimeWindows,
    TumblingEventTimeWindows,
    TumblingProcessingTimeWindows,
)


@pytest.fixture(params=[1, 2])
def env(request):
    return StreamExecutionEnvironment.get_execution_environment().set_parallelism(request.param)


class Second(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[1]


def timed(env, pairs, out_of_order=0):
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(out_of_order))
    stream = env.from_collection(pairs)
    return stream.assign_timestamps_and_watermarks(strategy.with_timestamp_assigner(Second()))


def gathered(stream):
    return sorted(stream.execute_and_collect())


class Mean(AggregateFunction):
    def create_accumulator(self):
        return (0, 0)

    def add(self, value, accumulator):
        return accumulator[0] + value, accumulator[1] + 1

    def get_result(self, accumulator):
        return accumulator[0] / accumulator[1]

    def merge(self, acc_a, acc_b):
        return acc_a[0] + acc_b[0], acc_a[1] + acc_b[1]


def test_every_kind_of_state_is_kept_by_key(env):
    class All(KeyedProcessFunction):
        def open(self, runtime_context):
            number = Types.LONG()
            self.value = runtime_context.get_state(kinds.ValueStateDescriptor("value", number))
            self.list = runtime_context.get_list_state(kinds.ListStateDescriptor("list", number))
            self.map = runtime_context.get_map_state(kinds.MapStateDescriptor("map", number, number))
            total = kinds.ReducingStateDescriptor("sum", lambda a, b: a + b, number)
            self.sum = runtime_context.get_reducing_state(total)
            mean = kinds.AggregatingStateDescriptor("mean", Mean(), Types.PICKLED_BYTE_ARRAY())
            self.mean = runtime_context.get_aggregating_state(mean)

        def process_element(self, value, ctx):
            assert ctx.get_current_key() == value % 2
            self.value.update((self.value.value() or 0) + 1)
            self.list.add(value)
            self.map.put(value, self.map.get(value) or value * 10)
            self.sum.add(value)
            self.mean.add(value)
            if value > 4:
                self.map.remove(1)
                yield (
                    self.value.value(),
                    list(self.list.get()),
                    sorted(self.map.items()),
                    self.sum.get(),
                    self.mean.get(),
                    self.map.contains(1),
                    self.map.is_empty(),
                )
                for one in (self.value, self.list, self.map, self.sum, self.mean):
                    one.clear()
                yield (
                    self.value.value(),
                    list(self.list.get()),
                    list(self.map.keys()),
                    self.sum.get(),
                    self.mean.get(),
                )

    found = list(
        env.from_collection(range(1, 7)).key_by(lambda x: x % 2).process(All()).execute_and_collect()
    )
    full = sorted(row for row in found if row[0] is not None)
    assert full == [
        (3, [1, 3, 5], [(3, 30), (5, 50)], 9, 3.0, False, False),
        (3, [2, 4, 6], [(2, 20), (4, 40), (6, 60)], 12, 4.0, False, False),
    ]
    assert [row for row in found if row[0] is None] == [(None, [], [], None, None)] * 2


def test_a_map_function_behind_key_by_has_state_too(env):
    class Count(MapFunction):
        def open(self, runtime_context):
            self.count = runtime_context.get_state(kinds.ValueStateDescriptor("count", Types.LONG()))

        def map(self, value):
            self.count.update((self.count.value() or 0) + 1)
            return value, self.count.value()

    assert gathered(env.from_collection(list("abab")).key_by(lambda c: c).map(Count())) == [
        ("a", 1), ("a", 2), ("b", 1), ("b", 2)
    ]  # fmt: skip


def test_state_without_a_key_is_refused(env):
    class Wrong(MapFunction):
        def open(self, runtime_context):
            runtime_context.get_state(kinds.ValueStateDescriptor("count", Types.LONG()))

        def map(self, value):
            return value

    with pytest.raises(
        Exception, match="state 'count' can only be asked for in a function behind key_by: `Map`"
    ):
        list(env.from_collection([1]).map(Wrong()).execute_and_collect())


def test_values_that_lived_too_long_are_gone(env):
    class Expiring(KeyedProcessFunction):
        def open(self, runtime_context):
            descriptor = kinds.ValueStateDescriptor("value", Types.LONG())
            descriptor.enable_time_to_live(kinds.StateTtlConfig.new_builder(Time.milliseconds(5)).build())
            self.value = runtime_context.get_state(descriptor)

        def process_element(self, value, ctx):
            import time

            self.value.update(1)
            until = time.time() + 5
            while self.value.value() is not None and time.time() < until:
                pass
            yield self.value.value()

    assert gathered_one(env.from_collection([1]).key_by(lambda x: x).process(Expiring())) is None


def gathered_one(stream):
    (found,) = stream.execute_and_collect()
    return found


def test_event_time_timers_fire_in_order_and_once(env):
    class Timed(KeyedProcessFunction):
        def process_element(self, value, ctx):
            service = ctx.timer_service()
            service.register_event_time_timer(value[1] + 10)
            service.register_event_time_timer(value[1] + 10)
            service.register_event_time_timer(value[1] + 5)
            service.delete_event_time_timer(value[1] + 5)

        def on_timer(self, timestamp, ctx):
            assert ctx.time_domain() == TimeDomain.EVENT_TIME and ctx.timestamp() == timestamp
            if timestamp == 11:
                ctx.timer_service().register_event_time_timer(12)
            yield ctx.get_current_key(), timestamp, ctx.timer_service().current_watermark() >= timestamp

    found = list(
        timed(env, [("a", 1), ("a", 30)]).key_by(lambda p: p[0]).process(Timed()).execute_and_collect()
    )
    assert found == [("a", 11, True), ("a", 12, True), ("a", 40, True)]


def test_processing_time_timers_fire(env):
    class Timed(KeyedProcessFunction):
        def process_element(self, value, ctx):
            ctx.timer_service().register_processing_time_timer(
                ctx.timer_service().current_processing_time() + 20
            )

        def on_timer(self, timestamp, ctx):
            yield (
                ctx.get_current_key(),
                ctx.time_domain() == TimeDomain.PROCESSING_TIME,
                ctx.timestamp() == timestamp,
            )

    def one_and_wait():
        import time

        yield "k"
        while True:
            time.sleep(0.01)

    keyed = env.add_source(one_and_wait).key_by(lambda x: x)
    assert keyed.process(Timed()).execute_and_collect(limit=1) == [("k", True, True)]


def test_two_keyed_streams_share_state(env):
    class Both(KeyedCoProcessFunction):
        def open(self, runtime_context):
            self.seen = runtime_context.get_list_state(kinds.ListStateDescriptor("seen", Types.STRING()))

        def process_element1(self, value, ctx):
            self.seen.add(f"one {value}")
            yield len(list(self.seen.get()))

        def process_element2(self, value, ctx):
            self.seen.add(f"two {value}")
            yield len(list(self.seen.get()))

    one, two = env.from_collection([1, 2]).key_by(lambda x: 0), env.from_collection([3]).key_by(lambda x: 0)
    assert gathered(one.connect(two).process(Both())) == [1, 2, 3]


def test_broadcast_state_is_the_same_in_all_subtasks(env):
    rules = kinds.MapStateDescriptor("rules", Types.STRING(), Types.LONG())

    class Rules(KeyedBroadcastProcessFunction):
        def process_element(self, value, ctx):
            with pytest.raises(AttributeError):
                ctx.get_broadcast_state(rules).put("x", 1)
            yield ctx.get_current_key()

        def process_broadcast_element(self, value, ctx):
            ctx.get_broadcast_state(rules).put(value, len(value))
            yield sorted(ctx.get_broadcast_state(rules).items())

    keyed = env.from_collection([1, 2]).key_by(lambda x: x)
    stream = keyed.connect(env.from_collection(["rule"]).broadcast(rules)).process(Rules())
    found = list(stream.execute_and_collect())
    assert found.count([("rule", 4)]) == env.get_parallelism()
    assert sorted(one for one in found if isinstance(one, int)) == [1, 2]


PAIRS = [("a", 1), ("b", 5), ("a", 20), ("b", 50), ("a", 21)]


class Spans(ProcessWindowFunction):
    def process(self, key, context, elements):
        window = context.window()
        count = context.window_state().get_state(kinds.ValueStateDescriptor("n", Types.LONG()))
        count.update((count.value() or 0) + 1)
        total = context.global_state().get_state(kinds.ValueStateDescriptor("n", Types.LONG()))
        total.update((total.value() or 0) + 1)
        yield key, window.start, window.end, sorted(e[1] for e in elements), count.value(), total.value()

    def clear(self, context):
        context.window_state().get_state(kinds.ValueStateDescriptor("n", Types.LONG())).clear()


@pytest.mark.parametrize(
    "assigner, expected",
    [
        (
            TumblingEventTimeWindows.of(Time.milliseconds(10)),
            [("a", 0, 10, [1]), ("a", 20, 30, [20, 21]), ("b", 0, 10, [5]), ("b", 50, 60, [50])],
        ),
        (
            SlidingEventTimeWindows.of(Time.milliseconds(10), Time.milliseconds(5)),
            [("a", -5, 5, [1]), ("a", 0, 10, [1]), ("a", 15, 25, [20, 21]), ("a", 20, 30, [20, 21])]
            + [("b", 0, 10, [5]), ("b", 5, 15, [5]), ("b", 45, 55, [50]), ("b", 50, 60, [50])],
        ),
        (
            EventTimeSessionWindows.with_gap(Time.milliseconds(4)),
            [("a", 1, 5, [1]), ("a", 20, 25, [20, 21]), ("b", 5, 9, [5]), ("b", 50, 54, [50])],
        ),
    ],
)
def test_windows_have_the_records_of_their_time(env, assigner, expected):
    found = gathered(timed(env, PAIRS, 100).key_by(lambda p: p[0]).window(assigner).process(Spans()))
    assert [row[:4] for row in found] == expected
    assert all(row[4] == 1 for row in found)
    assert max(row[5] for row in found) == len(expected) // 2


def test_windows_are_reduced_aggregated_and_applied(env):
    class Key(WindowFunction):
        def apply(self, key, window, inputs):
            yield key, window.end, list(inputs)

    class Sum(AggregateFunction):
        def create_accumulator(self):
            return 0

        def add(self, value, accumulator):
            return accumulator + value[1]

        def get_result(self, accumulator):
            return accumulator

        def merge(self, acc_a, acc_b):
            return acc_a + acc_b

    def windows():
        keyed = timed(env, PAIRS).key_by(lambda p: p[0])
        return keyed.window(TumblingEventTimeWindows.of(Time.milliseconds(10)))

    assert gathered(windows().reduce(lambda a, b: ("s", a[1] + b[1]))) == [
        ("a", 1),
        ("b", 5),
        ("b", 50),
        ("s", 41),
    ]
    assert gathered(windows().aggregate(Sum())) == [1, 5, 41, 50]
    assert gathered(windows().aggregate(Sum(), Key())) == [
        ("a", 10, [1]), ("a", 30, [41]), ("b", 10, [5]), ("b", 60, [50])
    ]  # fmt: skip
    assert gathered(windows().apply(Key()).map(lambda row: len(row[2]))) == [1, 1, 1, 2]


def test_late_records_go_aside(env):
    late = OutputTag("late")

    def slowly():
        yield ("a", 1)
        yield ("a", 100)
        for _ in range(20_000):
            yield ("a", 101)
        yield ("a", 2)

    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Second())
    keyed = env.add_source(slowly).assign_timestamps_and_watermarks(strategy).key_by(lambda p: p[0])
    windows = keyed.window(TumblingEventTimeWindows.of(Time.milliseconds(10))).side_output_late_data(late)
    assert gathered(windows.reduce(lambda a, b: a).get_side_output(late)) == [("a", 2)]


def test_windows_of_the_clock_emit_while_the_stream_goes_on(env):
    def endless():
        import time

        while True:
            yield 1
            time.sleep(0.002)

    keyed = env.add_source(endless).key_by(lambda x: x)
    sums = keyed.window(TumblingProcessingTimeWindows.of(Time.milliseconds(30))).reduce(lambda a, b: a + b)
    assert all(one > 0 for one in sums.execute_and_collect(limit=3))


def test_windows_of_a_number_of_records(env):
    class Size(WindowFunction):
        def apply(self, key, window, inputs):
            yield key, len(list(inputs))

    keyed = env.from_collection(list("aabaab")).key_by(lambda c: c)
    assert gathered(keyed.count_window(2).apply(Size())) == [("a", 2), ("a", 2), ("b", 2)]


def test_records_without_times_have_no_watermarks(env):
    strategy = WatermarkStrategy.for_monotonous_timestamps()
    with pytest.raises(Exception, match="the records have no event time: say where it is with"):
        list(env.from_collection([1]).assign_timestamps_and_watermarks(strategy).execute_and_collect())
    windows = (
        env.from_collection([1]).key_by(lambda x: x).window(TumblingEventTimeWindows.of(Time.seconds(1)))
    )
    with pytest.raises(Exception, match="this record has none: give the stream its times with"):
        list(windows.reduce(lambda a, b: a).execute_and_collect())


def test_watermarks_begin_anew_where_times_are_given_anew(env):
    class Other(TimestampAssigner):
        def extract_timestamp(self, value, record_timestamp):
            assert record_timestamp == value[1]
            return value[2]

    strategy = WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Other())
    again = timed(env, [("a", 1_000, 1), ("a", 2_000, 2)]).assign_timestamps_and_watermarks(strategy)
    late = OutputTag("late")
    windows = again.key_by(lambda p: p[0]).window(TumblingEventTimeWindows.of(Time.milliseconds(10)))
    # With two subtasks either record may come first.
    sums = windows.side_output_late_data(late).reduce(lambda a, b: (a[0], a[1] + b[1], min(a[2], b[2])))
    assert gathered(sums) == [("a", 3_000, 1)]
