"""What a stream program is told when its job does not end well."""

from __future__ import annotations

from typing import Optional

from millstream.errors import TaskError
from millstream.flink.util.exceptions import JavaException

__all__ = ["JobCancellationException", "JobExecutionException"]


class JobExecutionException(TaskError, JavaException):
    """A job failed.

    If a function of the program raised an exception, the text begins with its traceback; then follow the
    operator, the subtask, the record and the attempt. `__cause__` is the exception itself where it could be
    brought here.
    """

    def __init__(
        self,
        traceback: str,
        operator: Optional[str] = None,
        record: Optional[str] = None,
        subtask: Optional[int] = None,
        attempt: int = 0,
    ) -> None:
        super().__init__(traceback, operator, record, subtask or 0, attempt)
        self.subtask = subtask

    def __str__(self) -> str:
        if self.subtask is None:
            return self.traceback
        place = f"in subtask {self.subtask + 1}, attempt {self.attempt + 1}"
        if self.operator:
            place = f"in operator `{self.operator}`, {place[3:]}"
        if self.record is not None:
            place += f", at the record {self.record}"
        return f"{self.traceback.rstrip()}\n{place}"


class JobCancellationException(JobExecutionException):
    """A job was cancelled before its end."""
