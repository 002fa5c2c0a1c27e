"""What the program writes to the terminal while a line of progress is there.

Answers for `print`s of this process, in whatever thread and function: the line goes away before them, and
does not come again in the middle of theirs. Not for the line (`_progress`), nor for what workers print.
Holds: `sys.stdout` and `sys.stderr` are the program's own again once no line is there.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Callable, Iterable, List

#: Who has it may write to the terminal.
screen = threading.RLock()
# A process that is made out of this one must not wait for a thread that it does not have.
os.register_at_fork(before=screen.acquire, after_in_parent=screen.release, after_in_child=screen.release)

#: What takes the lines away that are on the terminal now.
_cleaners: List[Callable[[], None]] = []

#: Those of the streams below in which a line of the program's was begun, and not ended yet.
_unfinished: List["Beside"] = []


class Beside:
    """Stands for a stream of the program: takes the lines away before anything is written."""

    def __init__(self, out: Any) -> None:
        self._out = out

    def write(self, text: str) -> Any:
        with screen:
            for clean in list(_cleaners):
                clean()
            if text and self in _unfinished:
                _unfinished.remove(self)
            if text and not text.endswith("\n"):
                _unfinished.append(self)
            return self._out.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def is_terminal(out: Any) -> bool:
    """Whether it is written to a terminal there."""
    try:
        return bool(out.isatty())
    except (AttributeError, ValueError):
        return False


def own(out: Any) -> Any:
    """The program's own stream."""
    return out._out if isinstance(out, Beside) else out


def is_free() -> bool:
    """Whether a line can be drawn: nothing of the program's stands in its place."""
    return not _unfinished


def stand(clean: Callable[[], None]) -> None:
    """Stands beside what the program writes, as long as a line is there that `clean` takes away."""
    _cleaners.append(clean)
    for name in ("stdout", "stderr"):
        out = getattr(sys, name)
        if is_terminal(out) and not isinstance(out, Beside):
            setattr(sys, name, Beside(out))


def leave(clean: Callable[[], None]) -> None:
    """The line is away, for now."""
    _cleaners.remove(clean)


def give_back() -> None:
    """No line comes again for now, unless one is there."""
    if not _cleaners:
        _unfinished.clear()
        for name in ("stdout", "stderr"):
            out = getattr(sys, name)
            if isinstance(out, Beside):
                setattr(sys, name, out._out)
