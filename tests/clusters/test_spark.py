"""Programs on a real standalone cluster of Spark."""

import re
import signal
import socket
import threading

import pytest

from conftest import PROGRAMS, eventually, get, known


@pytest.fixture
def lines():
    """A port where whoever comes is told the same line again and again."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                while not over.wait(0.1):
                    connection.sendall(b"to be or to\n")
                return
            except OSError:
                if over.is_set():
                    return

    serving = threading.Thread(target=serve)
    serving.start()
    yield listener.getsockname()[1]
    over.set()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    serving.join()


def active() -> list:
    """The applications that the master lists as active."""
    return [application["id"] for application in get(known("MILLSTREAM_SPARK_PAGE") + "/json/")["activeapps"]]


def application(errors: str) -> str:
    found = re.search(r"on Spark \S+ at spark://\S+: application (app-\S+), ", errors)
    assert found, errors
    return found[1]


def test_the_articles_program_counts_words_until_ctrl_c_ends_its_application(spark, lines):
    running = spark.begin(PROGRAMS / "article_spark.py", lines)
    running.wait_for(lambda it: re.search(r"\('to', \d+\)", it.output) is not None)
    assert re.search(r"-{43}\nTime: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n-{43}\n\('", running.output)
    name = application(running.errors)
    assert name in active()
    running.process.send_signal(signal.SIGINT)
    assert running.ended() == 128 + signal.SIGINT, running.said()
    eventually(lambda: name not in active())
    assert "the program asks for the master local; it runs on spark://" in running.errors
    assert "Traceback" not in running.errors and f"application {name} has ended" in running.errors


def test_a_program_with_shuffle_cache_and_broadcast_and_its_own_exit_code(spark):
    ran = spark.run(PROGRAMS / "rdd.py", "one", "two words", terminal=True)
    assert ran.ended() == 7, ran.said()
    assert re.search(r"stage \d+: [01] of 2 tasks", ran.errors), ran.errors
    printed = ran.output.splitlines()
    assert [line for line in printed if not line.startswith("task sees")] == [
        "[('a', 12), ('b', 33)]",
        "4 True",
        "[0, 0, 1, 1]",
        "rdd.py ['one', 'two words'] __main__",
    ]
    # What tasks print is on the worker, and comes home as well.
    assert [line for line in printed if line.startswith("task sees")] == ["task sees a", "task sees b"]


def test_a_failing_program_shows_the_users_traceback_and_the_task(spark):
    ran = spark.run(PROGRAMS / "failing_spark.py")
    assert ran.ended() == 1, ran.said()
    path = PROGRAMS / "failing_spark.py"
    shown = ran.errors[ran.errors.index("Traceback") :].splitlines()
    assert shown[0] == "Traceback (most recent call last):"
    assert (
        shown[1] == f'  File "{path}", line 5, in invert' and shown[2].strip() == "return 12 // (number - 2)"
    )
    end = shown.index("ZeroDivisionError: integer division or modulo by zero")
    place = f"in stage 0 (collect at {path}:10), partition 1, attempt 4, on executor 0 at 127.0.0.1"
    assert shown[end + 1 : end + 4] == [place, "called from", f'  File "{path}", line 10, in <module>']
    assert "java" not in ran.errors and "pyspark" not in ran.errors


def test_the_launcher_killed_leaves_no_application(spark, lines):
    running = spark.begin(PROGRAMS / "article_spark.py", lines)
    running.wait_for(lambda it: "application app-" in it.errors)
    name = application(running.errors)
    running.process.kill()
    running.ended()
    eventually(lambda: name not in active())
