"""What a job raises when a task of it failed."""

from __future__ import annotations

from typing import Optional


class TaskError(RuntimeError):
    """A function of the program raised an exception in a task, in all attempts that the task had.

    The text begins with the traceback of the function; then follow the operator, the partition, the record and the
    attempt. `__cause__` is the exception itself where it could be brought here.
    """

    def __init__(
        self,
        traceback: str,
        operator: Optional[str] = None,
        record: Optional[str] = None,
        partition: int = 0,
        attempt: int = 0,
    ) -> None:
        self.traceback = traceback
        self.operator = operator
        self.record = record
        self.partition = partition
        self.attempt = attempt
        super().__init__(traceback, operator, record, partition, attempt)

    def __str__(self) -> str:
        place = f"in partition {self.partition}, attempt {self.attempt + 1}"
        if self.operator:
            place = f"in operator `{self.operator}`, {place[3:]}"
        if self.record is not None:
            place += f", at the record {self.record}"
        return f"{self.traceback.rstrip()}\n{place}"
