"""Runs the programs with the real peer and writes what they print to `expected/`.

    python capture.py pyspark [NAME...]   # in an environment with pyspark 4 and a Java
    python capture.py pyflink [NAME...]   # in an environment with pyflink 2 and a Java

The tests compare what our package prints with these files; they need neither peer nor Java.
"""

import contextlib
import io
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
FLINK = HERE / "programs" / "flink"


def main() -> None:
    peer, names = sys.argv[1], sys.argv[2:]
    programs, printed = {"pyspark": (HERE / "programs", by_spark), "pyflink": (FLINK, by_flink)}[peer]
    expected = HERE / "expected" / programs.relative_to(HERE / "programs")
    expected.mkdir(parents=True, exist_ok=True)
    for name in names or sorted(program.stem for program in programs.glob("*.py")):
        text = printed((programs / f"{name}.py").read_text(encoding="utf-8"), name)
        (expected / f"{name}.txt").write_text(text, encoding="utf-8")


def by_spark(program: str, name: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program.replace("millstream.spark", "pyspark"), name, "exec"), {"__name__": "__main__"})
    return printed.getvalue()


def by_flink(program: str, name: str) -> str:
    """A process each, since it is the Java process beneath that prints."""
    ran = subprocess.run(
        [sys.executable, "-u", "-c", program.replace("millstream.flink", "pyflink")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        # PyFlink starts its workers with the `python` that is found first.
        env={**os.environ, "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    return ran.stdout


if __name__ == "__main__":
    main()
