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
        partition: Optional[int] = 0,
        attempt: int = 0,
    ) -> None:
        self.traceback = traceback
        self.operator = operator
        self.record = record
        self.partition = partition
        self.attempt = attempt
        super().__init__(traceback, operator, record, partition, attempt)

    def __str__(self) -> str:
        if self.partition is None:
            return self.traceback.rstrip()
        place = f"in partition {self.partition}, attempt {self.attempt + 1}"
        if self.operator:
            place = f"in operator `{self.operator}`, {place[3:]}"
        if self.record is not None:
            place += f", at the record {self.record}"
        return f"{self.traceback.rstrip()}\n{place}"


class BatchError(TaskError):
    """A batch of a stream failed, and the streaming context with it.

    The text begins with the traceback of the function that raised; then follow, where it ran in a task, the operator, the
    partition, the record and the attempt; then the output operation and the batch. `__cause__` is the exception itself.
    """

    def __init__(
        self,
        output: str,
        number: int,
        of: int,
        time: int,
        traceback: str,
        operator: Optional[str] = None,
        record: Optional[str] = None,
        partition: Optional[int] = None,
        attempt: int = 0,
    ) -> None:
        super().__init__(traceback, operator, record, partition, attempt)
        self.output = output
        self.number = number
        self.of = of
        #: The batch time in milliseconds since 1970.
        self.time = time
        self.args = (output, number, of, time, traceback, operator, record, partition, attempt)

    def __str__(self) -> str:
        place = f"in output operation {self.number} of {self.of}, `{self.output}`, of the batch of {self.time} ms"
        return f"{super().__str__()}\n{place}"
