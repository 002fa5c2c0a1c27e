"""What the tasks of a job print, fetched over HTTP from where the cluster keeps it.

Answers for each line being passed on once, in the order of its file, and only what was written since the job began. Other
jobs that run in the same task manager write into the same file; Flink does not tell them apart.
Holds: a file is fetched again only when it has grown, and the larger it is, the more seldom.
"""

from __future__ import annotations

import re
import time
from typing import Callable, Dict, Optional

from millstream.handover.flink_rest import Cluster
from millstream.handover.http import NoAnswer, Server

#: A line of the log that a function printed: Flink redirects its worker's standard output into the log.
_PRINTED = re.compile(r" (INFO|ERROR) .*/pyflink/fn_execution/beam/beam_sdk_worker_main\.py:\d+ (.*)")
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

    def fetch(self, last: bool = False) -> None:
        """Passes on what has come since the last time."""
        for manager in self.cluster.task_managers():
            done = self.read.setdefault(manager, {})
            for name, size in self.cluster.files_of(manager).items():
                if size < done.get(name, 0):
                    # Another process has begun the file again.
                    done[name] = 0
                wanted = "taskexecutor" in name and name.endswith((".out", ".log"))
                if wanted and size > done.get(name, 0) and (last or time.monotonic() >= self.not_before.get(name, 0)):
                    began = time.monotonic()
                    done[name] = self._new(manager, name, done.get(name, 0), last)
                    self.not_before[name] = time.monotonic() + 10 * (time.monotonic() - began)

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
                # A worker writes the traceback of a failed function there too; it is shown when the job has failed.
                if printed and not printed[2].startswith("Traceback (most recent call last):"):
                    self.write(1 if printed[1] == "INFO" else 2, f"{printed[2].rstrip()}\n".encode())
        return max(before, end)


class SparkOutput:
    """The standard output of the executors of an application."""

    def __init__(self, write: Write) -> None:
        self.write = write
        self.read: Dict[str, int] = {}
        self.silent: Optional[str] = None

    def add(self, page: str) -> None:
        """An executor whose output is shown on a worker's page."""
        self.read.setdefault(page.replace("/logPage/", "/log/").replace("/logPage?", "/log/?"), 0)

    def fetch(self) -> None:
        """Passes on what has come since the last time."""
        for url, before in list(self.read.items()):
            address, _, rest = url.partition("://")[2].partition("/")
            server = Server(f"{url.partition('://')[0]}://{address}", 2.0)
            try:
                reply = server.get(f"/{rest}&offset={before}&byteLength={1 << 20}")
            except NoAnswer as why:
                self.silent = f"what tasks print stays at {server}: {why}"
                del self.read[url]
                continue
            head, _, body = reply.body.partition(b"\n")
            told = re.match(rb"==== Bytes (\d+)-(\d+) of (\d+) of ", head)
            if reply.status == 200 and told and int(told[2]) > before:
                self.write(1, body[before - int(told[1]) :] if int(told[1]) < before else body)
                self.read[url] = int(told[2])
