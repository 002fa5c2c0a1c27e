"""Flink's REST interface: is a session cluster there, what became of a job, and who says so.

Answers for questions and their answers as values. Not for when they are asked (`flink`), nor for how a
failure is shown (`failure`).
"""

from __future__ import annotations

import html
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from millstream.handover.server import NoAnswer, Server
from millstream.handover.refusal import Refused

#: The states that a job does not leave.
ENDS = {"FINISHED", "FAILED", "CANCELED", "SUSPENDED"}


#: Marks the jobs of one run among the cluster's, as a global parameter of the job.
MARK = "millstream.run"


class Failure(NamedTuple):
    """Why a task of a job failed."""

    text: str
    task: Optional[str]
    place: Optional[str]


class Cluster:
    """A session cluster at an address that was asked and found to be one."""

    def __init__(self, server: Server, version: str) -> None:
        self.server = server
        self.version = version

    def _json(self, path: str) -> Optional[Any]:
        reply = self.server.get(path)
        return reply.json() if reply.status == 200 else None

    def setting(self, key: str) -> Optional[str]:
        """A setting of the job manager, or `None` if it does not say."""
        entries = self._json("/jobmanager/config") or []
        return next((entry["value"] for entry in entries if entry.get("key") == key), None)

    def jobs(self) -> Dict[str, Dict[str, Any]]:
        """All jobs that the cluster knows, by id."""
        told = self._json("/jobs/overview") or {}
        return {job["jid"]: job for job in told.get("jobs", [])}

    def job(self, job: str) -> Optional[Dict[str, Any]]:
        """One job in detail."""
        return self._json(f"/jobs/{job}")

    def mark(self, job: str) -> Optional[str]:
        """The mark of the run that submitted a job, if it has one."""
        told = self._json(f"/jobs/{job}/config") or {}
        mark: Optional[str] = told.get("execution-config", {}).get("user-config", {}).get(MARK)
        return mark

    def failure(self, job: str) -> Optional[Failure]:
        """Why the job failed, the latest cause if it failed several times."""
        told = self._json(f"/jobs/{job}/exceptions?maxExceptions=5")
        entries = ((told or {}).get("exceptionHistory") or {}).get("entries") or []
        if not entries:
            return None
        # The first is about the job if it is not restarted any more, and then need not name the task.
        latest = [entries[0], *(entries[0].get("concurrentExceptions") or [])]
        task, place = next(
            ((part["taskName"], part.get("endpoint")) for part in latest if part.get("taskName")),
            self._failed_task(job),
        )
        return Failure(entries[0].get("stacktrace") or entries[0].get("exceptionName") or "", task, place)

    def _failed_task(self, job: str) -> Tuple[Optional[str], Optional[str]]:
        """The name and the place of a task whose last attempt has failed, named as in an exception."""
        for vertex in (self.job(job) or {}).get("vertices", []):
            told = self._json(f"/jobs/{job}/vertices/{vertex['id']}") or {}
            for task in told.get("subtasks", []):
                if task["status"] == "FAILED":
                    which = f"({task['subtask'] + 1}/{vertex['parallelism']}) - execution #{task['attempt']}"
                    return f"{html.unescape(told['name'])} {which}", task.get("endpoint") or task.get("host")
        return None, None

    def cancel(self, job: str) -> bool:
        """Asks for a job's end; true if the cluster accepts that."""
        return self.server.ask("PATCH", f"/jobs/{job}?mode=cancel").status in (200, 202)

    def task_managers(self) -> List[str]:
        """The ids of all task managers."""
        told = self._json("/taskmanagers") or {}
        return [manager["id"] for manager in told.get("taskmanagers", [])]

    def files_of(self, manager: str) -> Dict[str, int]:
        """The sizes in bytes of the files in the log folder of a task manager."""
        told = self._json(f"/taskmanagers/{manager}/logs") or {}
        return {file["name"]: file["size"] for file in told.get("logs", [])}

    def file_of(self, manager: str, name: str) -> Optional[bytes]:
        """A file in the log folder of a task manager."""
        reply = self.server.get(f"/taskmanagers/{manager}/logs/{name}")
        return reply.body if reply.status == 200 else None


def find(address: str, client: str) -> Cluster:
    """The cluster at an address. Refused, with who answered what, if there is none of the client's
    version."""
    expected = "expected the REST address of a Flink session cluster, as host:8081"
    try:
        server = Server(address)
    except ValueError as error:
        raise Refused(f"--master: {error}; {expected}") from None
    try:
        reply = server.get("/overview")
    except NoAnswer as why:
        raise Refused(f"no Flink cluster at {server}: {why}; {expected}") from None
    told = reply.json()
    if reply.status != 200 or not isinstance(told, dict) or "flink-version" not in told:
        guess = " (that is a page of Spark's)" if re.search(rb"[Ss]park", reply.body[:4096]) else ""
        raise Refused(f"no Flink cluster at {server}: the answer is {reply.described()}{guess}; {expected}")
    found = str(told["flink-version"])
    if found.split(".")[:2] != client.split(".")[:2]:
        fitting = ".".join(found.split(".")[:2])
        raise Refused(
            f"the cluster at {server} is Flink {found}, the installed client {client}: "
            "a client can hand jobs to its own minor version only; "
            f"`pip install 'apache-flink=={fitting}.*'` installs the one for this cluster"
        )
    return Cluster(server, found)


def cancel_marked(address: str, mark: str) -> None:
    """Cancels all jobs of a run, as far as the cluster can be reached."""
    cluster = Cluster(Server(address), "")
    try:
        for job, about in cluster.jobs().items():
            if about["state"] not in ENDS and cluster.mark(job) == mark:
                cluster.cancel(job)
    except NoAnswer:
        pass
