"""Shells and terminals: the line of progress, and Ctrl-C."""

import re
import subprocess
import sys
import threading

import pytest

from millstream._progress import line
from millstream.spark import TaskContext
from terminal import Terminal

#: Four tasks, of which the last waits for a file. What is printed goes to standard output.
LONG = """
import os, sys, time
from millstream.spark import SparkConf, SparkContext

def wait(n):
    if n == 3:
        # Waits.
        while not os.path.exists("go"):
            time.sleep(0.01)
    return n

conf = SparkConf().setMaster(sys.argv[1]).setAppName("long")
for setting in sys.argv[2:]:
    conf.set(*setting.split("="))
with SparkContext(conf=conf) as sc:
    print("the result is", sc.parallelize(range(4), 4).map(wait).collect(), flush=True)
"""


#: A stream of three records; the last waits for the file.
STREAM = """
import os, sys, time
from millstream.flink.common import Configuration
from millstream.flink.datastream import StreamExecutionEnvironment

def numbers():
    yield from (1, 2)
    # Waits.
    while not os.path.exists("go"):
        time.sleep(0.01)
    yield 3

settings = Configuration()
for setting in sys.argv[2:]:
    settings.set_string(*setting.split("="))
env = StreamExecutionEnvironment.get_execution_environment(settings).set_parallelism(int(sys.argv[1]))
env.add_source(numbers).map(str).key_by(len).map(lambda text: text * 2).PRINT
env.execute("numbers")
print("it has ended", flush=True)
"""

#: In front of a program: makes the file once a line of the job that runs would have been drawn some times.
LOOKED = """
import pathlib
from millstream._progress import Progress

looks = []

def looked(columns):
    looks.append(columns)
    if len(looks) == 10:
        pathlib.Path("go").touch()
    return ""

def looking():
    # Whether anybody looks or not.
    Progress(looked)._begin()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "long.py").write_text(LONG)
    (tmp_path / "stream.py").write_text(STREAM.replace("PRINT", "add_sink(lambda text: None)"))
    (tmp_path / "printed.py").write_text(STREAM.replace("PRINT", "print().set_parallelism(1)"))
    (tmp_path / "collected.py").write_text(
        STREAM.replace(".map(lambda text: text * 2).PRINT", "")
        .replace("env.add_source", "found = env.add_source")
        .replace('env.execute("numbers")', 'for text in found.execute_and_collect("numbers"): print(text, flush=True)')
    )
    (tmp_path / "says.py").write_text(STREAM.replace("PRINT", "add_sink(print)"))
    return tmp_path


def looked(folder, name):
    """The program, which waits no longer than until a line would have been seen."""
    program = (folder / name).read_text()
    assert program.count("# Waits.") == 1
    (folder / f"looked_{name}").write_text(LOOKED + program.replace("# Waits.", "looking()"))
    return f"looked_{name}"


@pytest.mark.parametrize("master, active", [("local", 1), ("local[2]", 1)])
def test_a_long_job_is_shown_on_a_terminal_and_cleaned_away(folder, master, active):
    with Terminal(["long.py", master], cwd=folder) as terminal:
        terminal.wait_for(r"\r\[Stage \d+ map:=+> *\(3 \+ %d\) / 4\]" % active)
        (folder / "go").touch()
        rest = terminal.rest()
        shown, _, result = rest.rpartition("the result is")
        assert result == " [0, 1, 2, 3]\n"
        # The last thing before the result is a line of blanks.
        assert shown.endswith("\r") and set(shown[:-1].rpartition("\r")[2]) == {" "}


def test_a_job_of_two_stages_shows_the_one_that_runs(folder):
    text = LONG.replace(".collect()", ".groupBy(lambda n: n % 2).count()")
    (folder / "long.py").write_text(text)
    with Terminal(["long.py", "local[2]"], cwd=folder) as terminal:
        terminal.wait_for(r"\[Stage \d+ keyBy:=+> *\(3 \+ 1\) / 4\]")
        (folder / "go").touch()
        assert terminal.rest().endswith("the result is 2\n")


def test_a_short_job_shows_nothing(folder):
    (folder / "go").touch()
    with Terminal(["long.py", "local"], cwd=folder) as terminal:
        assert terminal.rest() == "the result is [0, 1, 2, 3]\n"


#: Programs with what they print, how many at once is asked for, and what turns the line off.
QUIET = {
    "long.py": ("local[2]", "spark.ui.showConsoleProgress=false", "the result is [0, 1, 2, 3]\n"),
    "stream.py": ("2", "millstream.progress=false", "it has ended\n"),
    "printed.py": ("1", "millstream.progress=false", "11\n22\n33\nit has ended\n"),
    "collected.py": ("1", "millstream.progress=false", "1\n2\n3\nit has ended\n"),
}


@pytest.mark.parametrize("name", QUIET)
def test_a_setting_turns_it_off(folder, name):
    width, off, printed = QUIET[name]
    with Terminal([looked(folder, name), width, off], cwd=folder) as terminal:
        assert terminal.rest() == printed


@pytest.mark.parametrize("name", QUIET)
def test_a_pipe_gets_nothing(folder, name):
    width, _, printed = QUIET[name]
    command = [sys.executable, looked(folder, name), width]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == (printed, "")


@pytest.mark.parametrize("name", QUIET)
def test_the_same_on_a_terminal_is_shown(folder, name):
    """The two tests above see nothing because there is nothing, and not because they do not wait for it."""
    with Terminal([looked(folder, name), QUIET[name][0]], cwd=folder) as terminal:
        terminal.wait_for(r"\r\[(Stage \d|numbers\] )")


@pytest.mark.parametrize("width", ["1", "2"])
def test_a_stream_that_is_waited_for_shows_what_it_reads(folder, width):
    with Terminal(["stream.py", width], cwd=folder) as terminal:
        terminal.wait_for(r"\r\[numbers\] \d+\.\d s  read 2 records, [\d.]+ a second")
        (folder / "go").touch()
        shown, _, rest = terminal.rest().rpartition("it has ended")
        assert rest == "\n"
        # The last thing before the end is a line of blanks.
        assert shown.endswith("\r") and set(shown[:-1].rpartition("\r")[2]) == {" "}


def test_waiting_for_a_client_is_shown_with_the_time_since_the_start(folder):
    text = (folder / "stream.py").read_text()
    late = (
        'client = env.execute_async("numbers")\n'
        'input("wait? ")\n'
        'client.get_job_execution_result().result()'
    )
    (folder / "client.py").write_text(text.replace('env.execute("numbers")', late))
    with Terminal(["client.py", "1"], cwd=folder) as terminal:
        terminal.wait_for(r"wait\? $")
        terminal.type("\n")
        terminal.wait_for(r"\r\[numbers\] \d+\.\d s  read 2 records, ")
        (folder / "go").touch()
        assert terminal.rest().endswith("it has ended\n")


def test_a_stream_whose_records_are_waited_for_is_shown_until_the_next_comes(folder):
    with Terminal(["collected.py", "1"], cwd=folder) as terminal:
        terminal.wait_for(r"\r\[numbers\] \d+\.\d s  read 2 records, [\d.]+ a second")
        (folder / "go").touch()
        rest = terminal.rest()
        # Blanks over the whole line, and then the record, from the first column on.
        assert re.search(r"\r {40,}\r3\n", rest), rest
        assert rest.endswith("it has ended\n")


@pytest.mark.parametrize("name", ["printed.py", "says.py"])
def test_the_line_steps_aside_for_what_a_stream_prints(folder, name):
    with Terminal([name, "1"], cwd=folder) as terminal:
        assert terminal.wait_for(r"11\n22\n") == "11\n22\n"
        terminal.wait_for(r"\r\[numbers\] [^\r]* a second")
        (folder / "go").touch()
        rest = terminal.rest()
        # Blanks over the whole line, and then what is printed, from the first column on.
        assert re.search(r"\r {40,}\r33\n", rest), rest
        assert rest.endswith("it has ended\n")


#: A task that says half a line once the file is there, and the other when the line wanted to be drawn.
SAYS = """
import os, sys, time
from millstream import _beside
from millstream.spark import SparkContext

wanted, is_free = [], _beside.is_free
_beside.is_free = lambda: wanted.append(is_free()) or wanted[-1]

def say(n):
    while not os.path.exists("half"):
        time.sleep(0.01)
    print("half a", end=" ", file=sys.stderr if n else sys.stdout)
    from __main__ import wanted
    while wanted.count(False) < 3:
        time.sleep(0.01)
    print("line", file=sys.stderr if n else sys.stdout)

out = sys.stdout
with SparkContext("local", "says") as sc:
    sc.parallelize([int(sys.argv[1])], 1).foreach(say)
assert sys.stdout is out
"""


@pytest.mark.parametrize("stream", ["0", "1"])
def test_the_line_does_not_come_into_a_line_that_is_begun(tmp_path, stream):
    (tmp_path / "halves.py").write_text(SAYS)
    with Terminal(["halves.py", stream], cwd=tmp_path) as terminal:
        terminal.wait_for(r"\r\[Stage \d+ [^\r]*1\) / 1\]")
        (tmp_path / "half").touch()
        assert re.search(r"\r {40,}\rhalf a line\n(\r\[[^\r]*)*(\r +\r)?$", terminal.rest())


def test_a_setting_that_is_neither_is_refused(tmp_path):
    from millstream.flink.common import Configuration
    from millstream.flink.datastream import StreamExecutionEnvironment

    settings = Configuration().set_string("millstream.progress", "maybe")
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    env.from_collection([1]).print()
    with pytest.raises(ValueError, match="millstream.progress is true or false, 'maybe' was given"):
        env.execute()


@pytest.mark.parametrize("width", [1, 2])
def test_the_metrics_of_a_stream_count_records(width):
    from millstream.flink.datastream import StreamExecutionEnvironment

    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(width)
    numbers = env.from_collection(range(10_000)).filter(lambda n: n % 2 == 0)
    numbers.key_by(lambda n: n % 10).reduce(lambda a, b: a + b).add_sink(lambda n: None).name("away")
    client = env.execute_async()
    client.get_job_execution_result().result()
    counts = client._job.metrics()
    assert client._job.records_read() == 10_000
    assert counts[0] == ("Collection", 0, 10_000)
    by_reduce = [(came, went) for name, came, went in counts if "educe" in name]
    assert by_reduce and by_reduce[0][0] == 5_000, counts


def test_output_into_a_pipe_leaves_the_line_on_the_terminal(folder):
    with Terminal(["long.py", "local[2]"], cwd=folder, stdout=subprocess.PIPE) as terminal:
        terminal.wait_for(r"\(3 \+ 1\) / 4\]")
        (folder / "go").touch()
        assert terminal.process.stdout.read() == b"the result is [0, 1, 2, 3]\n"


@pytest.mark.parametrize("master", ["local", "local[2]"])
def test_ctrl_c_in_a_shell_ends_the_job_and_the_session_goes_on(tmp_path, master):
    with Terminal(["-q"], cwd=tmp_path) as shell:
        shell.wait_for(">>> ")
        shell.type("import time; from millstream.spark import SparkContext\n")
        shell.wait_for("\n>>> ")
        shell.type(f"sc = SparkContext({master!r}, 'shell')\n")
        shell.wait_for("\n>>> ")
        for _ in range(2):
            shell.type("sc.parallelize(range(4), 4).foreach(lambda n: time.sleep(1000))\n")
            shell.wait_for(r"\[Stage \d+ ")
            shell.type("\x03")
            shell.wait_for(r"Traceback[\s\S]*KeyboardInterrupt\n>>> ", seconds=15)
            shell.type("sc.range(4).map(lambda n: n * n).collect()\n")
            shell.wait_for(r"\[0, 1, 4, 9\]\n>>> ")
        shell.type("exit()\n")
        shell.rest()
        assert shell.process.returncode == 0


SESSIONS = {
    "a stream": [
        "import itertools; from millstream.flink.datastream import StreamExecutionEnvironment as E",
        "env = E.get_execution_environment()",
        "_ = env.add_source(itertools.count()).map(str).filter(lambda n: n == '9').print()",
        "env.execute()",
        "list(env.from_collection([2]).map(lambda n: n * n).execute_and_collect())",
    ],
    "batches": [
        "from millstream.spark import SparkContext; from millstream.spark.streaming import StreamingContext",
        "sc = SparkContext('local', 'shell'); ssc = StreamingContext(sc, 0.1)",
        "ssc.queueStream([['9']]).foreachRDD(lambda rdd: print(*rdd.collect())); ssc.start()",
        "ssc.awaitTermination()",
        "ssc.stop(stopSparkContext=False); sc.parallelize([2]).map(lambda n: n * n).collect()",
    ],
}


@pytest.mark.parametrize("name", SESSIONS)
def test_ctrl_c_in_a_shell_ends_a_stream_and_the_session_goes_on(tmp_path, name):
    *before, runs, after = SESSIONS[name]
    with Terminal(["-q"], cwd=tmp_path) as shell:
        shell.wait_for(">>> ")
        for line in before:
            shell.type(line + "\n")
            shell.wait_for(r"\n>>> ")
        shell.type(runs + "\n")
        if name == "a stream":
            shell.wait_for(r"\n9\n")
        else:
            shell.wait_for(r"awaitTermination\(\)\n")
        shell.type("\x03")
        shell.wait_for(r"Traceback[\s\S]*KeyboardInterrupt\n>>> ", seconds=15)
        shell.type(after + "\n")
        shell.wait_for(r"\[4\]\n>>> ")
        shell.type("exit()\n")
        shell.rest()
        assert shell.process.returncode == 0


def test_what_a_shell_shows_of_things_says_what_they_are(sc):
    from millstream.flink.datastream import StreamExecutionEnvironment

    rdd = sc.parallelize([("a", 1)], 2).reduceByKey(lambda a, b: a + b, 3).setName("counts")
    assert repr(sc) == f"<SparkContext master={sc.master} appName=test>"
    assert re.fullmatch(r"RDD\[\d+\] made by reduceByKey, named 'counts'", repr(rdd))
    assert repr(rdd.partitioner) == "Partitioner(3, portable_hash)"
    assert repr(sc.getConf()) == f"<SparkConf spark.master={sc.master} spark.app.name=test>"
    assert repr(sc.statusTracker()) == "<StatusTracker: jobs [] run, stages []>"
    assert re.fullmatch(r"Broadcast<id=\d+>", repr(sc.broadcast(1)))
    assert re.fullmatch(r"Accumulator<id=\d+, value=3>", repr(sc.accumulator(3)))
    shown = sc.parallelize([1], 1).map(lambda _: repr(TaskContext.get())).first()
    assert re.fullmatch(r"<TaskContext of stage \d+, partition 0, attempt 0>", shown)
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    stream = env.from_collection([1]).map(str)
    assert repr(env) == "<StreamExecutionEnvironment streaming, parallelism 2, 2 steps>"
    assert repr(stream).startswith("<DataStream made by Map, of type ")
    assert repr(stream.key_by(len)).startswith("<KeyedStream made by Map, of type ")


def test_the_line_is_as_wide_as_the_terminal():
    stages = [(7, "collect", 4, 0, 0, 0), (3, "map", 10, 2, 4, 0)]
    assert len(line([stages], 80)) == 79
    assert len(line([stages, stages], 80)) == 78
    assert line([[(3, "map", 10, 0, 10, 0)]], 40) == "[Stage 3 map:============(10 + 0) / 10]"
    assert line([stages], 10) == "[Stage 3 "
    assert line([], 80) == line([[]], 80) == ""


def test_the_status_tracker_counts_the_tasks_of_stages(workers, tmp_path):
    go = str(tmp_path / "go")

    def wait(n):
        import os
        import time

        while n == 3 and not os.path.exists(go):
            time.sleep(0.01)
        return n, 1

    tracker = workers.statusTracker()
    counts = workers.parallelize(range(4), 4).map(wait).reduceByKey(lambda a, b: a + b, 3)
    job = threading.Thread(target=counts.collect)
    job.start()
    try:
        for _ in range(10_000):
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            if len(stages) == 2 and None not in stages and stages[1].numCompletedTasks == 3:
                break
            job.join(0.001)
        assert [stage.numTasks for stage in stages] == [3, 4]
        assert [stage.numActiveTasks for stage in stages] == [0, 1]
        info = tracker.getJobInfo(tracker.getActiveJobsIds()[0])
        assert info.stageIds == [stage.stageId for stage in stages] and info.status == "RUNNING"
    finally:
        open(go, "w").close()
        job.join()
    assert tracker.getActiveStageIds() == [] and tracker.getJobInfo(info.jobId).status == "SUCCEEDED"
