"""A worker interpreter: `python -c "...; from millstream._worker import main; main()"`, started by a driver."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any, Dict, List, Sequence, Tuple

from millstream import _native


def command(path: List[str]) -> List[str]:
    """The arguments of an interpreter that becomes a worker and finds modules where the driver finds them."""
    answers = sys.modules.get("millstream._answers")
    answered = answers.answered() if answers is not None else []
    return [
        "-c",
        f"import sys; sys.path[:] = {path!r}; from millstream._worker import main; main({answered!r})",
    ]


def setup(told: bytes) -> None:
    """What the driver says first: where more modules and files are."""
    said: Dict[str, Any] = pickle.loads(told)
    sys.path[1:1] = [path for path in said["python_files"] if path not in sys.path]
    os.environ["MILLSTREAM_FILES"] = said["files"]


def told(python_files: Tuple[str, ...], files: str) -> bytes:
    """The argument of `setup`."""
    return pickle.dumps({"python_files": list(python_files), "files": files}, 5)


def main(answered: Sequence[str] = ()) -> None:
    """Serves the driver until it is gone. Imports of the packages that are `answered` find ours, as in the driver."""
    for package in answered:
        from millstream._answers import answer

        answer(package)
    # Ctrl-C reaches every process of the terminal: it is the driver who decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _native.serve(setup)
