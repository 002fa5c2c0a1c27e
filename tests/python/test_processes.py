"""Processes: who outlives whom, and what Ctrl-C does."""

import os
import signal
import subprocess
import sys
import time

import pytest

BLOCKED = """
import os, sys, time
from millstream.spark import SparkContext
sc = SparkContext(sys.argv[1], "blocked")

def block(_):
    with open(sys.argv[2] + str(os.getpid()), "w"):
        pass
    while True:
        time.sleep(0.01)

try:
    sc.parallelize([1, 2], 2).foreach(block)
except KeyboardInterrupt:
    print("interrupted", sc.parallelize([1, 2], 2).collect(), flush=True)
"""


def started(tmp_path, master, tasks):
    """A program whose tasks block, and the numbers of the processes that they run in."""
    path = tmp_path / "blocked.py"
    path.write_text(BLOCKED.replace("sys.argv[2]", repr(str(tmp_path) + "/pid-")), encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(path), master], stdout=subprocess.PIPE, text=True)
    found = wait_for(lambda: [int(name[4:]) for name in os.listdir(tmp_path) if name.startswith("pid-")], tasks)
    return process, found


def wait_for(look, count, seconds=30):
    end = time.monotonic() + seconds
    while len(found := look()) < count:
        assert time.monotonic() < end, f"only {found} after {seconds} s"
        time.sleep(0.01)
    return found


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids, seconds=10):
    end = time.monotonic() + seconds
    while any(map(lives, pids)):
        assert time.monotonic() < end, f"{[pid for pid in pids if lives(pid)]} outlived their driver"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
def test_no_worker_outlives_its_driver_however_that_died(tmp_path, number):
    process, workers = started(tmp_path, "local[2]", 2)
    process.send_signal(number)
    process.wait()
    wait_until_gone(workers)


@pytest.mark.parametrize("master, tasks", [("local", 1), ("local[2]", 2)])
def test_an_interrupt_ends_the_job_and_the_context_goes_on(tmp_path, master, tasks):
    process, _ = started(tmp_path, master, tasks)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=30)
    assert printed == "interrupted [1, 2]\n" and process.returncode == 0


def test_workers_are_used_again(workers):
    pids = {tuple(workers.parallelize([1, 2], 2).map(lambda _: os.getpid()).collect()) for _ in range(5)}
    assert len({pid for pair in pids for pid in pair}) <= 2


def test_workers_end_with_their_context(program):
    ended = program(
        """
        import os
        from millstream.spark import SparkContext
        with SparkContext("local[2]", "ends") as sc:
            pids = sc.parallelize([1, 2], 2).map(lambda _: os.getpid()).collect()
        print([os.path.exists(f"/proc/{pid}") for pid in pids])
        """
    )
    assert ended.stdout == "[False, False]\n", ended.stderr


def test_a_program_that_forgets_to_stop_its_context_ends(program):
    ended = program(
        """
        from millstream.spark import SparkContext
        print(SparkContext("local[2]", "forgets").parallelize([1]).collect())
        """
    )
    assert (ended.returncode, ended.stdout) == (0, "[1]\n"), ended.stderr


def test_tasks_find_an_empty_standard_input_and_their_prints_are_not_lost(program):
    ended = program(
        """
        import subprocess, sys
        from millstream.spark import SparkContext

        def look(_):
            print("printed in a task")
            return sys.stdin.read() + subprocess.run(["cat"], capture_output=True, text=True).stdout

        with SparkContext("local[2]", "stdin") as sc:
            print(sc.parallelize([1, 2], 2).map(look).collect())
        """
    )
    assert ended.stdout == "['', '']\n", ended.stderr
    assert ended.stderr.count("printed in a task") == 2
