"""Being told what a streaming program does."""

from __future__ import annotations

from typing import Any, Dict, Optional

from millstream._names import pep8
from millstream.spark._spellings import OfStreamingListener

__all__ = ["StreamingListener"]


@pep8
class StreamingListener(OfStreamingListener):
    """Is told of each batch and receiver, on the thread that it happens on: what takes long here delays the
    stream.

    An exception that a method raises is written to the log `millstream.spark.streaming`, and the stream goes
    on.
    """

    def onStreamingStarted(self, streamingStarted: Any) -> None:
        """The context was started: `streamingStarted.time()` says when."""

    def onReceiverStarted(self, receiverStarted: Any) -> None:
        """A receiver begins to read: `receiverStarted.receiverInfo()`."""

    def onReceiverError(self, receiverError: Any) -> None:
        """A receiver has failed, and the context ends: `receiverError.receiverInfo()`."""

    def onReceiverStopped(self, receiverStopped: Any) -> None:
        """A receiver has ended: `receiverStopped.receiverInfo()`."""

    def onBatchSubmitted(self, batchSubmitted: Any) -> None:
        """A batch was cut and waits: `batchSubmitted.batchInfo()`."""

    def onBatchStarted(self, batchSubmitted: Any) -> None:
        """The processing of a batch begins: `batchSubmitted.batchInfo()` (PySpark's name)."""

    def onBatchCompleted(self, batchCompleted: Any) -> None:
        """All output operations of a batch have ended well: `batchCompleted.batchInfo()`."""

    def onOutputOperationStarted(self, outputOperationStarted: Any) -> None:
        """An output operation begins: `outputOperationStarted.outputOperationInfo()`."""

    def onOutputOperationCompleted(self, outputOperationCompleted: Any) -> None:
        """An output operation has ended, well or not: `outputOperationCompleted.outputOperationInfo()`."""


class Told:
    """Values that are asked for by methods of their names, as PySpark's objects are."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        values: Dict[str, Any] = object.__getattribute__(self, "__dict__").get("_values", {})
        if name not in values:
            raise AttributeError(f"there is no {name!r} here; there are {', '.join(sorted(values))}")
        return lambda: values[name]

    def __repr__(self) -> str:
        return f"({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"


class BatchTime:
    """A batch time. Its text is PySpark's."""

    def __init__(self, millis: int) -> None:
        self._millis = millis

    def milliseconds(self) -> int:
        """Since 1970."""
        return self._millis

    def __str__(self) -> str:
        return f"{self._millis} ms"

    __repr__ = __str__


def batch_info(time: int, records: int, submitted: int, started: Optional[int], ended: Optional[int]) -> Told:
    """What is told about a batch; -1 stands for what is not known yet."""

    def between(first: Optional[int], last: Optional[int]) -> int:
        return -1 if first is None or last is None else last - first

    info = Told(
        batchTime=BatchTime(time),
        numRecords=records,
        submissionTime=submitted,
        processingStartTime=-1 if started is None else started,
        processingEndTime=-1 if ended is None else ended,
        schedulingDelay=between(submitted, started),
        processingDelay=between(started, ended),
        totalDelay=between(submitted, ended),
    )
    return Told(batchInfo=info)


def receiver_info(name: str, message: str, active: bool) -> Told:
    """What is told about a receiver."""
    return Told(receiverInfo=Told(name=name, active=active, lastErrorMessage=message))


def output_info(
    time: int, number: int, name: str, started: int, ended: Optional[int], failure: Optional[str]
) -> Told:
    """What is told about an output operation of a batch; operations are numbered from 0."""
    info = Told(
        batchTime=BatchTime(time),
        id=number,
        name=name,
        description=name,
        startTime=started,
        endTime=-1 if ended is None else ended,
        failureReason=failure,
    )
    return Told(outputOperationInfo=info)
