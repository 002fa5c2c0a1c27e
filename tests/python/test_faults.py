"""What goes wrong, and what is said about it."""

import os
import signal
import sys
import threading
import time

import pytest

from millstream.errors import TaskError
from millstream.spark import SparkContext


def test_an_exception_in_a_task_says_where_and_at_which_record(sc):
    def divide(n):
        return 10 // (n - 7)

    with pytest.raises(TaskError) as raised:
        sc.parallelize(range(10), 2).map(divide).collect()
    text = str(raised.value).splitlines()
    assert text[0] == "Traceback (most recent call last):"
    assert "test_faults.py" in text[1] and "in divide" in text[1]
    assert text[-2].startswith("ZeroDivisionError: integer division")
    assert text[-1] == "in operator `map`, partition 1, attempt 1, at the record 7"
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    "name, fail",
    [
        ("reduceByKey", lambda sc: sc.parallelize([("a", 1), ("a", "b")], 1).reduceByKey(lambda a, b: a + b)),
        ("mapPartitions", lambda sc: sc.parallelize([1], 1).mapPartitions(lambda it: [n / 0 for n in it])),
        ("flatMap", lambda sc: sc.parallelize([1], 1).flatMap(lambda n: (n / 0 for _ in "a"))),
        ("filter", lambda sc: sc.parallelize([1], 1).filter(lambda n: n.missing)),
        ("flatMap", lambda sc: sc.parallelize([1], 1).flatMap(lambda n: n)),
    ],
)
def test_each_operator_is_named(sc, name, fail):
    with pytest.raises(TaskError, match=f"in operator `{name}`, partition 0"):
        fail(sc).collect()


def test_a_long_record_is_shortened(sc):
    with pytest.raises(TaskError) as raised:
        sc.parallelize(["x" * 10_000], 1).map(int).collect()
    assert len(str(raised.value).splitlines()[-1]) < 300


def test_sys_exit_in_a_task_fails_the_task_alone(sc):
    with pytest.raises(TaskError, match="SystemExit: 3"):
        sc.parallelize([1], 1).map(lambda _: sys.exit(3)).collect()
    assert sc.parallelize([1], 1).collect() == [1]


def test_recursion_without_end_fails_the_task_alone(sc):
    def forever(n):
        return forever(n + 1)

    with pytest.raises(TaskError, match="RecursionError"):
        sc.parallelize([1], 1).map(forever).collect()
    assert sc.parallelize([1], 1).collect() == [1]


def test_what_cannot_be_pickled_is_named_with_the_path_to_it(sc):
    class Holder:
        def __init__(self):
            self.locks = {"a": threading.Lock()}

    holder = Holder()
    with pytest.raises(Exception, match=r"given to `map`.*-> holder\.locks\['a'\] \(lock\) cannot be pickled"):
        sc.parallelize([1], 1).map(lambda n: holder).collect()


def test_the_context_cannot_be_used_in_a_transformation(sc):
    with pytest.raises(Exception, match="SparkContext can only be used on the driver"):
        sc.parallelize([1], 1).map(lambda n: sc.parallelize([n]).collect()).collect()
    numbers = sc.parallelize([1], 1)
    with pytest.raises(Exception, match="can only be invoked by the driver"):
        numbers.map(lambda n: numbers.count()).collect()


def test_an_accumulator_cannot_be_read_in_a_task(sc):
    count = sc.accumulator(0)
    with pytest.raises(TaskError, match="can be read and set in the driver only"):
        sc.parallelize([1], 1).map(lambda _: count.value).collect()


def test_what_a_failed_attempt_added_does_not_count(workers, tmp_path):
    count, mark = workers.accumulator(0), str(tmp_path / "died")

    def once_die(n):
        count.add(1)
        if not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    assert workers.parallelize(range(10), 1).map(once_die).collect() == list(range(10))
    assert count.value == 10


def test_a_worker_that_always_dies_fails_the_job_and_says_how(workers):
    with pytest.raises(RuntimeError, match=r"worker process \d+ was killed \(signal 9\)[\s\S]*all 4 attempts"):
        workers.parallelize([1], 1).map(lambda _: os.kill(os.getpid(), signal.SIGKILL)).collect()
    with pytest.raises(RuntimeError, match="ended with exit code 5"):
        workers.parallelize([1], 1).map(lambda _: os._exit(5)).collect()
    assert workers.parallelize([1, 2], 2).collect() == [1, 2]


def test_one_context_at_a_time(sc):
    with pytest.raises(ValueError, match="Cannot run multiple SparkContexts at once"):
        SparkContext("local", "second")
    assert SparkContext.getOrCreate() is sc


def test_a_stopped_context_runs_nothing():
    context = SparkContext("local", "stopped")
    numbers = context.parallelize([1])
    context.stop()
    context.stop()
    with pytest.raises(RuntimeError, match="was stopped"):
        numbers.collect()


@pytest.mark.parametrize("master", ["spark://host:7077", "local[0]", "local[x]", "yarn", ""])
def test_a_master_that_cannot_be_is_refused(master):
    with pytest.raises(ValueError, match="cannot run on the master|has no slot"):
        SparkContext(master, "no")


def test_a_path_that_does_not_exist_is_named(sc, tmp_path):
    with pytest.raises(Exception, match=f"Input path does not exist: {tmp_path}/none"):
        sc.textFile(f"{tmp_path}/none").collect()
    with pytest.raises(Exception, match="already exists"):
        sc.parallelize([1]).saveAsTextFile(str(tmp_path))


def test_a_failed_save_leaves_no_folder(sc, tmp_path):
    with pytest.raises(TaskError):
        sc.parallelize([1, 0], 2).map(lambda n: 1 // n).saveAsTextFile(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_another_python_in_the_worker_is_refused(program, tmp_path):
    fake = tmp_path / "python-of-another-version"
    fake.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import platform; platform.python_version = lambda: \'3.7.1\'; '
        'import sys; exec(sys.argv[1])" "$2"\n'
    )
    fake.chmod(0o755)
    ended = program(
        """
        from millstream.spark import SparkContext
        SparkContext("local[1]", "versions").parallelize([1]).collect()
        """,
        PYSPARK_PYTHON=str(fake),
    )
    assert ended.returncode == 1 and "is Python 3.7.1" in ended.stderr and "PYSPARK_PYTHON" in ended.stderr


def test_a_worker_interpreter_that_does_not_exist_is_named(program):
    ended = program(
        'from millstream.spark import SparkContext\nSparkContext("local[1]", "x")', PYSPARK_PYTHON="/no/such/python"
    )
    assert ended.returncode == 1 and "worker interpreter `/no/such/python` cannot be started" in ended.stderr
