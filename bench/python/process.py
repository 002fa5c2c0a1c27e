"""One run of a program as a process of its own.

Answers for what is seen from outside: the lines it prints and when, and the most memory it and all processes below it
have at once. Holds: nothing that was started is left behind.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

PAGE = os.sysconf("SC_PAGE_SIZE")


class Seen:
    """What was seen of a run: its lines of output, the seconds until the line that was waited for, and peak memory in
    bytes."""

    def __init__(self) -> None:
        self.lines: List[str] = []
        self.waited: Optional[float] = None
        self.peak = 0

    def seconds(self, label: str) -> float:
        """The seconds that the program itself took: its line `seconds LABEL S`."""
        found = [line.split() for line in self.lines if line.startswith(f"seconds {label} ")]
        return float(found[-1][2])

    def results(self) -> List[str]:
        """All it printed but for times and the numbers of subtasks (`2> `), in order of the text: what two contenders
        have to agree on."""
        lines = (line for line in self.lines if line and not line.startswith("seconds "))
        return sorted(re.sub(r"^\d+> ", "", line) for line in lines)


def run(
    command: Sequence[str],
    until: Optional[Callable[[str], bool]] = None,
    watch_memory: bool = False,
    limit: float = 900.0,
) -> Seen:
    """Runs a program to its end, or until it prints a line that `until` is true for; then it is killed.

    A program that fails, or takes longer than `limit` seconds, is an error that shows what it said.
    """
    seen = Seen()
    start = time.perf_counter()
    # The peers look for their interpreter, and for themselves in it, along the path.
    path = os.pathsep.join([os.path.dirname(command[0]), os.environ["PATH"]])
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PATH": path},
    )
    said: List[str] = []
    listener = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
    listener.start()
    watcher = threading.Thread(target=_watch, args=(process, seen), daemon=True)
    if watch_memory:
        watcher.start()
    late = threading.Timer(limit, _kill, (process,))
    late.start()
    try:
        for line in process.stdout:
            seen.lines.append(line.rstrip("\n"))
            if until is not None and seen.waited is None and until(seen.lines[-1]):
                seen.waited = time.perf_counter() - start
                break
    finally:
        if until is not None:
            _kill(process)
        code = process.wait()
        late.cancel()
        _kill(process)
        listener.join(5)
        if watch_memory:
            watcher.join(5)
    if (until is None and code != 0) or (until is not None and seen.waited is None):
        raise RuntimeError(f"{' '.join(command)} ended with {code}:\n{''.join(said)[-4000:]}")
    return seen


def _kill(process: "subprocess.Popen[str]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _watch(process: "subprocess.Popen[str]", seen: Seen) -> None:
    while process.poll() is None:
        seen.peak = max(seen.peak, _resident(process.pid))
        time.sleep(0.005)


def _resident(root: int) -> int:
    """What a process and those below it have in memory now, pages they share counted once for each."""
    parents: Dict[int, int] = {}
    pages: Dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                pages[int(entry.name)] = int((entry / "statm").read_text().split()[1])
            except (OSError, ValueError, IndexError):
                continue
    total, wanted = 0, [root]
    while wanted:
        pid = wanted.pop()
        total += pages.get(pid, 0)
        wanted += [child for child, parent in parents.items() if parent == pid]
    return total * PAGE
