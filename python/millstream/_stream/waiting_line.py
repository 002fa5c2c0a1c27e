"""What the line of progress says of streams: how long they run, and what they read.

Answers for the jobs that somebody waits for. Not for drawing it (`_progress`).
"""

from __future__ import annotations

import collections
import contextlib
import time
from typing import Any, Deque, Iterator, List, Tuple

from millstream._progress import Progress

#: How often the line changes, and over how long it is counted how many records come in a second: seconds.
EVERY, SPAN = 0.2, 5.0


class Shown:
    """A job as the line shows it."""

    def __init__(self, name: str, job: Any) -> None:
        self._name, self._job = name, job
        self._began = time.monotonic()
        #: When it was looked, and what was read by then: the first from before the span.
        self._looks: Deque[Tuple[float, int]] = collections.deque([(self._began, 0)])

    def text(self) -> str:
        """How far it is now."""
        now, read = time.monotonic(), self._job.records_read()
        looks = self._looks
        looks.append((now, read))
        while looks[1][0] < now - SPAN:
            looks.popleft()
        since, before = looks[0]
        ran = f"[{self._name}] {now - self._began:.1f} s"
        if self._job.status() == "RESTARTING":
            return f"{ran}  starts again after a failure"
        return f"{ran}  read {read:,} records, {rounded((read - before) / (now - since))} a second"


def rounded(rate: float) -> str:
    """A rate, to three digits.

    >>> rounded(98_765.4), rounded(1_203_400), rounded(0.123)
    ('98,800', '1,200,000', '0.123')
    """
    if rate and rate < 10:
        return f"{rate:.3g}"
    return f"{int(float(f'{rate:.3g}')):,}"


_waited_for: List[Shown] = []


def _line(columns: int) -> str:
    return "  ".join([shown.text() for shown in list(_waited_for)])[: columns - 1]


_progress = Progress(_line, EVERY)


@contextlib.contextmanager
def waited_for(shown: Shown) -> Iterator[None]:
    """Shows a job while it is waited for."""
    _waited_for.append(shown)
    _progress.begin()
    try:
        yield
    finally:
        _waited_for.remove(shown)
        _progress.end()
