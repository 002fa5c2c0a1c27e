"""What a task and the interpreter it runs in have to say to each other.

Called by the native half: `begin` and `end` around each attempt, `described` and `shortened` when it failed,
`apply_updates` and `task_error` in the driver.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Dict, Optional, Tuple

#: The longest text that is shown of a record.
SHOWN = 200

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
_NOTE = "__millstream_fault__"

_running = threading.local()

#: The accumulators of this process's driver, by number.
accumulators: Dict[int, Any] = {}
_adding = threading.Lock()


def current() -> Any:
    """The task that runs in this thread, or `None`."""
    return getattr(_running, "task", None)


def begin(task: Any) -> None:
    """A task begins in this thread."""
    _running.task = task
    _running.accumulators = {}


def end(succeeded: bool) -> Optional[bytes]:
    """The task has ended; what it added to accumulators, if it succeeded and there is any."""
    # What a worker prints is not to wait for the worker's end.
    sys.stdout.flush()
    added = _running.accumulators
    _running.task = None
    _running.accumulators = {}
    if not (succeeded and added):
        return None
    import pickle

    return pickle.dumps([(number, accumulator._value) for number, accumulator in added.items()], 5)


def task_accumulator(number: int, make: Any) -> Any:
    """The accumulator that the running task adds to, made when it is first met."""
    found = _running.accumulators.get(number)
    if found is None:
        found = _running.accumulators[number] = make()
    return found


def apply_updates(updates: bytes) -> None:
    """Adds what a task added to the driver's accumulators."""
    import pickle

    with _adding:
        for number, value in pickle.loads(updates):
            accumulator = accumulators.get(number)
            if accumulator is not None:
                accumulator.add(value)


def shortened(record: Any) -> str:
    """A `repr` that fits into a message."""
    import reprlib

    short = reprlib.Repr()
    short.maxstring = short.maxother = SHOWN
    try:
        text = short.repr(record)
    except Exception as error:
        text = f"<{type(record).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def described(error: BaseException) -> Tuple[Optional[str], str, Optional[str], Optional[str]]:
    """The exception pickled where it can be, its traceback without our frames, operator and record where known."""
    import base64
    import traceback

    operator, record = getattr(error, _NOTE, (None, None))
    shown = traceback.TracebackException.from_exception(error)
    part: Any = shown
    while part is not None:
        part.stack = traceback.StackSummary.from_list(
            [frame for frame in part.stack if not frame.filename.startswith(_OURS)]
        )
        part = part.__cause__ or part.__context__
    pickled = None
    try:
        import cloudpickle

        error.__dict__.pop(_NOTE, None)
        pickled = base64.b64encode(cloudpickle.dumps(error)).decode()
    except Exception:
        pass
    return pickled, "".join(shown.format()), operator, record


def task_error(
    pickled: Optional[bytes],
    traceback: str,
    operator: Optional[str],
    record: Optional[str],
    partition: int,
    attempt: int,
) -> Exception:
    """The exception for the driver's program."""
    from millstream.errors import TaskError

    return caused_by(TaskError(traceback, operator, record, partition, attempt), pickled)


def caused_by(error: Exception, pickled: Optional[bytes]) -> Exception:
    """The error, with the exception of the user's function as its cause where that could be pickled and is known here."""
    import base64
    import pickle

    if pickled is not None:
        try:
            error.__cause__ = pickle.loads(base64.b64decode(pickled))
        except Exception:
            pass
    return error
