"""A program on a Flink session cluster: the client's command, the jobs it submits, what becomes of them.

Answers for the end of every job that the program submitted being known, whatever the client says: the client
ends with the same code however a program failed, and lets its job run on when it is ended itself. So the jobs
are asked after. Holds: when the user wants the end, no job of the program is left running, or it is said
which and how to end it.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
import uuid
from typing import Any, Dict, List, Optional, Tuple

from millstream.handover import failure
from millstream.handover.client import FLINK, home
from millstream.handover.flink_rest import ENDS, MARK, Cluster
from millstream.handover.server import NoAnswer
from millstream.handover.launcher import Ended, Screen
from millstream.handover.task_output import FlinkOutput

#: Seconds that a job has to end after it was cancelled.
_CANCELLING = 30.0


class Flink:
    """One program on one cluster."""

    grace = 3.0

    def __init__(self, cluster: Cluster, screen: Screen) -> None:
        self.cluster = cluster
        self.screen = screen
        self.jobs: Dict[str, str] = {}
        self.mark = uuid.uuid4().hex
        self.output = FlinkOutput(cluster, screen.write)
        self.cancelling = threading.Event()
        self._restarting: Dict[str, str] = {}

    def told(self) -> Dict[str, Any]:
        """What the driver needs to know."""
        chosen = self.cluster.setting("restart-strategy.type") or self.cluster.setting("restart-strategy")
        return {"master": str(self.cluster.server), "mark": self.mark, "limit_restarts": chosen is None}

    def command(self, launched: str) -> Tuple[List[str], Dict[str, str]]:
        """`flink run` of the installed client."""
        if not self.cluster.task_managers():
            self.screen.note(
                f"the cluster at {self.cluster.server} has no task manager yet: the job waits for one"
            )
        flink = home(FLINK)
        options = {"pipeline.global-job-parameters": f"{MARK}:{self.mark}"}
        server = self.cluster.server
        arguments = [os.path.join(flink, "bin", "flink"), "run", "-m", f"{server.host}:{server.port}"]
        arguments += [f"-D{name}={value}" for name, value in options.items()]
        arguments += ["-pyclientexec", sys.executable, "-py", launched]
        # The scripts call `python`, which must be the one that the client is installed for.
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
        return arguments, {"PATH": path, "FLINK_HOME": flink}

    def heard(self, fact: Dict[str, Any]) -> None:
        """Flink's driver tells nothing that the cluster does not."""

    def said(self, line: str) -> None:
        """The client names the jobs it submits."""
        found = re.search(r"submitted with JobID ([0-9a-f]{32})", line)
        if found:
            self.jobs.setdefault(found[1], "")

    def look(self) -> None:
        """Notes the states of the jobs, and passes on what their tasks print."""
        try:
            self._states()
            self.output.fetch()
        except NoAnswer:
            # The next look may find it again; if not, the client says so.
            pass

    def _states(self) -> None:
        told = self.cluster.jobs()
        for job, before in list(self.jobs.items()):
            state = told.get(job, {}).get("state", before)
            # Before it runs, the cluster does not know its name.
            if state in (before, "INITIALIZING"):
                continue
            name = told[job].get("name", "")
            self.jobs[job] = state
            if not before:
                self.screen.note(
                    f"on Flink {self.cluster.version} at {self.cluster.server}: job {job}, {name}"
                )
            if state == "RESTARTING":
                found = self.cluster.failure(job)
                why = failure.cause(found.text).splitlines()[-1] if found else "the cluster does not say why"
                self.screen.note(f"job {job} failed and is restarted: {why}")
            if state in ENDS:
                seconds = told[job].get("duration", 0) / 1000
                self.screen.note(f"job {job} {_WORDS.get(state, state)} after {seconds:.1f} s")
        running = [told[job] for job in self.jobs if job in told and told[job]["state"] not in ENDS]
        if running:
            self.screen.progress(", ".join(_progress(job) for job in running))

    def cancel(self) -> None:
        """Cancels all jobs of the program; one that only waits for them then ends by itself."""
        self.cancelling.set()
        self._cancel_jobs()

    def _cancel_jobs(self) -> None:
        until = time.monotonic() + _CANCELLING
        asked: List[str] = []
        while time.monotonic() < until:
            try:
                left = self._left()
                for job in left:
                    if job not in asked and self.cluster.cancel(job):
                        asked.append(job)
                if not left:
                    return
            except NoAnswer:
                pass
            time.sleep(0.2)

    def _left(self) -> List[str]:
        """The jobs of this run that have not ended."""
        told = self.cluster.jobs()
        for job, about in told.items():
            if job not in self.jobs and about["state"] not in ENDS and self.cluster.mark(job) == self.mark:
                self.jobs[job] = ""
        return [job for job in self.jobs if job in told and told[job]["state"] not in ENDS]

    def after(self, ended: Ended) -> Tuple[int, Optional[str]]:
        """The exit code, and what is to be said of a failure, once the client has ended."""
        try:
            return self._after(ended)
        except NoAnswer as why:
            named = ", ".join(self.jobs) or "none that is known"
            return 1, f"the cluster at {self.cluster.server} has gone: {why}. Jobs of this program: {named}"

    def _after(self, ended: Ended) -> Tuple[int, Optional[str]]:
        if ended.signal is not None:
            # One may have been submitted since.
            self._cancel_jobs()
            left = self._left()
            self._states()
            if left:
                ids = ", ".join(left)
                return (
                    128 + ended.signal,
                    f"still running on {self.cluster.server} after {_CANCELLING:g} s: {ids}",
                )
            return 128 + ended.signal, None
        if ended.code is None:
            self._cancel_jobs()
            log = "\n".join(ended.log)
            return 1, f"Flink's client ended with {ended.client} before the program did:\n{log}"
        if not self.jobs and ended.code == 0 and not ended.failure:
            self.screen.note("the program has ended without a job: is there an env.execute()?")
        self._wait(ended)
        self.output.fetch_all()
        failed = [job for job, state in self.jobs.items() if state in ("FAILED", "CANCELED", "SUSPENDED")]
        found = next((cause for cause in (self.cluster.failure(job) for job in failed) if cause), None)
        place = failure.flink_place(found.task, found.place) if found else None
        if ended.failure:
            java = ended.failure[-1]["java"]
            return ended.code, failure.of_driver(ended.failure, place, found.text if found and java else None)
        if failed and ended.code == 0:
            texts = [failure.cause(found.text) if found else "", place or ""]
            which = f"job {failed[0]} {_WORDS[self.jobs[failed[0]]]}"
            return 1, "\n".join([text for text in texts if text] + [which])
        return ended.code, None

    def _wait(self, ended: Ended) -> None:
        """Waits for jobs that the program began and did not wait for itself."""
        while not self.cancelling.is_set():
            self.look()
            if all(state in ENDS for state in self.jobs.values()):
                return
            time.sleep(0.2)


_WORDS = {
    "FINISHED": "finished",
    "FAILED": "failed",
    "CANCELED": "was cancelled",
    "SUSPENDED": "was suspended",
}


def _progress(job: Dict[str, Any]) -> str:
    tasks = job.get("tasks", {})
    running = tasks.get("running", 0)
    waiting = tasks.get("scheduled", 0)
    waits = f", {waiting} waiting for a slot" if waiting else ""
    return f"{job['name']}: {job['state'].lower()}, {running} of {tasks.get('total', 0)} tasks running{waits}"

