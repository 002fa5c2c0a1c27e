"""A job on a cluster, as the program that sent it there sees it.

Answers for what the native half answers of a job in this process: its state, its end, what is asked of it; and for showing
what its processes print while it is waited for. Not for what a user calls (`flink.common.job_client`).
Holds: an end that was seen once is known for good, whatever becomes of the job manager.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Dict, List, Optional, Tuple

from millstream import _native
from millstream._cluster import guardian

#: What the states of the cluster are called by Flink.
_STATES = {
    "starting": "CREATED",
    "waiting": "CREATED",
    "running": "RUNNING",
    "restarting": "RESTARTING",
    "ending": "RUNNING",
    "finished": "FINISHED",
    "canceled": "CANCELED",
    "failed": "FAILED",
}
_FINAL = ("finished", "canceled", "failed")

#: How long the job manager may be gone, in seconds: another one may take its place on its folder.
GONE = 30.0
#: How long it waits for a line, in milliseconds: an interrupt is heard in between.
PATIENCE = 250


class RemoteJob:
    """One job."""

    def __init__(self, cluster: Any, job: str, is_detached: bool, watching: Any = None) -> None:
        self._cluster = cluster
        #: The process that ends the job with this one, if there is one.
        self._watching = watching
        #: As the cluster calls it: `job-3`.
        self.name = job
        self.is_detached = is_detached
        if is_detached:
            print(job, flush=True)
        else:
            sys.stderr.write(f"{job} runs; Ctrl-C cancels it\n")
        self._ended: Optional[Dict[str, Any]] = None
        self._waits: Optional[str] = None

    def _view(self) -> Dict[str, Any]:
        if self._ended is not None:
            return self._ended
        view: Dict[str, Any] = json.loads(self._cluster.job(self.name))
        if view["state"] in _FINAL:
            self._ended = view
            if self._watching is not None:
                guardian.release(self._watching)
        return view

    def status(self) -> str:
        """As Flink calls it."""
        return _STATES[self._view()["state"]]

    def cancel(self) -> None:
        """Ends the job at once."""
        try:
            self._cluster.cancel(self.name)
        except RuntimeError:
            # It may have ended by itself meanwhile.
            if self._view()["state"] not in _FINAL:
                raise

    def stop(self) -> None:
        """Ends the job in order."""
        self._cluster.stop(self.name, False)

    def savepoint(self) -> str:
        """Takes a savepoint; gives its name."""
        name: str = self._cluster.savepoint(self.name)
        return name

    def stop_with_savepoint(self) -> str:
        """Takes a savepoint behind which nothing is processed; gives its name."""
        name: str = self._cluster.stop(self.name, True)
        return name

    def metrics(self) -> List[Tuple[str, int, int]]:
        """What has passed through each operator."""
        operators = self._view()["operators"]
        return [(one["name"], one["records_in"], one["records_out"]) for one in operators]

    def describe(self) -> str:
        """The plan in a few lines, for people."""
        plan: str = self._view()["plan"]
        return plan

    def wait(self) -> Tuple[int, int, bool, int]:
        """Waits for the end, and shows what the job's processes print; gives its time in milliseconds, the restarts, whether
        it was stopped, and the checkpoints."""
        view = self._followed()
        # A job that was stopped in order is called so as well, but nothing is said against it.
        if view["state"] == "failed" or view["failure"] is not None:
            raise _failure(view)
        checkpoints = sum(1 for one in view["checkpoints"] if one["failure"] is None)
        return view["ended"] - view["submitted"], view["restarts"], view["state"] == "canceled", checkpoints

    def _followed(self) -> Dict[str, Any]:
        place, seen = 0, time.monotonic()
        while True:
            try:
                # The view before the output: what was printed before the end is in it then.
                view = self._view()
                page = json.loads(self._cluster.output(self.name, place, PATIENCE))
            except ConnectionError:
                if time.monotonic() - seen > GONE:
                    raise
                time.sleep(0.2)
                continue
            seen, place = time.monotonic(), page["next"]
            self._show(page, view)
            if view["state"] in _FINAL and not page["lines"]:
                return view

    def _show(self, page: Dict[str, Any], view: Dict[str, Any]) -> None:
        if page["missed"]:
            sys.stderr.write("lines are missing here: the job printed faster than they could be fetched\n")
        for line in page["lines"]:
            # What the master says at last is what this program is going to raise.
            if line["stream"] == "out" or line["process"] != "master":
                to = sys.stdout if line["stream"] == "out" else sys.stderr
                to.write(line["text"] + "\n")
        sys.stdout.flush()
        if view["waits_for"] != self._waits:
            self._waits = view["waits_for"]
            if self._waits is not None:
                sys.stderr.write(f"{self.name} waits for {self._waits}\n")


def _failure(view: Dict[str, Any]) -> BaseException:
    is_cancelled = view["state"] == "canceled"
    text = view["failure"] or "the job failed"
    last = view["exceptions"][-1] if view["exceptions"] and not is_cancelled else None
    if last is not None:
        text = last["failure"]
    error: BaseException = _native.job_failure(text, last and last["detail"], is_cancelled)
    return error
