"""Programs print what they print with real PySpark: see capture.py."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "programs").glob("*.py"))


# Where text is placed is CPython's hash with seed 0, with PySpark as with us; Pythons before 3.11 hash otherwise, and the
# files were written with 3.11.
@pytest.mark.skipif(sys.hash_info.algorithm != "siphash13", reason="text was placed by the hash of Python 3.11")
@pytest.mark.parametrize("name", NAMES)
def test_a_program_prints_what_pyspark_prints(name, program):
    expected = (HERE / "expected" / f"{name}.txt").read_text(encoding="utf-8")
    ended = program((HERE / "programs" / f"{name}.py").read_text(encoding="utf-8"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == expected
