"""A cluster for tests: a job manager and workers as processes, which end with the test."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, List, Optional

from streams import wait_for

MILLSTREAM = str(Path(sys.executable).with_name("millstream"))


class Cluster:
    """A job manager and workers with so many slots."""

    def __init__(self, folder: Path, slots: List[int], python: Optional[str] = None) -> None:
        self.folder = folder
        self.processes: List["subprocess.Popen[Any]"] = []
        self.workers: List["subprocess.Popen[Any]"] = []
        facts = folder / "facts"
        self._start("jobmanager", "--port", "0", "--rest-port", "0", "--facts", str(facts))
        wait_for("the job manager", facts.exists)
        told = json.loads(facts.read_text())
        self.rest, self._workers_at = told["rest"], told["workers"]
        for number in slots:
            self.add_worker(number, python)
        wait_for("the workers", lambda: len(self.asked("list", "--workers")) == len(slots))

    def _start(self, *arguments: str) -> "subprocess.Popen[Any]":
        with open(self.folder / f"{arguments[0]}.log", "ab") as log:
            # In a group of its own: a test interrupts programs, and not their cluster.
            process = subprocess.Popen([MILLSTREAM, *arguments], stderr=log, start_new_session=True)
        self.processes.append(process)
        return process

    def add_worker(self, slots: int, python: Optional[str] = None) -> None:
        """One more."""
        more = ["--python", python] if python else []
        told = ["--manager", self._workers_at, "--slots", str(slots), "--grace", "60", *more]
        self.workers.append(self._start("worker", *told))

    def asked(self, *arguments: str) -> Any:
        """What a command lists; nothing while there is no answer."""
        asked = [MILLSTREAM, *arguments, "--master", self.rest, "--output", "json"]
        ended = subprocess.run(asked, capture_output=True, text=True)
        return json.loads(ended.stdout) if ended.stdout else []

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command that asks this job manager."""
        asked = [MILLSTREAM, *arguments, "--master", self.rest]
        return subprocess.run(asked, capture_output=True, text=True, timeout=60)

    def started(self, text: str, *arguments: str, options: Any = (), **environment: str) -> "subprocess.Popen[str]":
        """`run --master`, of a program with this text."""
        path = self.folder / "job.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        command = [MILLSTREAM, "run", "--master", self.rest, *options, str(path), *arguments]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**os.environ, **environment},
        )

    def run(self, text: str, *arguments: str, options: Any = (), code: int = 0) -> Any:
        """The same, to its end: what it printed, and what it said beside that."""
        process = self.started(text, *arguments, options=options)
        out, said = process.communicate(timeout=120)
        assert process.returncode == code, said
        return out, said

    def state(self, job: str) -> str:
        """What a job is doing."""
        view = self.asked("status", job)
        return str(view["state"]) if view else ""

    def wait_for_checkpoint(self, job: str = "job-1") -> None:
        """Until the job runs and has a checkpoint of its present master."""

        def is_there() -> bool:
            view = self.asked("status", job)
            return bool(view) and view["state"] == "running" and any(not one["failure"] for one in view["checkpoints"])

        wait_for("a checkpoint", is_there)

    def close(self) -> None:
        """Ends everything."""
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
        for process in self.processes:
            process.wait()


def children(pid: int) -> Dict[int, str]:
    """The processes that a process has started, with what they were started as."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == pid:
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                pass
    return found
