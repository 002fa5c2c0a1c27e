"""A worker interpreter of a stream job: `python -c "...; from millstream._stream.worker import main;
main()"`."""

from __future__ import annotations

import sys
from typing import List, Optional, Sequence, Tuple

from millstream import _native
from millstream._worker import command


def launch(python: Optional[str], files: Sequence[str]) -> Tuple[str, List[str], List[Tuple[str, str]], str]:
    """Interpreter, arguments, environment and version for one that finds modules where this one does."""
    path = [*sys.path[:1], *files, *sys.path[1:]]
    return python or sys.executable, command(path, "millstream._stream.worker"), [], "%d.%d.%d" % sys.version_info[:3]


def main() -> None:
    """Serves the driver until it is gone."""
    # In this thread, before others ask for them.
    from millstream._stream import building  # noqa: F401

    _native.serve_streams()
