"""The line that shows how far long jobs are.

Answers for drawing it and cleaning it away. Not for the numbers: the engine counts, whether anybody looks or
not.
Holds: it is there while a job runs for longer than `AFTER` seconds, and gone before the job's result is;
where nobody looks (a pipe, a file), there is none.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Callable, List, Optional, TextIO, Tuple

#: A stage: data set, name, and the numbers of tasks, of those that run, of those that have ended, of failed
#: attempts.
Stage = Tuple[int, str, int, int, int, int]

#: How long a job may take before it is shown, and how often what is shown changes: seconds.
AFTER, EVERY = 0.5, 0.1

#: How many stages are shown beside each other, and how wide a line is where nothing says so.
STAGES, WIDTH = 3, 80


def watched(out: Any) -> bool:
    """Whether somebody looks at what is written there: on a terminal, or in a notebook."""
    if type(out).__module__ == "ipykernel.iostream":
        return True
    try:
        return bool(out.isatty())
    except (AttributeError, ValueError):
        return False


def width(out: Any) -> int:
    """How many characters fit into a line there."""
    import os

    try:
        return os.get_terminal_size(out.fileno()).columns or WIDTH
    except (AttributeError, OSError, ValueError):
        return WIDTH


def line(jobs: List[List[Stage]], columns: int) -> str:
    """The stages whose tasks run, side by side.

    >>> line([[(7, "collect", 4, 0, 0, 0), (3, "map", 10, 2, 4, 0)]], 40)
    '[Stage 3 map:=====>       (4 + 2) / 10]'
    """
    running = [stages[-1] for stages in jobs if stages][:STAGES]
    each = (columns - 1) // max(len(running), 1)
    return "".join(_stage(stage, each) for stage in running)


def _stage(stage: Stage, columns: int) -> str:
    number, name, tasks, active, done, _ = stage
    head, tail = f"[Stage {number} {name}:", f"({done} + {active}) / {tasks}]"
    room = columns - len(head) - len(tail)
    if room < 2:
        return f"{head}{tail}"[:columns]
    filled = room * done // max(tasks, 1)
    bar = "=" * filled if filled >= room - 1 else "=" * filled + ">"
    return head + bar.ljust(room) + tail


class Progress:
    """Shows the jobs of one context."""

    def __init__(self, jobs: Callable[[], List[List[Stage]]]) -> None:
        self._jobs = jobs
        self._changed = threading.Condition()
        self._running = 0
        self._since = 0.0
        self._shown: Optional[Tuple[TextIO, str]] = None
        self._thread: Optional[threading.Thread] = None
        self._stopped = False

    def begin(self) -> None:
        """A job begins."""
        if not watched(sys.stderr):
            return
        with self._changed:
            if self._running == 0:
                self._since = time.monotonic()
            self._running += 1
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._show, name="millstream-progress", daemon=True)
                self._thread.start()
            self._changed.notify()

    def end(self) -> None:
        """A job has ended; what was shown of it is gone."""
        with self._changed:
            self._running = max(self._running - 1, 0)
            self._clean()

    def stop(self) -> None:
        """Nothing is shown any more."""
        with self._changed:
            self._stopped = True
            self._clean()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _show(self) -> None:
        with self._changed:
            while not self._stopped:
                if self._running == 0:
                    self._changed.wait()
                    continue
                early = self._since + AFTER - time.monotonic()
                if early <= 0:
                    self._draw()
                self._changed.wait(max(early, EVERY))

    def _draw(self) -> None:
        out = sys.stderr
        columns = width(out)
        text = line(self._jobs(), columns)
        before = self._shown[1] if self._shown is not None else ""
        if text and text != before:
            self._shown = (out, text)
            self._write(out, "\r" + text.ljust(min(len(before), columns - 1)))

    def _clean(self) -> None:
        if self._shown is not None:
            out, text = self._shown
            self._shown = None
            self._write(out, "\r" + " " * len(text) + "\r")

    def _write(self, out: TextIO, text: str) -> None:
        try:
            out.write(text)
            out.flush()
        except (OSError, ValueError):
            # The terminal is gone: there is nobody who looks.
            self._stopped = True
