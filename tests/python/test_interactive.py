"""Shells and terminals: the line of progress, and Ctrl-C."""

import re
import subprocess
import sys
import threading

import pytest

from millstream._progress import Progress, line, watched
from millstream.spark import TaskContext
from terminal import Terminal

#: Four tasks, of which the last waits for a file. What is printed goes to standard output.
LONG = """
import os, sys, time
from millstream.spark import SparkConf, SparkContext

def wait(n):
    while n == 3 and not os.path.exists("go"):
        time.sleep(0.01)
    return n

conf = SparkConf().setMaster(sys.argv[1]).setAppName("long")
for setting in sys.argv[2:]:
    conf.set(*setting.split("="))
with SparkContext(conf=conf) as sc:
    print("the result is", sc.parallelize(range(4), 4).map(wait).collect(), flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "long.py").write_text(LONG)
    return tmp_path


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


def test_a_setting_turns_it_off(folder):
    with Terminal(["long.py", "local", "spark.ui.showConsoleProgress=false"], cwd=folder) as terminal:
        with pytest.raises(AssertionError, match="did not come"):
            terminal.wait_for("Stage", seconds=1.5)
        (folder / "go").touch()
        assert terminal.rest() == "the result is [0, 1, 2, 3]\n"


def test_a_pipe_gets_nothing(folder):
    process = subprocess.Popen(
        [sys.executable, "long.py", "local[2]"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    threading.Timer(1.5, (folder / "go").touch).start()
    printed, said = process.communicate(timeout=30)
    assert (printed, said) == ("the result is [0, 1, 2, 3]\n", "")


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


class OutStream:
    """What stands for standard error in a notebook, with the name that it has there."""

    __module__ = "ipykernel.iostream"

    def __init__(self):
        self.text, self.shown = "", threading.Event()

    def write(self, text):
        self.text += text
        if "Stage" in text:
            self.shown.set()

    def flush(self):
        pass


def test_a_notebook_is_told_too(monkeypatch):
    notebook = OutStream()
    monkeypatch.setattr(sys, "stderr", notebook)
    assert watched(notebook)
    progress = Progress(lambda: [[(1, "map", 4, 1, 2, 0)]])
    progress.begin()
    assert notebook.shown.wait(10)
    progress.end()
    progress.stop()
    assert notebook.text.startswith("\r[Stage 1 map:=") and notebook.text.endswith(" \r")


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
