"""Tasks that know no end and no measure: cancelled jobs, memory that is used up, other Pythons."""

import re
import resource
import sys
import threading
import time

import pytest

from millstream.errors import TaskError


def wait_for(look, seconds=30):
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.005)


def spin(n):
    while True:
        n += 1


def sleep(n):
    time.sleep(1000)


@pytest.mark.parametrize("blocks", [spin, sleep])
def test_a_job_that_blocks_for_ever_is_cancelled_and_the_context_goes_on(sc, blocks):
    found = []

    def job():
        try:
            sc.parallelize([1, 2], 2).foreach(blocks)
        except BaseException as error:
            found.append(error)

    for _ in range(2):
        thread = threading.Thread(target=job)
        thread.start()
        tracker = sc.statusTracker()
        wait_for(
            lambda: any(
                info.numActiveTasks for info in map(tracker.getStageInfo, tracker.getActiveStageIds()) if info
            )
        )
        sc.cancelAllJobs()
        thread.join(30)
        assert not thread.is_alive()
        assert sc.parallelize(range(4), 4).map(lambda n: n * 2).collect() == [0, 2, 4, 6]
    assert len(found) == 2 and all(
        "cancel" in str(error) or "Interrupt" in str(error) for error in found
    ), found


def test_memory_that_is_used_up_fails_the_task_with_the_users_line(workers):
    def use_up(n):
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
        try:
            return len([0] * (1 << 32))
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    with pytest.raises(
        TaskError, match=r"in use_up[\s\S]*MemoryError\nin operator `map`, partition 0"
    ) as raised:
        workers.parallelize([1], 1).map(use_up).collect()
    assert isinstance(raised.value.__cause__, MemoryError)
    assert workers.parallelize([1, 2], 2).collect() == [1, 2]


def test_a_worker_that_finds_no_memory_for_its_result_fails_the_job_and_not_the_program(workers):
    def large(n):
        text = "x" * (64 << 20)
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (32 << 20), resource.RLIM_INFINITY))
        return text

    with pytest.raises(RuntimeError, match=r"MemoryError|worker process \d+ was ended by signal 6"):
        workers.parallelize([1], 1).map(large).collect()
    assert workers.parallelize([1, 2], 2).collect() == [1, 2]


def other_python():
    """An interpreter of another minor version, made of this one."""
    pretend = "import platform, sys; platform.python_version = lambda: '3.7.1'; exec(sys.argv[1])"
    return f'#!/bin/sh\nexec {sys.executable} -c "{pretend}" "$2"\n'


@pytest.mark.parametrize("is_set", [True, False])
def test_another_python_is_refused_with_both_versions(program, tmp_path, is_set):
    other = tmp_path / "other"
    other.write_text(other_python())
    other.chmod(0o755)
    text = f"""
        from millstream.spark import SparkConf, SparkContext
        conf = SparkConf()
        if {is_set}:
            conf.set("spark.pyspark.python", {str(other)!r})
        SparkContext("local[1]", "versions", conf=conf).range(1).collect()
    """
    ended = program(text, PYSPARK_PYTHON="/no/such/python" if is_set else str(other))
    versions = rf"is Python 3\.7\.1 .* the driver is Python {sys.version_info[0]}\.{sys.version_info[1]}"
    assert ended.returncode == 1 and re.search(versions, ended.stderr), ended.stderr
    assert "spark.pyspark.python, or else PYSPARK_PYTHON, names the interpreter" in ended.stderr
