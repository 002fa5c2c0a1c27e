"""A worker interpreter: `python -c "...; from millstream._worker import ..."`, started by a driver."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from typing import Any, Dict, List, Sequence, Tuple

from millstream import _native


def command(path: Sequence[str], module: str = "millstream._worker") -> List[str]:
    """The arguments of an interpreter that becomes a worker, by the `main` of a module, and finds modules
    where the driver finds them.

    One of another version would not come so far with the driver's own library: it gets to where it can say
    its version.
    """
    answers = sys.modules.get("millstream._answers")
    answered = answers.answered() if answers is not None else []
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    begin = (
        "import sys; sys.version_info < (3, 9) and sys.exit('the worker interpreter ' + sys.executable + "
        "' is older than Python 3.9; it has to be of the version of the driver'); "
        f"same = sys.version_info[:2] == {tuple(sys.version_info[:2])!r}; "
        f"sys.path[:] = {list(path)!r} if same else sys.path + [{folder!r}]; "
        f"from millstream._worker import begin; begin({answered!r}); from {module} import main; main()"
    )
    return ["-c", begin]


def begin(answered: Sequence[str]) -> None:
    """What every worker does first. Imports of packages that are `answered` find ours, as in the driver."""
    # Ctrl-C reaches every process of the terminal: it is the driver who decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for package in answered:
        from millstream._answers import answer

        answer(package)


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
    _native.serve(setup)
