"""Checkpoints: what a killed program had kept is there when it is run again."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from millstream.flink.common import Configuration, Types
from millstream.flink.datastream import KeyedProcessFunction, MapFunction, StreamExecutionEnvironment
from millstream.flink.datastream.state import ValueStateDescriptor
from millstream.flink.errors import JobExecutionException

COUNTING = """
    import os, sys, time
    from millstream.flink.common import Configuration, Types
    from millstream.flink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
    from millstream.flink.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor

    folder, parallelism, gate = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    settings = Configuration().set_string("execution.checkpointing.dir", folder + "/checkpoints")
    env = StreamExecutionEnvironment.get_execution_environment(settings).set_parallelism(parallelism)
    env.enable_checkpointing(10)

    class Numbers:
        # Goes on behind the middle once there is a file of this name.
        def read(self, position):
            for number in range(position or 0, 6_000):
                while number >= 3_000 and not os.path.exists(gate):
                    time.sleep(0.002)
                yield number + 1, number

    class Count(KeyedProcessFunction):
        def open(self, context):
            self.count = context.get_state(ValueStateDescriptor("count", Types.LONG()))
            self.kinds = context.get_map_state(MapStateDescriptor("kinds", Types.LONG(), Types.LONG()))
            self.first = context.get_list_state(ListStateDescriptor("first", Types.LONG()))

        def process_element(self, value, ctx):
            if self.count.value() is None:
                ctx.timer_service().register_event_time_timer(1 << 40)
            if value < 14:
                self.first.add(value)
            self.count.update((self.count.value() or 0) + 1)
            self.kinds.put(value % 3, (self.kinds.get(value % 3) or 0) + 1)

        def on_timer(self, timestamp, ctx):
            yield f"{ctx.get_current_key()} {self.count.value()} {sorted(self.kinds.items())} {sorted(self.first.get())}"

    class Write:
        def invoke(self, value):
            with open(folder + "/results", "a") as file:
                file.write(value + "\\n")

    numbers = env.add_source(Numbers()).map(lambda x: x)
    numbers.key_by(lambda x: x % 7).process(Count()).uid("count").add_sink(Write())
    totals = numbers.key_by(lambda x: x % 2).reduce(lambda a, b: a + b).uid("totals")
    totals.filter(lambda total: total in (8997000, 9000000)).map(str).add_sink(Write())
    env.execute("counting")
"""

EXPECTED = sorted(
    [
        f"{key} {len(range(key, 6000, 7))} "
        f"{[(kind, len([n for n in range(key, 6000, 7) if n % 3 == kind])) for kind in range(3)]} "
        f"{[key, key + 7]}"
        for key in range(7)
    ]
    + ["8997000", "9000000"]
)


def wait_for(is_so, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


def checkpoints(folder):
    try:
        return {name for name in os.listdir(folder / "checkpoints") if name.startswith("checkpoint-")}
    except FileNotFoundError:
        return set()


def started(folder, parallelism, gate, **environment):
    path = folder / "counting.py"
    path.write_text(textwrap.dedent(COUNTING), encoding="utf-8")
    arguments = [sys.executable, str(path), str(folder), str(parallelism), str(gate)]
    return subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})


@pytest.mark.parametrize("before, after", [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_a_killed_program_goes_on_where_it_was(tmp_path, before, after):
    gate = tmp_path / "gate"
    first = started(tmp_path, before, gate)
    # Some checkpoints after the source came to its gate, so that what is before it is in one of them.
    wait_for(lambda: checkpoints(tmp_path) or first.poll() is not None)
    seen = checkpoints(tmp_path)
    wait_for(lambda: len(checkpoints(tmp_path) - seen) > 0 or first.poll() is not None)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert checkpoints(tmp_path) and not (tmp_path / "results").exists()
    gate.touch()
    again = started(tmp_path, after, gate, MILLSTREAM_RESTORE="latest")
    _, said = again.communicate(timeout=60)
    assert again.returncode == 0, said
    # At least once: what was written behind the last checkpoint is written again.
    assert sorted(set((tmp_path / "results").read_text().splitlines())) == EXPECTED


def test_an_undisturbed_run_gives_the_same(tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    _, said = started(tmp_path, 2, gate).communicate(timeout=60)
    assert sorted((tmp_path / "results").read_text().splitlines()) == EXPECTED, said


class Count(MapFunction):
    def open(self, runtime_context):
        self.count = runtime_context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def map(self, value):
        self.count.update((self.count.value() or 0) + 1)
        return self.count.value()


def with_checkpoints(folder, parallelism, **settings):
    configuration = Configuration().set_string("execution.checkpointing.dir", str(folder))
    for name, value in settings.items():
        configuration.set_string(name.replace("__", "-").replace("_", "."), value)
    env = StreamExecutionEnvironment.get_execution_environment(configuration).set_parallelism(parallelism)
    return env.enable_checkpointing(10)


def test_a_worker_that_is_killed_is_replaced_and_the_job_goes_on_from_its_checkpoint(tmp_path):
    env = with_checkpoints(
        tmp_path / "checkpoints",
        2,
        restart__strategy_type="fixed-delay",
        **{"restart__strategy_fixed__delay_delay": "10 ms"},
    )
    mark = str(tmp_path / "killed")
    folder = str(tmp_path / "checkpoints")

    def numbers():
        for number in range(2_000):
            if number == 1_000:
                wait_for(lambda: any(name.startswith("checkpoint-") for name in os.listdir(folder)))
            yield number

    def once(value):
        if value == 1_500 and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    counts = env.add_source(numbers).map(once).key_by(lambda x: x % 2).map(Count())
    found = list(counts.execute_and_collect())
    assert os.path.exists(mark)
    assert sorted(found) == sorted(list(range(1, 1_001)) * 2)


def test_a_savepoint_is_what_another_program_begins_with(tmp_path):
    env = with_checkpoints(tmp_path, 1)
    seen = str(tmp_path / "seen")

    def three_and_wait():
        yield from "aab"
        while True:
            time.sleep(0.01)

    def see(value):
        with open(seen, "a") as file:
            file.write(f"{value}\n")

    def lines():
        try:
            with open(seen) as file:
                return sorted(file.read().split())
        except FileNotFoundError:
            return []

    env.add_source(three_and_wait).key_by(lambda x: x).map(Count()).uid("count").add_sink(see)
    client = env.execute_async("saves")
    wait_for(lambda: len(lines()) == 3)
    path = client.stop_with_savepoint(False).result()
    assert path.startswith(str(tmp_path)) and os.path.exists(path)
    assert client.get_job_status().result().name == "CANCELED"
    again = with_checkpoints(tmp_path, 2, execution_state__recovery_path=path)
    again._settings.set_boolean("execution.state-recovery.ignore-unclaimed-state", True)
    counts = (
        again.from_collection(["a", "b", "c"]).map(lambda x: x).key_by(lambda x: x).map(Count()).uid("count")
    )
    assert sorted(counts.execute_and_collect()) == [1, 2, 3]


def test_a_program_that_raises_again_and_again_fails_in_the_end(tmp_path):
    env = with_checkpoints(
        tmp_path, 1, restart__strategy_type="fixed-delay", **{"restart__strategy_fixed__delay_delay": "1 ms"}
    )
    env.from_collection([1]).map(lambda x: 1 // 0).add_sink(print)
    with pytest.raises(JobExecutionException) as raised:
        env.execute()
    assert "ZeroDivisionError" in str(raised.value) and "attempt 2" in str(raised.value)


def test_state_that_nobody_claims_is_refused(tmp_path):
    class Other(KeyedProcessFunction):
        def process_element(self, value, ctx):
            yield value

    env = with_checkpoints(tmp_path, 1)
    env.from_collection([1]).key_by(lambda x: x).map(Count()).uid("count").add_sink(str)
    env.execute()
    again = with_checkpoints(tmp_path, 1, execution_state__recovery_path="latest")
    again.from_collection([1]).key_by(lambda x: x).process(Other()).uid("other").add_sink(str)
    with pytest.raises(JobExecutionException, match="count"):
        again.execute()


def test_wrong_settings_are_refused_by_name():
    for name, value in [
        ("restart-strategy.type", "sometimes"),
        ("execution.checkpointing.interval", "often"),
        ("execution.runtime-mode", "fast"),
    ]:
        with pytest.raises(ValueError, match=name):
            settings = Configuration().set_string(name, value)
            env = StreamExecutionEnvironment.get_execution_environment(settings)
            env.from_collection([1]).print()
            env.get_execution_plan()


@pytest.mark.parametrize("kind, expected", [(list, [1, 2, 3, 4]), (iter, [])])
def test_after_a_restart_an_iterable_is_read_again_and_an_iterator_goes_on(tmp_path, kind, expected):
    env = with_checkpoints(
        tmp_path / "checkpoints",
        1,
        restart__strategy_type="fixed-delay",
        **{"restart__strategy_fixed__delay_delay": "1 ms"},
    )
    env.get_checkpoint_config().set_checkpoint_interval(3_600_000)
    mark = str(tmp_path / "failed")

    def once(value):
        if value == 3 and not os.path.exists(mark):
            open(mark, "w").close()
            raise OSError("fails once")
        return value

    found = list(env.add_source(kind([1, 2, 3, 4])).map(once).execute_and_collect())
    assert found == expected and os.path.exists(mark)


def test_a_stream_of_nothing_ends(tmp_path):
    env = with_checkpoints(tmp_path, 2)
    assert (
        list(env.from_collection([]).map(lambda x: x).key_by(lambda x: x).map(Count()).execute_and_collect())
        == []
    )
