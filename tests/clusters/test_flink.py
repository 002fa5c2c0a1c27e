"""Programs on a real session cluster of Flink."""

import re
import signal

import pytest

from conftest import PROGRAMS, eventually, get


def test_the_articles_program_runs(flink):
    ran = flink.run(PROGRAMS / "article_flink.py")
    assert ran.ended() == 0, ran.said()
    assert ran.output.splitlines() == ["sink 2", "sink 4", "sink 6"]
    job = re.search(r"on Flink \S+ at \S+: job ([0-9a-f]{32}), Flink Streaming Example", ran.errors)
    assert job and f"job {job[1]} finished after" in ran.errors
    assert get(f"http://{flink.master}/jobs/{job[1]}")["state"] == "FINISHED"


def test_a_keyed_stateful_job_counts_and_its_output_comes_home(flink):
    ran = flink.run(PROGRAMS / "keyed_state.py", "to", "be", "or", "not", "to", "be", "to")
    assert ran.ended() == 0, ran.said()
    lines = ran.output.splitlines()
    counts = [
        f"+I[{word},{seen}]" for word, seen in zip("to be or not to be to".split(), [1, 1, 1, 1, 2, 2, 3])
    ]
    assert [line for line in lines if line.startswith("+I")] == counts
    # What a function prints is in the task manager's log, and comes home as well.
    assert [line for line in lines if line.startswith("counting")] == [
        f"counting {c[3:].split(',')[0]}" for c in counts
    ]
    assert any(re.fullmatch("job [0-9a-f]{32}", line) for line in lines)


def test_a_failing_job_shows_the_users_traceback_and_the_operator_and_ends_in_spite_of_checkpoints(flink):
    ran = flink.run(PROGRAMS / "failing_flink.py")
    assert ran.ended() == 1, ran.said()
    path = PROGRAMS / "failing_flink.py"
    shown = ran.errors[ran.errors.index("Traceback") :].splitlines()
    assert shown[0] == "Traceback (most recent call last):"
    assert (
        shown[1] == f'  File "{path}", line 5, in invert' and shown[2].strip() == "return 12 // (number - 2)"
    )
    end = shown.index("ZeroDivisionError: integer division or modulo by zero")
    assert re.fullmatch(r"in operator `.*inverse.*`, subtask 1 of 1, attempt 4, on \S+", shown[end + 1])
    assert shown[end + 2 : end + 4] == ["called from", f'  File "{path}", line 11, in <module>']
    assert ran.errors.count("failed and is restarted: ZeroDivisionError") == 3
    assert "java" not in ran.errors and "pyflink/" not in ran.errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_job(flink, number):
    running = flink.begin(PROGRAMS / "endless.py")
    running.wait_for(lambda it: "3" in it.output.split())
    running.process.send_signal(number)
    assert running.ended() == 128 + number, running.said()
    job = re.search("job ([0-9a-f]{32}), for ever", running.errors)
    assert get(f"http://{flink.master}/jobs/{job[1]}")["state"] == "CANCELED"
    assert f"job {job[1]} was cancelled" in running.errors and "Traceback" not in running.errors


def test_a_job_that_nobody_waits_for_is_waited_for_and_its_failure_counts(flink, program):
    ran = flink.run(
        program(
            """
            from millstream.flink.datastream import StreamExecutionEnvironment
            from millstream.flink.datastream.functions import SinkFunction

            class Numbers:
                def read(self, position):
                    yield from ((n + 1, n) for n in range(position or 0, 2))

            env = StreamExecutionEnvironment.get_execution_environment()
            env.add_source(Numbers()).map(lambda n: 1 // n).add_sink(SinkFunction(lambda n: None))
            env.execute_async("begun")
            print("the program has ended")
            """
        )
    )
    assert ran.ended() == 1, ran.said()
    assert "the program has ended" in ran.output and "ZeroDivisionError" in ran.errors


def test_the_driver_killed_leaves_no_job(flink):
    running = flink.begin(PROGRAMS / "endless.py")
    running.wait_for(lambda it: "3" in it.output.split())
    job = re.search("job ([0-9a-f]{32}), for ever", running.errors)
    running.process.kill()
    running.ended()
    eventually(lambda: get(f"http://{flink.master}/jobs/{job[1]}")["state"] == "CANCELED")
