"""What the tasks of a job print, fetched over HTTP from where the cluster keeps it.

Answers for each line being passed on once, in the order of its file, and only what was written since the job
began. Other jobs that run in the same task manager write into the same file; Flink does not tell them apart.
Holds: a file is fetched again only when it has grown, and the larger it is, the more seldom.
"""

from __future__ import annotations

import re
import time
from typing import Callable, Dict, Optional, Tuple

from millstream.handover.flink_rest import Cluster
from millstream.handover.server import NoAnswer, Server

#: A line of the log that a function printed: Flink redirects its worker's standard output into the log.
_PRINTED = re.compile(r" (INFO|ERROR) .*/pyflink/fn_execution/beam/beam_sdk_worker_main\.py:\d+ (.*)")
#: Seconds within which Flink has made a new copy of a file: twice and a bit what it keeps one for by default.
_SAME_COPY = 8.0
#: The most bytes of a log that are asked for at once.
_AT_ONCE = 1 << 18
Write = Callable[[int, bytes], None]


class FlinkOutput:
    """The standard output and the log of the task managers of a session cluster."""

    def __init__(self, cluster: Cluster, write: Write) -> None:
        self.cluster = cluster
        self.write = write
        self.read: Dict[str, Dict[str, int]] = {}
        self.not_before: Dict[str, float] = {}
        for manager in cluster.task_managers():
            self.read[manager] = dict(cluster.files_of(manager))

    def fetch(self) -> None:
        """Passes on what has come since the last time, as far as the lines are complete."""
        self._read_to(self._sizes(), last=False)

    def fetch_all(self) -> None:
        """Passes on all that is there. Flink gives out the same copy of a file for some seconds."""
        sizes = self._sizes()
        until = time.monotonic() + _SAME_COPY
        while not self._read_to(sizes, last=True) and time.monotonic() < until:
            time.sleep(0.2)

    def _sizes(self) -> Dict[Tuple[str, str], int]:
        """The files that may have what tasks print, by task manager and name, with their sizes in bytes."""
        return {
            (manager, name): size
            for manager in self.cluster.task_managers()
            for name, size in self.cluster.files_of(manager).items()
            if "taskexecutor" in name and name.endswith((".out", ".log"))
        }

    def _read_to(self, sizes: Dict[Tuple[str, str], int], last: bool) -> bool:
        """Reads files that have grown; true if none is shorter than its size says."""
        whole = True
        for (manager, name), size in sizes.items():
            done = self.read.setdefault(manager, {})
            if size < done.get(name, 0):
                # Another process has begun the file again.
                done[name] = 0
            began = time.monotonic()
            if size > done.get(name, 0) and (last or began >= self.not_before.get(name, 0)):
                done[name] = self._new(manager, name, done.get(name, 0), last)
                self.not_before[name] = time.monotonic() + 10 * (time.monotonic() - began)
            whole = whole and done.get(name, 0) >= size
        return whole

    def _new(self, manager: str, name: str, before: int, last: bool) -> int:
        whole = self.cluster.file_of(manager, name)
        if whole is None:
            return before
        # A line that is not complete yet is left for the next time.
        end = len(whole) if last else whole.rfind(b"\n") + 1
        new = whole[before:end]
        if name.endswith(".out"):
            self.write(1, new)
        else:
            for line in new.decode("utf-8", "replace").splitlines():
                printed = _PRINTED.search(line)
                # A worker writes the traceback of a failed function there too; it is shown when the job has
                # failed.
                if printed and not printed[2].startswith("Traceback (most recent call last):"):
                    self.write(1 if printed[1] == "INFO" else 2, f"{printed[2].rstrip()}\n".encode())
        return max(before, end)


class SparkLog:
    """Tells what functions print from what Spark logs: its workers' output goes into the executor's log.

    What follows a warning or an error is taken for a part of it, and what comes before the first entry for
    the start's.
    """

    _ENTRY = re.compile(rb"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (INFO|DEBUG|TRACE)?")

    def __init__(self) -> None:
        self.passing = False
        self.rest = b""

    def printed(self, new: bytes) -> bytes:
        """The lines among new bytes of the log that are none of Spark's.

        >>> log = SparkLog()
        >>> log.printed(b"Command: java\\n26/11/23 16:41:19 INFO X: begins\\nhello\\n26/11/23 16:41:20 ERR")
        b'hello\\n'
        >>> log.printed(b"OR X: bad\\n\\tat X\\n26/11/23 16:41:21 INFO X: ends\\n")
        b''
        """
        *lines, self.rest = (self.rest + new).split(b"\n")
        kept = []
        for line in lines:
            entry = self._ENTRY.match(line)
            if entry:
                self.passing = entry[1] is not None
            elif self.passing and not line.startswith(b"Using Spark's "):
                kept.append(line + b"\n")
        return b"".join(kept)


class SparkOutput:
    """What the tasks of an application print, from the pages of its workers."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.read: Dict[str, int] = {}
        self.logs: Dict[str, SparkLog] = {}
        self.silent: Optional[str] = None

    def add(self, page: str) -> None:
        """A page that shows the log of an executor."""
        url = page.replace("/logPage/", "/log/")
        self.read.setdefault(url, 0)
        self.logs.setdefault(url, SparkLog())

    def fetch(self) -> None:
        """Passes on what has come since the last time."""
        for url in list(self.read):
            try:
                while self._more(url):
                    pass
            except NoAnswer as why:
                self.silent = f"what tasks print stays on the worker, {url}: {why}"
                del self.read[url]

    def _more(self, url: str) -> bool:
        """Reads on; true if there may be more."""
        scheme, _, rest = url.partition("://")
        address, _, path = rest.partition("/")
        before = self.read[url]
        reply = Server(f"{scheme}://{address}", 3.0).get(f"/{path}&offset={before}&byteLength={_AT_ONCE}")
        head, _, body = reply.body.partition(b"\n")
        told = re.match(rb"==== Bytes (\d+)-(\d+) of (\d+) of ", head)
        if reply.status != 200 or told is None or int(told[2]) <= before:
            return False
        printed = self.logs[url].printed(body[before - int(told[1]) :])
        if printed:
            self.write(1, printed)
        self.read[url] = int(told[2])
        return int(told[2]) < int(told[3])
