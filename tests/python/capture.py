"""Runs the programs with real PySpark and writes what they print to `expected/`.

    python capture.py [NAME...]        # in an environment with pyspark 4 and a Java

The tests compare what our package prints with these files; they need neither PySpark nor Java.
"""

import contextlib
import io
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def main() -> None:
    names = sys.argv[1:] or sorted(program.stem for program in (HERE / "programs").glob("*.py"))
    (HERE / "expected").mkdir(exist_ok=True)
    for name in names:
        text = (HERE / "programs" / f"{name}.py").read_text(encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text.replace("millstream.spark", "pyspark"), name, "exec"), {"__name__": "__main__"})
        (HERE / "expected" / f"{name}.txt").write_text(printed.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
