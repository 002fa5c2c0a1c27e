"""What goes wrong in a stream: naming it where it happens, and saying it to the program."""

from __future__ import annotations

from typing import Any, Optional

from millstream._task import shortened

_NOTE = "__millstream_fault__"
_NO_RECORD = object()


def at(error: BaseException, operation: str, record: Any = _NO_RECORD) -> BaseException:
    """The exception, with the name of the operation and the record that it was raised at; the first note
    stays."""
    if not hasattr(error, _NOTE):
        try:
            setattr(error, _NOTE, (operation, None if record is _NO_RECORD else shortened(record)))
        except AttributeError:
            pass  # One with slots takes no note: then the place is not known.
    return error


def at_next(error: BaseException, operation: str, records: Any, rest: Any) -> BaseException:
    """The same, at the record that was taken last from an iterator over a list."""
    index = len(records) - rest.__length_hint__() - 1
    return at(error, operation, records[index]) if 0 <= index < len(records) else at(error, operation)


def user_error(
    pickled: Optional[bytes],
    traceback: str,
    operator: Optional[str],
    record: Optional[str],
    subtask: int,
    attempt: int,
) -> Exception:
    """What the program is told of an exception in a function of its own."""
    from millstream._task import caused_by
    from millstream.flink.errors import JobExecutionException

    return caused_by(JobExecutionException(traceback, operator, record, subtask, attempt), pickled)


def engine_error(message: str, is_cancelled: bool) -> Exception:
    """What the program is told of anything else."""
    from millstream.flink.errors import JobCancellationException, JobExecutionException

    return JobCancellationException(message) if is_cancelled else JobExecutionException(message)
