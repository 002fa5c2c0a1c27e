"""What jobs a context runs and has run."""

from __future__ import annotations

import threading
from typing import Callable, Dict, List, NamedTuple, Optional

from millstream._names import pep8
from millstream._progress import Progress, Stage
from millstream.spark._spellings import OfStatusTracker

__all__ = ["SparkJobInfo", "SparkStageInfo", "StatusTracker"]


class SparkJobInfo(NamedTuple):
    """A job: its number, its stages and whether it is `RUNNING`, `SUCCEEDED` or `FAILED`."""

    jobId: int
    stageIds: List[int]
    status: str


class SparkStageInfo(NamedTuple):
    """A stage that a running job waits for: how many tasks it has, and what became of them so far."""

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


class Jobs:
    """The jobs of a context, the last thousand of them; those that take long are shown, if `progress` is
    given.
    """

    KEPT = 1000

    def __init__(self, progress: Optional[Progress] = None) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._jobs: Dict[int, _Job] = {}
        self._next = 0

    def begin(self, stage: int, group: Optional[str]) -> int:
        """A job begins; its number."""
        if self._progress is not None:
            self._progress.begin()
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._jobs[number] = _Job(SparkJobInfo(number, [stage], "RUNNING"), group)
            if len(self._jobs) > self.KEPT:
                del self._jobs[next(iter(self._jobs))]
            return number

    def end(self, number: int, status: str) -> None:
        """A job has ended."""
        if self._progress is not None:
            self._progress.end()
        with self._lock:
            job = self._jobs.get(number)
            if job is not None:
                self._jobs[number] = job._replace(info=job.info._replace(status=status))

    def all(self) -> List[_Job]:
        """All that are kept."""
        with self._lock:
            return list(self._jobs.values())


@pep8
class StatusTracker(OfStatusTracker):
    """Says which jobs and stages there are."""

    def __init__(self, jobs: Jobs, stages: Callable[[], List[List[Stage]]]) -> None:
        self._jobs = jobs
        self._stages = stages

    def __repr__(self) -> str:
        return f"<StatusTracker: jobs {self.getActiveJobsIds()} run, stages {self.getActiveStageIds()}>"

    def getJobIdsForGroup(self, jobGroup: Optional[str] = None) -> List[int]:
        """The numbers of the jobs of a group; of those of no group if it is `None`."""
        return [job.info.jobId for job in self._jobs.all() if job.group == jobGroup]

    def getActiveJobsIds(self) -> List[int]:
        """The numbers of the jobs that run."""
        return [job.info.jobId for job in self._active()]

    def getActiveStageIds(self) -> List[int]:
        """The numbers of the stages that jobs wait for."""
        return [stage[0] for stages in self._stages() for stage in stages]

    def getJobInfo(self, jobId: int) -> Optional[SparkJobInfo]:
        """What is known about a job, if it is: while it runs, its stages are those that it waits for, the
        last first.
        """
        info = next((job.info for job in self._jobs.all() if job.info.jobId == jobId), None)
        if info is None or info.status != "RUNNING":
            return info
        waited = [stages for stages in self._stages() if stages and stages[0][0] in info.stageIds]
        return info._replace(stageIds=[stage[0] for stage in waited[0]]) if waited else info

    def getStageInfo(self, stageId: int) -> Optional[SparkStageInfo]:
        """What is known about a stage that a running job waits for, if it is one."""
        waited = (stage for stages in self._stages() for stage in stages)
        for number, name, tasks, active, done, failed in waited:
            if number == stageId:
                return SparkStageInfo(number, 0, name, tasks, active, done, failed)
        return None

    def _active(self) -> List[_Job]:
        return [job for job in self._jobs.all() if job.info.status == "RUNNING"]
