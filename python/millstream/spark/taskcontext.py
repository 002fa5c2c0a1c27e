"""What user code may ask about the task it runs in."""

from __future__ import annotations

from typing import Any, Dict, Optional

from millstream import _task
from millstream._names import pep8
from millstream.spark._spellings import OfTaskContext

__all__ = ["TaskContext"]


@pep8
class TaskContext(OfTaskContext):
    """The task that runs in this thread."""

    def __init__(self, task: Any) -> None:
        self._task = task

    def __repr__(self) -> str:
        place = f"stage {self.stageId()}, partition {self.partitionId()}, attempt {self.attemptNumber()}"
        return f"<TaskContext of {place}>"

    @classmethod
    def get(cls) -> Optional["TaskContext"]:
        """The running task; `None` in the driver."""
        task = _task.current()
        return None if task is None else cls(task)

    def stageId(self) -> int:
        """The number of the stage: that of the data set it ends with."""
        return self._task.stage

    def partitionId(self) -> int:
        """The partition that the task makes, from 0."""
        return self._task.partition

    def attemptNumber(self) -> int:
        """How often the task was tried before."""
        return self._task.attempt

    def taskAttemptId(self) -> int:
        """The number of this attempt among all of the context."""
        return self._task.id

    def getLocalProperty(self, key: str) -> Optional[str]:
        """What the program has said of the job by `SparkContext.setLocalProperty`."""
        return self._task.properties.get(key)

    def cpus(self) -> int:
        """How many cores the task was given."""
        return 1

    def resources(self) -> Dict[str, Any]:
        """There are none but cores."""
        return {}
