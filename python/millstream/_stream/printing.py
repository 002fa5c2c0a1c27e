"""What `print()` writes, where Python's standard output is just now: a terminal, a notebook, a test."""

from __future__ import annotations

import sys
from typing import List


def print_lines(prefix: str, lines: List[str]) -> None:
    """Writes records that are text already, a line each."""
    out = sys.stdout
    out.write("".join([f"{prefix}{line}\n" for line in lines]))
    out.flush()
