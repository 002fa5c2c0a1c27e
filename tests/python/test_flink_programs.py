"""Programs print what they print with real PyFlink: see capture.py.

What each sink prints is compared in its order; between sinks there is none, with PyFlink neither. A program that
begins with `# lines in any order` has none at all, and the numbers of subtasks in it are not compared: PyFlink begins to
deal records out at a subtask taken at random.
"""

import collections
import pathlib
import re

import pytest

HERE = pathlib.Path(__file__).parent
NAMES = sorted(path.stem for path in (HERE / "programs" / "flink").glob("*.py"))


def by_sink(printed):
    """The lines of each sink, by the prefix of its name."""
    lines = collections.defaultdict(list)
    for line in printed.splitlines():
        lines[re.match(r"(?:[\w :]+> )?", line).group()].append(line)
    return lines


def in_any_order(printed):
    """The lines, as if each came from the same subtask."""
    return sorted(re.sub(r"^((?:\w+:)?)\d+> ", r"\1N> ", line) for line in printed.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_a_program_prints_what_pyflink_prints(name, program):
    text = (HERE / "programs" / "flink" / f"{name}.py").read_text(encoding="utf-8")
    expected = (HERE / "expected" / "flink" / f"{name}.txt").read_text(encoding="utf-8")
    ended = program(text)
    assert ended.returncode == 0, ended.stderr
    compared = in_any_order if text.startswith("# lines in any order") else by_sink
    assert compared(ended.stdout) == compared(expected)
