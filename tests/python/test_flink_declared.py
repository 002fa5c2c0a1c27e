"""What a program declares and does not keep to: the types of results, keys, state and side outputs, and more of the like."""

import pytest

from millstream.flink._notices import NoEffectWarning
from millstream.flink.common import Types, WatermarkStrategy
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import (
    CheckpointingMode,
    KeyedProcessFunction,
    OutputTag,
    ProcessFunction,
    StreamExecutionEnvironment,
)
from millstream.flink.datastream.state import (
    ListStateDescriptor,
    MapStateDescriptor,
    ReducingStateDescriptor,
    ValueStateDescriptor,
)
from millstream.flink.errors import JobExecutionException


@pytest.fixture
def numbers():
    return StreamExecutionEnvironment.get_execution_environment().from_collection([1, 2, 3], Types.INT())


class Side(ProcessFunction):
    def process_element(self, value, ctx):
        yield OutputTag("texts", Types.STRING()), value


class Times(TimestampAssigner):
    def extract_timestamp(self, value, record_timestamp):
        return "noon"


class Keeping(KeyedProcessFunction):
    def __init__(self, write):
        self.write = write

    def open(self, runtime_context):
        self.context = runtime_context

    def process_element(self, value, ctx):
        self.write(self.context)
        yield value


def state_of(write):
    return lambda stream: stream.key_by(lambda n: n).process(Keeping(write))


@pytest.mark.parametrize(
    "program, why",
    [
        (
            lambda s: s.map(str, Types.INT()),
            r"'1' of type str was given where Types.INT\(\).*\n.*`Map`.*the record 1$",
        ),
        (
            lambda s: s.filter(lambda n: n > 1).flat_map(lambda n: ["a"], Types.INT()),
            "`FlatMap`.*the record 2$",
        ),
        (lambda s: s.flat_map(lambda n: n), "1 of type int was given where an iterable of records is right"),
        (lambda s: s.key_by(str, Types.INT()).reduce(max), r"where Types.INT\(\).*\n.*`Reduce \(its key\)`"),
        (lambda s: s.process(Side()).get_side_output(OutputTag("texts", Types.STRING())), "Types.STRING"),
        (
            lambda s: s.assign_timestamps_and_watermarks(
                WatermarkStrategy.for_monotonous_timestamps().with_timestamp_assigner(Times())
            ),
            "extract_timestamp gave 'noon' of type str",
        ),
        (
            state_of(lambda c: c.get_state(ValueStateDescriptor("a", Types.INT())).update("x")),
            "'x' of type str",
        ),
        (
            state_of(lambda c: c.get_list_state(ListStateDescriptor("a", Types.INT())).add("x")),
            "'x' of type str",
        ),
        (
            state_of(
                lambda c: c.get_map_state(MapStateDescriptor("a", Types.INT(), Types.INT())).put("k", 1)
            ),
            "'k' of type str",
        ),
        (
            state_of(
                lambda c: c.get_reducing_state(ReducingStateDescriptor("a", max, Types.STRING())).add(1),
            ),
            "1 of type int was given where Types.STRING",
        ),
        (
            lambda s: s.map(lambda n: ("a", n)).key_by(lambda p: p[0]).sum(5),
            "asks for a field that a record of 2 fields",
        ),
    ],
)
def test_what_was_declared_and_is_not_so_fails_the_job_with_the_record(numbers, program, why):
    with pytest.raises(JobExecutionException) as failed:
        list(program(numbers).execute_and_collect())
    import re

    assert re.search(why, str(failed.value)), failed.value


def test_results_and_keys_are_converted_and_state_is_not_as_in_pyflink(numbers):
    def write(context):
        state = context.get_state(ValueStateDescriptor("a", Types.LONG()))
        state.update(2.9)
        assert state.value() == 2.9

    assert list(numbers.map(lambda n: n, Types.DOUBLE()).execute_and_collect()) == [1.0, 2.0, 3.0]
    assert list(state_of(write)(numbers).execute_and_collect()) == [1, 2, 3]
    halves = numbers.key_by(lambda n: n / 2, Types.INT()).reduce(lambda a, b: a + b)
    assert list(halves.execute_and_collect()) == [1, 2, 5]


@pytest.mark.parametrize(
    "use, why",
    [
        (
            lambda env, stream: stream.map(lambda n: env.from_collection([n])),
            "env .StreamExecutionEnvironment. cannot",
        ),
        (
            lambda env, stream: stream.map(lambda n: stream.map(str)),
            "a stream is of the program that makes the job",
        ),
    ],
)
def test_an_environment_and_a_stream_cannot_be_used_in_a_function(numbers, use, why):
    import pickle

    with pytest.raises(pickle.PicklingError, match=why):
        use(numbers.get_execution_environment(), numbers)


def test_a_keyed_function_on_a_stream_without_keys_says_what_to_do(numbers):
    with pytest.raises(TypeError, match=r"call key_by\(...\) first"):
        numbers.process(Keeping(print))
    with pytest.raises(TypeError, match="with parentheses"):
        numbers.map(Keeping)


def test_settings_say_how_checkpoints_are_taken_and_which_of_them_do_nothing(monkeypatch):
    from millstream.flink import _notices
    from millstream.flink.common import Configuration

    monkeypatch.setattr(_notices, "_said", set())
    settings = Configuration.from_dict(
        {
            "execution.checkpointing.interval": "2 s",
            "execution.checkpointing.mode": "at-least-once",
            "execution.checkpointing.timeout": "1 min",
            "execution.checkpointing.min-pause": "100ms",
            "execution.checkpointing.tolerable-failed-checkpoints": "3",
            "taskmanager.memory.process.size": "1g",
        }
    )
    with pytest.warns(
        NoEffectWarning, match="the setting taskmanager.memory.process.size does nothing here"
    ) as said:
        config = StreamExecutionEnvironment.get_execution_environment(settings).get_checkpoint_config()
    assert said[0].filename == __file__
    assert (config.get_checkpoint_interval(), config.get_checkpoint_timeout()) == (2_000, 60_000)
    assert (config.get_min_pause_between_checkpoints(), config.get_tolerable_checkpoint_failure_number()) == (
        100,
        3,
    )
    assert config.get_checkpointing_mode() is CheckpointingMode.AT_LEAST_ONCE
    for name, value in [("mode", "often"), ("timeout", "soon"), ("tolerable-failed-checkpoints", "few")]:
        with pytest.raises(ValueError, match=f"the setting execution.checkpointing.{name} is"):
            StreamExecutionEnvironment().configure(
                Configuration().set_string(f"execution.checkpointing.{name}", value)
            )
