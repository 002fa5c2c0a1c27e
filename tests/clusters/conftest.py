"""What the tests share: the clusters that the stage has started, and programs handed to them."""

import json
import os
import pathlib
import pty
import subprocess
import sys
import threading
import time
import urllib.request
from typing import Any, Callable, Iterator, List, Optional

import pytest

PROGRAMS = pathlib.Path(__file__).parent / "programs"
#: Seconds that anything handed over may take on a machine that is busy with other things.
LIMIT = 150


def known(name: str) -> str:
    """What the stage says of a cluster; a test without one has failed."""
    assert name in os.environ, f"{name} is not set: these tests are run by `cargo xtask test --only clusters`"
    return os.environ[name]


class Running:
    """A program that was handed over and runs; its output so far."""

    def __init__(self, arguments: List[str], environment: dict, terminal: bool = False) -> None:
        self.output, self.errors = "", ""
        ends = {"output": os.pipe(), "errors": pty.openpty() if terminal else os.pipe()}
        self.process = subprocess.Popen(
            arguments, env=environment, stdout=ends["output"][1], stderr=ends["errors"][1]
        )
        self._came = threading.Condition()
        self._readers = [threading.Thread(target=self._read, args=(at, end)) for at, (end, _) in ends.items()]
        for reader in self._readers:
            reader.start()
        for _, end in ends.values():
            os.close(end)

    def _read(self, name: str, end: int) -> None:
        data = b""
        while True:
            try:
                more = os.read(end, 1 << 16)
            except OSError:
                # So a terminal says that nobody writes to it any more.
                more = b""
            if not more:
                break
            data += more
            with self._came:
                setattr(self, name, data.decode("utf-8", "replace").replace("\r\n", "\n"))
                self._came.notify_all()
        os.close(end)

    def wait_for(self, condition: Callable[["Running"], bool]) -> None:
        """Until the condition on the output holds."""
        with self._came:
            assert self._came.wait_for(lambda: condition(self), LIMIT), self.said()

    def ended(self) -> int:
        """The exit code, once it has ended."""
        code = self.process.wait(LIMIT)
        for reader in self._readers:
            reader.join(LIMIT)
        return code

    def said(self) -> str:
        return f"output:\n{self.output}\nerrors:\n{self.errors}"


class Cluster:
    """One of the clusters, and the environment that has its client."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        name = f"MILLSTREAM_{engine.upper()}"
        self.master, self.client = known(f"{name}_MASTER"), known(f"{name}_CLIENT")
        conf = known(f"{name}_CONF")
        self.environment = {**os.environ, f"{engine.upper()}_CONF_DIR": conf, "PYTHONUTF8": "1"}
        if engine == "spark":
            self.environment["PYSPARK_PYTHON"] = known("MILLSTREAM_SPARK_PYTHON")
        self.started: List[Running] = []

    def begin(
        self,
        script: Any,
        *arguments: Any,
        master: Optional[str] = None,
        client: Optional[str] = None,
        terminal: bool = False,
    ) -> Running:
        """Hands a program over and does not wait for it. Its standard error can be a terminal."""
        millstream = os.path.join(os.path.dirname(client or self.client), "millstream")
        command = [millstream, "run", "--engine", self.engine]
        command += ["--master", self.master if master is None else master, str(script), *map(str, arguments)]
        running = Running(command, self.environment, terminal)
        self.started.append(running)
        return running

    def run(self, script: Any, *arguments: Any, **others: Any) -> Running:
        """Hands a program over and waits for its end."""
        running = self.begin(script, *arguments, **others)
        running.ended()
        return running

    def close(self) -> None:
        for running in self.started:
            if running.process.poll() is None:
                running.process.terminate()
                running.ended()


def get(url: str) -> Any:
    """What a server says, as JSON."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def eventually(condition: Callable[[], bool]) -> None:
    """Waits until the condition holds."""
    until = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < until, "the condition has not come to hold"
        threading.Event().wait(0.1)


@pytest.fixture
def flink() -> Iterator[Cluster]:
    """The Flink cluster."""
    cluster = Cluster("flink")
    # The test before may have cost it its task manager, which then comes back.
    eventually(lambda: get(f"http://{cluster.master}/overview")["slots-available"] >= 2)
    yield cluster
    cluster.close()


@pytest.fixture
def spark() -> Iterator[Cluster]:
    """The Spark cluster."""
    cluster = Cluster("spark")
    yield cluster
    cluster.close()


@pytest.fixture(params=["flink", "spark"])
def either(request: pytest.FixtureRequest) -> Cluster:
    """Both, one after the other."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def without_clients() -> str:
    """An interpreter that has Millstream and no client: the tests' own."""
    return sys.executable


@pytest.fixture
def program(tmp_path: pathlib.Path) -> Callable[[str], pathlib.Path]:
    """Writes a program."""
    import textwrap

    def write(text: str, name: str = "job.py") -> pathlib.Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
        return path

    return write
