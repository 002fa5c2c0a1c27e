"""Streams: what is done to records, and which way they go."""

import pytest

from millstream.flink.common import Row, Types
from millstream.flink.common.typeinfo import TypeMismatch
from millstream.flink.datastream import (
    CoFlatMapFunction,
    CoMapFunction,
    FilterFunction,
    FlatMapFunction,
    KeySelector,
    MapFunction,
    OutputTag,
    Partitioner,
    ProcessFunction,
    ReduceFunction,
    RuntimeExecutionMode,
    StreamExecutionEnvironment,
)


@pytest.fixture(params=[1, 2])
def env(request):
    """An environment in this process, and one with two workers."""
    return StreamExecutionEnvironment.get_execution_environment().set_parallelism(request.param)


def gathered(stream):
    return sorted(stream.execute_and_collect())


def test_records_are_mapped_filtered_and_made_several(env):
    numbers = env.from_collection(range(6))
    assert gathered(numbers.map(lambda x: x * 2)) == [0, 2, 4, 6, 8, 10]
    assert gathered(numbers.filter(lambda x: x % 2)) == [1, 3, 5]
    assert gathered(numbers.flat_map(lambda x: [x] * x).map(str)) == sorted("122333444455555")
    assert gathered(numbers.flat_map(lambda x: None)) == []


def test_functions_are_objects_that_are_opened_and_closed(env, tmp_path):
    class Doubled(MapFunction):
        def open(self, runtime_context):
            self.name = runtime_context.get_task_name()

        def map(self, value):
            return f"{self.name} {value * 2}"

        def close(self):
            (tmp_path / str(id(self))).touch()

    class Some(FilterFunction):
        def filter(self, value):
            return value > 1

    class Letters(FlatMapFunction):
        def flat_map(self, value):
            yield from value.split()

    doubled = env.from_collection([1, 2]).map(Doubled()).name("twice")
    assert gathered(doubled) == ["twice 2", "twice 4"]
    assert len(list(tmp_path.iterdir())) == env.get_parallelism()
    assert gathered(env.from_collection([1, 2]).filter(Some())) == [2]
    assert gathered(env.from_collection(["a b"]).flat_map(Letters())) == ["a", "b"]


def test_all_records_of_a_key_are_reduced_together(env):
    class Modulus(KeySelector):
        def get_key(self, value):
            return value % 3

    class Sum(ReduceFunction):
        def reduce(self, value1, value2):
            return value1 + value2

    sums = gathered(env.from_collection(range(9)).map(lambda x: x).key_by(Modulus()).reduce(Sum()))
    # Each record emits; which of a key's came first, several subtasks do not agree on.
    assert len(sums) == 9 and {9, 12, 15} <= set(sums)


def test_equal_keys_are_one_key_whatever_their_types(env):
    sums = env.from_collection([(1, 1), (1.0, 10), (True, 100)]).key_by(lambda pair: pair[0])
    assert max(pair[1] for pair in sums.sum(1).execute_and_collect()) == 111


@pytest.mark.parametrize(
    "key", ["text", b"bytes", 2.5, None, ("a", (1, None)), frozenset({"a", "b"}), Row("a", 1), 1 << 80]
)
def test_keys_of_many_types_find_each_other_through_workers(env, key):
    pairs = env.from_collection([(key, n) for n in range(10)]).map(lambda pair: pair)
    found = (
        pairs.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1])).map(lambda pair: pair[1])
    )
    assert max(found.execute_and_collect()) == 45


def test_batch_mode_gives_only_the_last_value_of_each_key(env):
    env.set_runtime_mode(RuntimeExecutionMode.BATCH)
    sums = env.from_collection(range(9)).key_by(lambda x: x % 3).reduce(lambda a, b: a + b)
    assert gathered(sums) == [9, 12, 15]


def test_streams_are_united_and_read_several_times(env):
    one, two = env.from_collection([1, 2]), env.from_collection([30])
    both = one.union(two, one.map(lambda x: -x))
    assert gathered(both) == [-2, -1, 1, 2, 30]
    keyed = one.union(two).key_by(lambda x: 0).reduce(lambda a, b: a + b)
    assert max(keyed.execute_and_collect()) == 33


def test_connected_streams_are_told_apart(env):
    class Apart(CoMapFunction):
        def map1(self, value):
            return ("one", value)

        def map2(self, value):
            return ("two", value)

    class Many(CoFlatMapFunction):
        def flat_map1(self, value):
            return [value, value]

        def flat_map2(self, value):
            return []

    one, two = env.from_collection([1, 2]), env.from_collection([3])
    assert gathered(one.connect(two).map(Apart())) == [("one", 1), ("one", 2), ("two", 3)]
    assert gathered(one.connect(two).flat_map(Many())) == [1, 1, 2, 2]
    keyed = one.connect(two).key_by(lambda x: x % 2, lambda x: x % 2).map(Apart())
    assert gathered(keyed) == [("one", 1), ("one", 2), ("two", 3)]


def test_a_process_function_emits_to_side_outputs(env):
    tag = OutputTag("odd", Types.STRING())

    class Split(ProcessFunction):
        def process_element(self, value, ctx):
            assert ctx.timestamp() is None
            if value % 2:
                yield tag, str(value)
            else:
                yield value

    split = env.from_collection(range(4)).process(Split())
    assert gathered(split) == [0, 2]
    assert gathered(env.from_collection(range(4)).process(Split()).get_side_output(tag)) == ["1", "3"]


def test_records_go_the_ways_that_are_asked_for():
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)

    class Where(MapFunction):
        def open(self, runtime_context):
            self.index = runtime_context.get_index_of_this_subtask()

        def map(self, value):
            return value, self.index

    class ByHalf(Partitioner):
        def partition(self, key, num_partitions):
            assert num_partitions == 2
            return key // 5

    numbers = env.from_collection(range(10))
    assert (
        sorted(index for _, index in numbers.rebalance().map(Where()).execute_and_collect())
        == [0] * 5 + [1] * 5
    )
    assert {index for _, index in numbers.global_().map(Where()).execute_and_collect()} == {0}
    assert gathered(numbers.broadcast().map(Where())) == sorted((n, i) for n in range(10) for i in (0, 1))
    chosen = numbers.partition_custom(ByHalf(), lambda value: value).map(Where())
    assert gathered(chosen) == [(n, n // 5) for n in range(10)]
    assert gathered(numbers.shuffle().map(lambda x: x)) == list(range(10))
    assert gathered(numbers.rescale().map(lambda x: x).forward().filter(lambda x: x > 7)) == [8, 9]
    alone = numbers.map(Where()).set_parallelism(1)
    assert {index for _, index in alone.execute_and_collect()} == {0}
    with pytest.raises(ValueError, match=r"forward\(\) needs as many subtasks before `Map` as it has itself"):
        numbers.forward().map(lambda x: x).print()
        env.execute()


def test_a_partitioner_that_names_no_subtask_is_an_error():
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    wrong = (
        env.from_collection([1])
        .map(lambda x: x)
        .partition_custom(lambda key, n: 7, lambda x: x)
        .map(lambda x: x)
    )
    with pytest.raises(Exception, match="from 0 to 1; it gave 7"):
        list(wrong.execute_and_collect())


def test_printed_lines_have_the_subtask_before_them_above_one(capsys):
    env = StreamExecutionEnvironment.get_execution_environment()
    env.from_collection([("a", 1), None, 2.5]).print()
    env.from_collection([("a", 1)], Types.ROW([Types.STRING(), Types.INT()])).print("rows")
    env.execute()
    assert sorted(capsys.readouterr().out.splitlines()) == ["('a', 1)", "2.5", "None", "rows> +I[a,1]"]
    env.set_parallelism(2)
    env.from_collection([1, 2, 3, 4]).map(lambda x: x * 10).print()
    env.execute()
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line[3:] for line in lines) == ["10", "20", "30", "40"]
    assert {line[:3] for line in lines} == {"1> ", "2> "}


def test_a_keyed_stream_refuses_what_only_others_have(env):
    keyed = env.from_collection([1]).key_by(lambda x: x)
    for name in "rebalance shuffle forward rescale name uid set_parallelism disable_chaining".split():
        with pytest.raises(TypeError, match="is not supported for KeyedStream"):
            getattr(keyed, name)()


def test_wrong_functions_are_refused_where_they_are_given(env):
    stream = env.from_collection([1])
    for call, wrong in [
        ("map", 3),
        ("map", MapFunction),
        ("filter", "x"),
        ("process", lambda x: x),
        ("key_by", None),
    ]:
        with pytest.raises(TypeError, match=call):
            getattr(stream, call)(wrong)
    with pytest.raises(TypeError, match="from_collection: element 1: 'b' of type str"):
        env.from_collection([1, "b"], Types.INT())
    with pytest.raises(TypeMismatch):
        env.from_collection([1, "b"], Types.INT())
    with pytest.raises(ValueError, match="no source"):
        StreamExecutionEnvironment.get_execution_environment().execute()


def test_what_needs_no_worker_runs_in_this_process():
    import os

    env = StreamExecutionEnvironment.get_execution_environment()
    assert list(env.from_collection([1]).map(lambda _: os.getpid()).execute_and_collect()) == [os.getpid()]
    env.set_parallelism(2)
    found = set(env.from_collection([1, 2]).map(lambda _: os.getpid()).execute_and_collect())
    assert os.getpid() not in found and len(found) == 2


def test_captured_variables_are_copies(env):
    seen = []
    env.from_collection([1, 2]).add_sink(seen.append)
    env.execute()
    assert seen == []


def test_a_limit_gives_a_list_of_the_first_records(env):
    assert len(env.from_collection(range(100)).map(lambda x: x).execute_and_collect(limit=3)) == 3
    endless = env.add_source(lambda: iter(int, 1)).map(lambda x: x)
    assert endless.execute_and_collect(limit=2) == [0, 0]


def test_a_flat_map_without_end_does_not_use_up_the_memory(env):
    def forever(_):
        while True:
            yield 7

    assert env.from_collection([1]).flat_map(forever).execute_and_collect(limit=10_000) == [7] * 10_000


def test_the_plan_names_operators_and_exchanges(env):
    env.from_collection([1]).map(lambda x: x).name("same").key_by(lambda x: x).sum().print()
    plan = env.get_execution_plan()
    assert "Collection" in plan and "Reduce" in plan and "Print to Std. Out" in plan
