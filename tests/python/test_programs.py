"""Programs print what they print with real PySpark: see capture.py."""

import pathlib

import pytest

HERE = pathlib.Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "programs").glob("*.py"))


@pytest.mark.usefixtures("hash_of_the_captures")
@pytest.mark.parametrize("name", NAMES)
def test_a_program_prints_what_pyspark_prints(name, program):
    expected = (HERE / "expected" / f"{name}.txt").read_text(encoding="utf-8")
    ended = program((HERE / "programs" / f"{name}.py").read_text(encoding="utf-8"))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == expected
