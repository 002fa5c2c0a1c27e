"""What jobs a context runs and has run."""

from __future__ import annotations

import threading
from typing import Dict, List, NamedTuple, Optional

from millstream._names import pep8

__all__ = ["SparkJobInfo", "SparkStageInfo", "StatusTracker"]


class SparkJobInfo(NamedTuple):
    """A job: its number, its stages and whether it is `RUNNING`, `SUCCEEDED` or `FAILED`."""

    jobId: int
    stageIds: List[int]
    status: str


class SparkStageInfo(NamedTuple):
    """The last stage of a job that runs."""

    stageId: int
    currentAttemptId: int
    name: str
    numTasks: int
    numActiveTasks: int
    numCompletedTasks: int
    numFailedTasks: int


class _Job(NamedTuple):
    info: SparkJobInfo
    group: Optional[str]
    name: str
    tasks: int


class Jobs:
    """The jobs of a context, the last thousand of them."""

    KEPT = 1000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: Dict[int, _Job] = {}
        self._next = 0

    def begin(self, stage: int, name: str, tasks: int, group: Optional[str]) -> int:
        """A job begins; its number."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._jobs[number] = _Job(SparkJobInfo(number, [stage], "RUNNING"), group, name, tasks)
            if len(self._jobs) > self.KEPT:
                del self._jobs[next(iter(self._jobs))]
            return number

    def end(self, number: int, status: str) -> None:
        """A job has ended."""
        with self._lock:
            job = self._jobs.get(number)
            if job is not None:
                self._jobs[number] = job._replace(info=job.info._replace(status=status))

    def all(self) -> List[_Job]:
        """All that are kept."""
        with self._lock:
            return list(self._jobs.values())


@pep8
class StatusTracker:
    """Says which jobs and stages there are."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def getJobIdsForGroup(self, jobGroup: Optional[str] = None) -> List[int]:
        """The numbers of the jobs of a group; of those of no group if it is `None`."""
        return [job.info.jobId for job in self._jobs.all() if job.group == jobGroup]

    def getActiveJobsIds(self) -> List[int]:
        """The numbers of the jobs that run."""
        return [job.info.jobId for job in self._active()]

    def getActiveStageIds(self) -> List[int]:
        """The numbers of the stages that jobs wait for."""
        return [stage for job in self._active() for stage in job.info.stageIds]

    def getJobInfo(self, jobId: int) -> Optional[SparkJobInfo]:
        """What is known about a job, if it is."""
        return next((job.info for job in self._jobs.all() if job.info.jobId == jobId), None)

    def getStageInfo(self, stageId: int) -> Optional[SparkStageInfo]:
        """What is known about the stage that a running job ends with, if it is one."""
        for job in self._active():
            if stageId in job.info.stageIds:
                return SparkStageInfo(stageId, 0, job.name, job.tasks, 0, 0, 0)
        return None

    def _active(self) -> List[_Job]:
        return [job for job in self._jobs.all() if job.info.status == "RUNNING"]
