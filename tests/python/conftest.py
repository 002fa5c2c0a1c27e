"""What the tests share: contexts that end with their test, and programs that run in a process of their own."""

import os
import signal
import subprocess
import sys
import textwrap
from typing import Any, Callable, Iterator

import pytest

from millstream.spark import SparkContext

# A shell starts what runs in its background deaf to the terminal's interrupt, and so would be all programs that tests
# interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def hash_of_the_captures() -> None:
    """Where text is placed is CPython's hash with seed 0, with PySpark as with us. Pythons before 3.11 hash otherwise, and
    what PySpark printed was captured with 3.11."""
    assert sys.hash_info.algorithm == "siphash13", "these tests need Python 3.11 or later: set PYTHON for `cargo xtask test`"


@pytest.fixture(params=["local", "local[2]"])
def sc(request: pytest.FixtureRequest) -> Iterator[SparkContext]:
    """A context in this process, and one with workers."""
    with SparkContext(request.param, "test") as context:
        yield context


@pytest.fixture
def workers() -> Iterator[SparkContext]:
    """A context with two workers."""
    with SparkContext("local[2]", "test") as context:
        yield context


@pytest.fixture
def program(tmp_path: Any) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs a program in a process of its own, which must end within a minute."""

    def run(text: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return subprocess.run(
            [sys.executable, str(path), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            env={**os.environ, "PYTHONUTF8": "1", **environment},
        )

    return run
