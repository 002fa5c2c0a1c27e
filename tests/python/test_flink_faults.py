"""What goes wrong in a stream, and what is said of it."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from millstream.flink.common import Types
from millstream.flink.datastream import MapFunction, StreamExecutionEnvironment
from millstream.flink.errors import JobCancellationException, JobExecutionException
from millstream.flink.util.exceptions import JavaException


@pytest.fixture(params=[1, 2])
def env(request):
    return StreamExecutionEnvironment.get_execution_environment().set_parallelism(request.param)


def failure(env, stream):
    stream.add_sink(lambda value: None)
    with pytest.raises(JobExecutionException) as raised:
        env.execute("fails")
    return raised.value


def test_a_function_that_raises_is_shown_first_then_where_it_was(env):
    def inverse(value):
        return 1 // value

    error = failure(env, env.from_collection([2, 1, 0]).map(lambda x: x).map(inverse).name("inverse"))
    lines = str(error).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[2].strip() == "return 1 // value" and "ZeroDivisionError: integer division" in str(error)
    assert "_stream" not in str(error)
    assert "in operator `inverse`, subtask" in lines[-1] and lines[-1].endswith("attempt 1, at the record 0")
    assert isinstance(error.__cause__, ZeroDivisionError) and isinstance(error, JavaException)


def test_a_long_record_is_shortened(env):
    error = failure(env, env.from_collection(["x" * 10_000]).map(lambda x: x + 1))
    assert len(str(error)) < 2_000 and "..." in str(error)


def test_a_record_of_another_type_than_declared_names_both(env):
    error = failure(env, env.from_collection([1, 2]).map(lambda x: "two" if x == 2 else x, Types.LONG()))
    assert "'two' of type str was given where Types.LONG()" in str(error)
    assert "in operator `Map`" in str(error) and str(error).endswith("at the record 2")


def test_what_cannot_be_pickled_is_named_with_the_path_to_it(env):
    class Holder(MapFunction):
        def __init__(self):
            self.parts = {"lock": threading.Lock()}

        def map(self, value):
            return value

    with pytest.raises(
        Exception, match=r"given to `map` cannot be sent to a task: Holder\.parts\['lock'\] \(lock\)"
    ):
        env.from_collection([1]).map(Holder())


def test_sys_exit_is_an_error_of_the_function_and_nothing_else(env):
    error = failure(env, env.from_collection([1]).filter(lambda x: sys.exit(3)))
    assert "SystemExit: 3" in str(error) and "in operator `Filter`" in str(error)


def test_recursion_without_end_is_an_error(env):
    def deeper(value):
        return deeper(value + 1)

    error = failure(env, env.from_collection([1]).map(deeper))
    assert "RecursionError: maximum recursion depth exceeded" in str(error) and len(str(error)) < 3_000


def test_a_key_that_cannot_be_one_is_an_error(env):
    error = failure(env, env.from_collection([1]).key_by(lambda x: [x]).reduce(lambda a, b: a))
    assert "unhashable type: 'list'" in str(error) and "Reduce" in str(error)


def test_a_source_that_raises_is_named(env):
    def broken():
        yield 1
        raise OSError("the line is dead")

    error = failure(env, env.add_source(broken, "sensor").map(lambda x: x))
    assert "OSError: the line is dead" in str(error) and "in operator `sensor`" in str(error)


def test_open_and_close_that_raise_are_named(env):
    class Opens(MapFunction):
        def open(self, runtime_context):
            raise ValueError("no file")

        def map(self, value):
            return value

    class Closes(MapFunction):
        def map(self, value):
            return value

        def close(self):
            raise ValueError("not closed")

    assert "in operator `Map`" in str(failure(env, env.from_collection([1]).map(Opens())))
    assert "not closed" in str(failure(env, env.from_collection([1]).map(Closes())))


def test_a_worker_that_is_killed_fails_the_job_with_a_cause():
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    error = failure(env, env.from_collection([1]).map(lambda x: os.kill(os.getpid(), signal.SIGKILL)))
    assert "was killed (signal 9), by somebody or because the memory was used up" in str(error)
    assert list(env.from_collection([1]).map(lambda x: x).execute_and_collect()) == [1]


def test_another_python_in_the_worker_is_refused(tmp_path):
    fake = tmp_path / "python"
    fake.write_text(
        f"#!/bin/sh\nshift; exec {sys.executable} -c \"import platform; platform.python_version = lambda: '3.7.1'; $1\"\n"
    )
    fake.chmod(0o755)
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    env.set_python_executable(str(fake))
    error = failure(env, env.from_collection([1]).map(lambda x: x))
    assert "is Python 3.7.1" in str(error) and "set_python_executable" in str(error)
    env.set_python_executable("/no/such/python")
    error = failure(env, env.from_collection([1]).map(lambda x: x))
    assert "the worker interpreter `/no/such/python` cannot be started" in str(error)


@pytest.mark.parametrize("how", ["sleeps", "spins"])
@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_function_that_blocks_for_ever_is_cancelled(tmp_path, how, parallelism, recwarn):
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(parallelism)
    mark = str(tmp_path / "begun")

    def block(value):
        open(mark, "w").close()
        while True:
            if how == "sleeps":
                time.sleep(10)

    env.from_collection([1]).map(block).add_sink(print)
    client = env.execute_async("blocks")
    wait_for(lambda: os.path.exists(mark))
    assert client.get_job_status().result().name == "RUNNING"
    begun = time.monotonic()
    client.cancel().result()
    assert time.monotonic() - begun < 20
    assert client.get_job_status().result().name == "CANCELED"
    with pytest.raises(JobCancellationException):
        client.get_job_execution_result().result()


def wait_for(is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.01)


BLOCKED = """
import os, sys, time
from millstream.flink.datastream import StreamExecutionEnvironment
env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(int(sys.argv[1]))

def block(value):
    with open(FOLDER + str(os.getpid()), "w"):
        pass
    while True:
        time.sleep(0.01)

env.from_collection([1, 2]).map(block).add_sink(print)
try:
    env.execute("blocked")
except KeyboardInterrupt:
    print("interrupted", sorted(env.from_collection([1, 2]).map(lambda x: x).execute_and_collect()), flush=True)
"""


def started(tmp_path, parallelism):
    path = tmp_path / "blocked.py"
    path.write_text(BLOCKED.replace("FOLDER", repr(str(tmp_path) + "/pid-")), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, str(path), str(parallelism)], stdout=subprocess.PIPE, text=True
    )
    pids = lambda: [int(name[4:]) for name in os.listdir(tmp_path) if name.startswith("pid-")]  # noqa: E731
    wait_for(lambda: len(pids()) == parallelism)
    return process, pids()


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_driver(tmp_path, number):
    process, workers = started(tmp_path, 2)
    process.send_signal(number)
    process.wait()
    wait_for(lambda: not any(map(lives, workers)))


@pytest.mark.parametrize("parallelism", [1, 2])
def test_an_interrupt_ends_the_job_and_the_program_goes_on(tmp_path, parallelism):
    process, _ = started(tmp_path, parallelism)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert printed == "interrupted [1, 2]\n" and process.returncode == 0


def test_workers_are_used_again():
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    pids = set()
    for _ in range(4):
        pids |= set(env.from_collection([1, 2]).map(lambda x: os.getpid()).execute_and_collect())
    assert len(pids) == 2


def test_tasks_find_an_empty_standard_input_and_their_prints_are_not_lost(program):
    ended = program(
        """
        import sys
        from millstream.flink.datastream import StreamExecutionEnvironment

        def look(_):
            print("printed in a function")
            return sys.stdin.read()

        env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
        print(list(env.from_collection([1, 2]).map(look).execute_and_collect()))
        """
    )
    assert ended.stdout == "['', '']\n", ended.stderr
    assert ended.stderr.count("printed in a function") == 2


@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_program_that_ends_while_its_job_runs_ends_the_job(program, parallelism):
    ended = program(
        """
        import sys, time
        from millstream.flink.datastream import StreamExecutionEnvironment
        env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(int(sys.argv[1]))
        endless = env.add_source(lambda: iter(int, 1)).map(lambda x: x)
        endless.add_sink(str)
        env.execute_async("endless")
        taken = endless.execute_and_collect()
        print(next(taken))
        """,
        str(parallelism),
    )
    assert (ended.returncode, ended.stdout) == (0, "0\n"), ended.stderr
