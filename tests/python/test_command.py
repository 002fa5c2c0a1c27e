"""The `millstream` command: what it runs, what it says, and its exit codes."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

#: The wheel's command, and the one that cargo builds where xtask says where it is.
COMMANDS = [str(Path(sys.executable).with_name("millstream"))]
if "MILLSTREAM_BINARY" in os.environ:
    COMMANDS.append(os.environ["MILLSTREAM_BINARY"])

HERE = Path(__file__).parent


@pytest.fixture(params=COMMANDS, ids=["wheel", "cargo"][: len(COMMANDS)])
def millstream(request, tmp_path):
    """Runs the command in a temporary folder, after the files it is given were written there."""

    def run(*arguments, files=(), **environment):
        for name, text in dict(files).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        return subprocess.run(
            [request.param, *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            cwd=tmp_path,
            env={**os.environ, "PATH": path, "PYTHONUTF8": "1", **environment},
        )

    return run


def test_a_program_is_main_with_its_own_arguments_and_folder(millstream):
    text = """
        import sys
        import beside
        assert __name__ == "__main__" and sys.modules["__main__"].beside is beside
        print(sys.argv, sys.path[0].endswith("jobs"), __file__, beside.VALUE)
    """
    ended = millstream(
        "run",
        "jobs/job.py",
        "--as",
        "-x",
        "--",
        "--help",
        files={"jobs/job.py": text, "jobs/beside.py": "VALUE = 3"},
    )
    assert ended.stdout == "['jobs/job.py', '--as', '-x', '--', '--help'] True jobs/job.py 3\n", ended.stderr
    assert ended.returncode == 0


def test_what_lies_where_the_command_is_typed_is_not_imported(millstream):
    files = {
        "jobs/job.py": "import random; print(random.__file__)",
        "random.py": "",
        "millstream.py": "raise SystemExit(9)",
    }
    ended = millstream("run", "jobs/job.py", files=files)
    assert (
        ended.returncode == 0 and ended.stdout.strip().endswith("/random.py") and "pytest" not in ended.stdout
    )


@pytest.mark.parametrize(
    "text, code, said",
    [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit('no input')", 1, "no input\n"),
        ("import os; os._exit(4)", 4, ""),
    ],
)
def test_the_exit_code_is_the_programs_own(millstream, text, code, said):
    ended = millstream("run", "job.py", files={"job.py": text})
    assert (ended.returncode, ended.stderr) == (code, said)


def test_a_traceback_begins_in_the_program(millstream):
    ended = millstream("run", "job.py", files={"job.py": "def divide():\n    1 / 0\n\n\ndivide()"})
    lines = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert lines[:2] == ["Traceback (most recent call last):", '  File "job.py", line 5, in <module>']
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_a_programs_own_hook_for_exceptions_is_asked(millstream):
    text = "import sys\nsys.excepthook = lambda kind, value, trace: print('hook', kind.__name__)\n1 / 0"
    ended = millstream("run", "job.py", files={"job.py": text})
    assert (ended.returncode, ended.stdout) == (1, "hook ZeroDivisionError\n")


def test_an_interrupted_program_ends_by_the_signal(millstream):
    text = """
        import atexit, os, signal
        atexit.register(print, "cleaned up")
        os.kill(os.getpid(), signal.SIGINT)
    """
    ended = millstream("run", "job.py", files={"job.py": text})
    assert ended.returncode == -signal.SIGINT and ended.stdout == "cleaned up\n"
    assert ended.stderr.count("KeyboardInterrupt") == 1 and "millstream" not in ended.stderr


@pytest.mark.parametrize(
    "name, code, said",
    [
        ("none.py", 2, "error: there is no program none.py"),
        ("folder", 2, "error: folder is a folder"),
        ("syntax.py", 1, 'File "syntax.py", line 2'),
        ("null.py", 1, "null bytes (file null.py)"),
    ],
)
def test_what_is_no_program_is_said_with_its_name(millstream, name, code, said):
    files = {"folder/job.py": "", "syntax.py": "x = 1\ny = = 2\n", "null.py": "x = 1\0\n"}
    ended = millstream("run", name, files=files)
    assert ended.returncode == code and said in ended.stderr and "millstream/run.py" not in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["run"],
        ["walk", "job.py"],
        ["run", "--as", "pandas", "job.py"],
        ["run", "--engine", "flink", "job.py"],
        ["run", "--as", "pyspark", "--engine", "spark", "--master", "spark://host:7077", "job.py"],
    ],
)
def test_arguments_that_are_wrong_are_usage(millstream, arguments):
    ended = millstream(*arguments)
    assert ended.returncode == 2 and "Usage: millstream" in ended.stderr or "possible values" in ended.stderr


def test_the_version_is_the_packages(millstream):
    from importlib.metadata import version

    ended = millstream("--version")
    assert (ended.returncode, ended.stdout) == (0, f"millstream {version('millstream')}\n")


def test_functions_and_classes_of_the_program_travel_to_workers(millstream):
    text = """
        import helper
        from millstream.spark import SparkContext

        class Point:
            def __init__(self, x):
                self.x = x

        def point(x):
            return Point(x + helper.ONE)

        with SparkContext("local[2]", "travel") as sc:
            print([p.x for p in sc.range(4).map(point).collect()], sc.range(2).map(lambda x: x + 1).sum())
    """
    ended = millstream("run", "job.py", files={"job.py": text, "helper.py": "ONE = 1"})
    assert ended.stdout == "[1, 2, 3, 4] 3\n", ended.stderr


def test_the_module_is_the_command_too():
    ended = subprocess.run([sys.executable, "-m", "millstream", "--version"], capture_output=True, text=True)
    assert ended.stdout.startswith("millstream ")


def test_a_python_that_is_named_is_the_one_that_runs(millstream):
    files = {"job.py": "import sys; print(sys.executable)"}
    assert (
        millstream("run", "--python", sys.executable, "job.py", files=files).stdout.strip() == sys.executable
    )
    assert (
        millstream("run", "job.py", files=files, MILLSTREAM_PYTHON=sys.executable).stdout.strip()
        == sys.executable
    )
    ended = millstream("run", "--python", "/no/such/python", "job.py", files=files)
    assert ended.returncode == 127 and "there is no `/no/such/python` to run job.py with" in ended.stderr
