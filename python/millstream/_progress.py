"""The line that shows how far long jobs are.

Answers for drawing it and cleaning it away, and for what it says of batch jobs. Not for what it says of
streams (`_stream.waiting_line`), nor for what the program prints meanwhile (`_beside`), nor for the numbers:
the engine counts, whether anybody looks or not.
Holds: it is there while a job runs for longer than `AFTER` seconds, and gone before the job's result is;
where nobody looks (a pipe, a file), there is none.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any, Callable, List, Optional, TextIO, Tuple

from millstream import _beside

#: A stage: data set, name, and the numbers of tasks, of those that run, of those that have ended, of failed
#: attempts.
Stage = Tuple[int, str, int, int, int, int]

#: How long a job may take before it is shown, and how often what is shown changes: seconds.
AFTER, EVERY = 0.5, 0.1

#: How many stages are shown beside each other, and how wide a line is where nothing says so.
STAGES, WIDTH = 3, 80


def watched(out: Any) -> bool:
    """Whether somebody looks at what is written there: on a terminal, or in a notebook."""
    out = _beside.own(out)
    if type(out).__module__ == "ipykernel.iostream":
        return True
    return _beside.is_terminal(out)


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
    """Shows the jobs of one context: the text of so many characters, while any of them runs."""

    def __init__(self, text: Callable[[int], str], every: float = EVERY) -> None:
        self._text, self._every = text, every
        self._changed = threading.Condition(_beside.screen)
        self._running = 0
        self._since = 0.0
        self._shown: Optional[Tuple[TextIO, str]] = None
        self._thread: Optional[threading.Thread] = None
        self._stopped = False

    def begin(self) -> None:
        """A job begins."""
        if watched(sys.stderr):
            self._begin()

    def _begin(self) -> None:
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
            _beside.give_back()

    def stop(self) -> None:
        """Nothing is shown any more."""
        with self._changed:
            self._stopped = True
            self._clean()
            _beside.give_back()
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
                self._changed.wait(max(early, self._every))

    def _draw(self) -> None:
        if self._shown is None and not _beside.is_free():
            return
        out = _beside.own(sys.stderr)
        columns = width(out)
        text = self._text(columns)
        before = self._shown[1] if self._shown is not None else ""
        if text and text != before:
            if self._shown is None:
                _beside.stand(self._clean)
            self._shown = (out, text)
            self._write(out, "\r" + text.ljust(min(len(before), columns - 1)))

    def _clean(self) -> None:
        if self._shown is not None:
            out, text = self._shown
            self._shown = None
            _beside.leave(self._clean)
            self._write(out, "\r" + " " * len(text) + "\r")

    def _write(self, out: TextIO, text: str) -> None:
        try:
            out.write(text)
            out.flush()
        except (OSError, ValueError):
            # The terminal is gone: there is nobody who looks.
            self._stopped = True
