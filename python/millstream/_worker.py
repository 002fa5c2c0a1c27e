"""A worker interpreter: `python -c "...; from millstream._worker import main; main()"`, started by a driver."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any, Dict, List, Tuple

from millstream import _native


def command(path: List[str]) -> List[str]:
    """The arguments of an interpreter that becomes a worker and finds modules where the driver finds them."""
    return ["-c", f"import sys; sys.path[:] = {path!r}; from millstream._worker import main; main()"]


def setup(told: bytes) -> None:
    """What the driver says first: where more modules and files are."""
    said: Dict[str, Any] = pickle.loads(told)
    sys.path[1:1] = [path for path in said["python_files"] if path not in sys.path]
    os.environ["MILLSTREAM_FILES"] = said["files"]


def told(python_files: Tuple[str, ...], files: str) -> bytes:
    """The argument of `setup`."""
    return pickle.dumps({"python_files": list(python_files), "files": files}, 5)


def main() -> None:
    """Serves the driver until it is gone."""
    # Ctrl-C reaches every process of the terminal: it is the driver who decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _native.serve(setup)
