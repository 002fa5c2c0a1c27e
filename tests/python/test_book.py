"""The code in docs/book runs, each block as a program of its own, and prints what is said beside it."""

import pathlib
import re

import pytest

BOOK = pathlib.Path(__file__).parents[2] / "docs" / "book"
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{at}")
    for page in sorted(BOOK.glob("*.md"))
    for at, block in enumerate(re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_the_book_runs(block, program):
    ended = program(block)
    assert ended.returncode == 0, ended.stderr


def test_the_windows_of_the_page_for_pyflink_print_what_it_says(program):
    page = (BOOK / "from-pyflink.md").read_text(encoding="utf-8")
    block = re.search(r"^```python\n(.*?)^```$", page, re.M | re.S)[1]
    said = re.findall(r"`(\([ab],\d,\d+\))`", page)
    assert sorted(program(block).stdout.split()) == sorted(said)
