"""The names of `millstream.flink` that need no engine: settings, functions, state, windows, times."""

import copy
import io
import pickle
import subprocess
import sys
import time
import warnings

import cloudpickle
import pytest

from millstream.flink import _notices
from millstream.flink.common import (
    CompletableFuture,
    ConfigOptions,
    Configuration,
    Duration,
    ExecutionConfig,
    JobExecutionResult,
    JobID,
    JobStatus,
    RestartStrategies,
    SimpleStringSchema,
    Time,
    Types,
    WatermarkStrategy,
)
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import (
    CheckpointConfig,
    CheckpointingMode,
    ExternalizedCheckpointRetention,
    OutputTag,
    ReduceFunction,
)
from millstream.flink.datastream import functions, state, window
from millstream.flink.datastream.state import StateTtlConfig
from millstream.flink.datastream.window import TimeWindow


def test_the_package_is_imported_at_once_and_loads_nothing_heavy():
    program = (
        "import sys, time; t = time.process_time(); import millstream.flink.common, millstream.flink.datastream; "
        "print(time.process_time() - t); print(*sorted(sys.modules))"
    )
    taken, loaded = [], set()
    for _ in range(3):
        shown = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        taken.append(float(shown.split("\n")[0]))
        loaded |= set(shown.split("\n")[1].split())
    assert min(taken) < 0.06
    assert not {"cloudpickle", "numpy", "subprocess", "asyncio", "decimal", "millstream._native"} & loaded


def test_a_name_that_is_nowhere_is_said_to_be_absent():
    import millstream.flink.common

    with pytest.raises(AttributeError, match="'millstream.flink.common' has no attribute 'Typos'"):
        millstream.flink.common.Typos


def test_what_does_nothing_says_so_once(monkeypatch):
    monkeypatch.setattr(_notices, "_said", set())
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            ExecutionConfig().enable_object_reuse()
            CheckpointConfig().enable_unaligned_checkpoints()
    assert [str(warning.message).split(" does nothing here: ")[0] for warning in said] == [
        "ExecutionConfig.enable_object_reuse",
        "CheckpointConfig.enable_unaligned_checkpoints",
    ]
    assert {warning.filename for warning in said} == {__file__}


def test_settings_are_read_as_what_they_are_asked_for():
    settings = Configuration.from_dict({"a": "2", "b": "true", "c": "x"})
    assert (
        settings.get_integer("a", 0) == 2
        and settings.get_boolean("b", False)
        and settings.get_float("a", 0) == 2.0
    )
    assert settings.get_string("d", "none") == "none" and settings.key_set() == {"a", "b", "c"}
    other = copy.deepcopy(settings).set_boolean("b", False)
    assert other.to_dict()["b"] == "false" and settings.to_dict()["b"] == "true" and other != settings
    assert Configuration().add_all(settings, "x.").contains_key("x.a") and settings.remove_config("c")
    with pytest.raises(ValueError, match="the setting b is 'true', where a whole number is asked for"):
        settings.get_integer("b", 0)
    with pytest.raises(ValueError, match="needs a value"):
        settings.set_string("a", None)
    with pytest.raises(TypeError, match="the default of n is of type int, '1' was given"):
        ConfigOptions.key("n").int_type().default_value("1")


@pytest.mark.parametrize(
    "wrong, why",
    [
        (
            lambda: ExecutionConfig().set_parallelism(0),
            "the parallelism is a whole number of subtasks from 1 on, 0",
        ),
        (lambda: ExecutionConfig().set_parallelism("2"), "'2' of type str was given"),
        (lambda: ExecutionConfig().set_max_parallelism(40000), "at most 32768"),
        (lambda: CheckpointConfig().set_checkpoint_interval(5), "milliseconds from 10 on, 5 was given"),
        (
            lambda: CheckpointConfig().set_checkpointing_mode("exactly-once"),
            "CheckpointingMode.EXACTLY_ONCE or",
        ),
        (
            lambda: CheckpointConfig().set_externalized_checkpoint_retention(1),
            "RETAIN_ON_CANCELLATION or another",
        ),
        (lambda: WatermarkStrategy.for_bounded_out_of_orderness(5), r"such as Time.seconds\(5\)"),
        (
            lambda: WatermarkStrategy.no_watermarks().with_timestamp_assigner(len),
            "a method extract_timestamp",
        ),
        (lambda: WatermarkStrategy.no_watermarks().with_idleness(Duration.of_millis(0)), "at least 1 ms"),
        (lambda: OutputTag("a", "STRING"), "the type of the OutputTag 'a'"),
        (lambda: OutputTag(None), "not empty, None was given"),
        (lambda: state.ValueStateDescriptor("", Types.INT()), "not empty, '' was given"),
        (lambda: state.ValueStateDescriptor("a", None), "the state 'a' needs a type"),
        (
            lambda: state.ReducingStateDescriptor("a", 1, Types.INT()),
            "a ReduceFunction or a function of two values",
        ),
        (lambda: state.AggregatingStateDescriptor("a", sum, Types.INT()), "needs an AggregateFunction"),
        (
            lambda: state.ValueStateDescriptor("a", Types.INT()).enable_time_to_live(5),
            "StateTtlConfig.new_builder",
        ),
        (lambda: StateTtlConfig.new_builder(5), "the time that state lives is a span of time"),
        (lambda: StateTtlConfig.new_builder(Time.seconds(0)), "at least 1 ms"),
        (lambda: StateTtlConfig.new_builder(Time.seconds(1)).set_update_type(1), "UpdateType.OnReadAndWrite"),
        (lambda: window.TumblingEventTimeWindows.of(Time.seconds(0)), "size of TumblingEventTimeWindows"),
        (
            lambda: window.TumblingEventTimeWindows.of(Time.seconds(1), Time.seconds(1)),
            "less than their size of 1000 ms",
        ),
        (
            lambda: window.SlidingEventTimeWindows.of(Time.seconds(5), Time.seconds(0)),
            "slide of SlidingEventTimeWindows",
        ),
        (
            lambda: window.EventTimeSessionWindows.with_gap(3),
            "the gap of EventTimeSessionWindows is a span of time",
        ),
        (lambda: window.CountTrigger.of(0), "whole number of records from 1 on"),
        (lambda: window.PurgingTrigger.of(3), "takes a trigger such as"),
        (lambda: functions.SourceFunction("org.example.Source"), "a class of Java, and there is no JVM here"),
        (lambda: functions.SinkFunction("org.example.Sink"), "a class of Java, and there is no JVM here"),
        (lambda: SimpleStringSchema("UTF-99"), "no encoding 'UTF-99'"),
        (lambda: RestartStrategies.fixed_delay_restart(-1, 0), "whole number from 0 on, -1"),
        (lambda: ReduceFunction(), "abstract"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(wrong, why):
    with pytest.raises((TypeError, ValueError), match=why):
        wrong()


def test_checkpoint_settings_are_those_of_flink():
    config = CheckpointConfig()
    assert (config.is_checkpointing_enabled(), config.get_checkpoint_interval()) == (False, -1)
    assert (config.get_checkpoint_timeout(), config.get_max_concurrent_checkpoints()) == (600_000, 1)
    assert config.get_checkpointing_mode() is CheckpointingMode.EXACTLY_ONCE
    assert not config.is_externalized_checkpoints_enabled()
    config.set_checkpoint_interval(500).set_min_pause_between_checkpoints(100)
    config.set_externalized_checkpoint_retention(ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION)
    assert config.is_checkpointing_enabled() and config.is_externalized_checkpoints_enabled()
    assert (
        config.set_fail_on_checkpointing_errors(False).get_tolerable_checkpoint_failure_number() == 2**31 - 1
    )


class ByFirst(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return value[0]


def test_a_watermark_strategy_is_a_value_that_travels():
    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(5)).with_timestamp_assigner(
        ByFirst()
    )
    idle = strategy.with_idleness(Duration.of_minutes(1))
    assert (strategy._idle_timeout, idle._idle_timeout, idle._out_of_orderness) == (None, 60_000, 5_000)
    assert cloudpickle.loads(cloudpickle.dumps(idle))._timestamp_assigner.extract_timestamp((3, "a"), -1) == 3


def test_what_is_known_of_a_job_is_shown_as_in_flink():
    name = JobID()
    assert JobID(str(name)) == name and JobID() != name
    assert f"Job with JobID {name} has finished.\nJob Runtime: 12 ms" in str(JobExecutionResult(name, 12))
    assert [one.name for one in JobStatus if one.is_terminal_state()] == [
        "FAILED",
        "CANCELED",
        "FINISHED",
        "SUSPENDED",
    ]


def test_a_future_gives_its_result_its_error_or_that_it_was_cancelled():
    assert CompletableFuture(lambda: 3).result() == 3
    failed = CompletableFuture(lambda: 1 // 0)
    assert isinstance(failed.exception(), ZeroDivisionError) and failed.done()
    with pytest.raises(ZeroDivisionError):
        failed.result()
    import threading

    go = threading.Event()
    waiting = CompletableFuture(go.wait)
    assert waiting.cancel() and waiting.cancelled() and waiting.done()
    go.set()
    with pytest.raises(RuntimeError, match="cancelled"):
        waiting.result()


def test_state_descriptors_have_the_types_of_flink_and_travel():
    listed = state.ListStateDescriptor("list", Types.INT())
    mapped = state.MapStateDescriptor("map", Types.STRING(), Types.LONG())
    total = state.ReducingStateDescriptor("sum", lambda a, b: a + b, Types.LONG())
    assert (listed.type_info, mapped.type_info) == (
        Types.LIST(Types.INT()),
        Types.MAP(Types.STRING(), Types.LONG()),
    )
    total.enable_time_to_live(
        StateTtlConfig.new_builder(Time.hours(1)).return_expired_if_not_cleaned_up().build()
    )
    travelled = cloudpickle.loads(cloudpickle.dumps(total))
    assert travelled.get_reduce_function().reduce(1, 2) == 3 and travelled.get_name() == "sum"
    assert travelled._ttl_config.get_ttl() == Time.hours(1)
    assert (
        travelled._ttl_config.get_state_visibility()
        is StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp
    )


def test_windows_are_those_of_flink_before_1970_too():
    second = Time.seconds(1)
    tumbling = window.TumblingEventTimeWindows.of(Time.seconds(5), Time.seconds(-1))
    assert tumbling.assign_windows("a", -3, None) == [TimeWindow(-1000, 4000)]
    sliding = window.SlidingEventTimeWindows.of(Time.seconds(5), Time.seconds(2))
    assert sliding.assign_windows("a", 7001, None) == [TimeWindow(6000, 11000), TimeWindow(4000, 9000)]
    assert repr(sliding) == "SlidingEventTimeWindows(5000, 2000, 0)"
    assert repr(window.TumblingProcessingTimeWindows.of(second)) == "TumblingProcessingTimeWindows(1000, 0)"
    with pytest.raises(ValueError, match="this record has none: give the stream its times"):
        tumbling.assign_windows("a", -(2**63), None)


def test_windows_of_less_than_their_slide_leave_gaps():
    sparse = window.SlidingEventTimeWindows.of(Time.seconds(1), Time.seconds(5))
    assert sparse.assign_windows("a", 500, None) == [TimeWindow(0, 1000)]
    assert sparse.assign_windows("a", 1000, None) == []


class Sessions(window.SessionWindowTimeGapExtractor):
    def extract(self, element):
        return element


def test_sessions_grow_together():
    merged = []

    class Callback(window.MergingWindowAssigner.MergeCallback):
        def merge(self, to_be_merged, merge_result):
            merged.append((sorted(to_be_merged), merge_result))

    sessions = window.EventTimeSessionWindows.with_gap(Time.milliseconds(10))
    assigned = [one for time_ in (0, 5, 40, 15) for one in sessions.assign_windows("a", time_, None)]
    sessions.merge_windows(assigned, Callback())
    assert merged == [([TimeWindow(0, 10), TimeWindow(5, 15), TimeWindow(15, 25)], TimeWindow(0, 25))]
    dynamic = window.EventTimeSessionWindows.with_dynamic_gap(Sessions())
    assert dynamic.assign_windows(7, 100, None) == [TimeWindow(100, 107)]
    with pytest.raises(ValueError, match="the gap that extract gives"):
        dynamic.assign_windows(0, 100, None)


@pytest.mark.parametrize(
    "serializer, one",
    [
        (window.TimeWindowSerializer(), TimeWindow(-5, 10)),
        (window.CountWindowSerializer(), window.CountWindow(3)),
        (window.GlobalWindowSerializer(), window.GlobalWindow.get()),
    ],
)
def test_a_window_is_read_as_it_was_written(serializer, one):
    stream = io.BytesIO()
    serializer.serialize(one, stream)
    stream.seek(0)
    assert serializer.deserialize(stream) == one and stream.read() == b""
    assert pickle.loads(pickle.dumps(one)) == one and serializer == type(serializer)()


def test_functions_travel_with_what_they_hold():
    class Adder(functions.MapFunction):
        def __init__(self, by):
            self.by = by

        def map(self, value):
            return value + self.by

    assert cloudpickle.loads(cloudpickle.dumps(Adder(2))).map(1) == 3


def test_a_check_of_a_number_is_cheap():
    convert = Types.LONG().convert
    began = time.process_time()
    for _ in range(100_000):
        convert(5)
    assert time.process_time() - began < 0.5
