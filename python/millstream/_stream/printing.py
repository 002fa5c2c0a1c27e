"""What `print()` writes, where Python's standard output is just now: a terminal, a notebook, a test."""

from __future__ import annotations

import sys
from typing import List

from millstream._progress import aside


def print_lines(prefix: str, lines: List[str]) -> None:
    """Writes records that are text already, a line each."""
    out = sys.stdout
    with aside(out):
        out.write("".join([f"{prefix}{line}\n" for line in lines]))
        out.flush()
