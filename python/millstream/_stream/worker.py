"""A worker interpreter of a stream job: `python -c "...; from millstream._stream.worker import main; main()"`."""

from __future__ import annotations

import signal
import sys
from typing import List, Optional, Sequence, Tuple

from millstream import _native


def launch(python: Optional[str], files: Sequence[str]) -> Tuple[str, List[str], List[Tuple[str, str]], str]:
    """Interpreter, arguments, environment and version for one that finds modules where this one does."""
    path = [*sys.path[:1], *files, *sys.path[1:]]
    begin = f"import sys; sys.path[:] = {path!r}; from millstream._stream.worker import main; main()"
    return python or sys.executable, ["-c", begin], [], "%d.%d.%d" % sys.version_info[:3]


def main() -> None:
    """Serves the driver until it is gone."""
    # Ctrl-C reaches every process of the terminal: it is the driver who decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # In this thread, before others ask for them.
    from millstream._stream import building  # noqa: F401

    _native.serve_streams()
