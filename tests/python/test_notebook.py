"""Notebooks: a kernel as a notebook starts one, what it displays, and its interrupt."""

import queue
import re
import sys
import time

import pytest
from jupyter_client.manager import start_new_kernel

#: How long a cell may take, in seconds.
LONG = 60

#: A job whose last task waits for a file, and a stream that never ends.
CELLS = {
    "rdd": """
import os, time
from millstream.spark import SparkContext

def wait(n, go=GO):
    while n == 3 and not os.path.exists(go):
        time.sleep(0.01)
    return n

sc = SparkContext("local", "cells")
sc.parallelize(range(4), 4).map(wait).collect()
""",
    "stream": """
import itertools, os, time
from millstream.flink.datastream import StreamExecutionEnvironment

def numbers(go=GO):
    for n in itertools.count():
        if os.path.exists(go):
            return
        time.sleep(0.01)
        yield n

env = StreamExecutionEnvironment.get_execution_environment()
_ = env.add_source(numbers).add_sink(lambda n: None)
_ = env.execute("numbers")
""",
}
SHOWN = {
    "rdd": r"\r\[Stage \d+ map:=+> *\(3 \+ 1\) / 4\]",
    "stream": r"\r\[numbers\] [\d.]+ s  read \d+ records, ",
}


class Notebook:
    """A kernel, and what its cells display."""

    def __init__(self):
        self.manager, self._client = start_new_kernel(kernel_name="python3", extra_arguments=["--quiet"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, cell):
        """Begins a cell."""
        self._cell = self._client.execute(cell)
        self.told, self.printed, self.result, self.error = "", "", None, None

    def wait_for(self, pattern):
        """Waits until what is written to standard error has the pattern."""
        self._until(lambda: re.search(pattern, self.told))

    def wait(self):
        """Waits until the cell has ended."""
        self._is_idle = False
        self._until(lambda: self._is_idle)

    def _until(self, is_so):
        end = time.monotonic() + LONG
        while not is_so():
            assert time.monotonic() < end, f"it did not come; told was {self.told!r}, the error {self.error}"
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != self._cell:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and content["name"] == "stderr":
                self.told += content["text"]
            elif kind == "stream":
                self.printed += content["text"]
            elif kind == "execute_result":
                self.result = content["data"]["text/plain"]
            elif kind == "error":
                self.error = content["ename"]
            elif kind == "status" and content["execution_state"] == "idle":
                self._is_idle = True


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    # Its kernel is that of this interpreter, whatever else is installed, and it leaves nothing behind.
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    with Notebook() as notebook:
        yield notebook


@pytest.mark.parametrize("name", CELLS)
def test_a_long_job_shows_its_progress_and_cleans_it_away(notebook, tmp_path, name):
    go = tmp_path / "go"
    notebook.run(CELLS[name].replace("GO", repr(str(go))))
    notebook.wait_for(SHOWN[name])
    go.touch()
    notebook.wait()
    assert notebook.error is None and notebook.printed == ""
    assert notebook.result == ("[0, 1, 2, 3]" if name == "rdd" else None)
    assert notebook.told.endswith(" \r")


@pytest.mark.parametrize("name", CELLS)
def test_an_interrupt_ends_the_job_and_the_next_cell_runs(notebook, tmp_path, name):
    notebook.run(CELLS[name].replace("GO", repr(str(tmp_path / "never"))))
    notebook.wait_for(SHOWN[name])
    notebook.manager.interrupt_kernel()
    notebook.wait()
    assert notebook.error == "KeyboardInterrupt"
    assert notebook.told.endswith(" \r")
    after = {
        "rdd": "sc.range(4).map(lambda n: n * n).collect()",
        "stream": "list(env.from_collection([2]).map(lambda n: n * n).execute_and_collect())",
    }
    notebook.run(after[name])
    notebook.wait()
    assert (notebook.error, notebook.result) == (None, {"rdd": "[0, 1, 4, 9]", "stream": "[4]"}[name])


def test_a_short_cell_shows_nothing(notebook):
    notebook.run("from millstream.spark import SparkContext\nSparkContext('local').range(2).collect()")
    notebook.wait()
    assert (notebook.error, notebook.result, notebook.told) == (None, "[0, 1]", "")
    notebook.run("import sys; sys.executable")
    notebook.wait()
    assert notebook.result == repr(sys.executable)
