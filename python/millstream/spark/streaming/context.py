"""Where a streaming program begins, is run and ends."""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, List, Optional, Sequence, Tuple

from millstream import _native
from millstream._names import pep8
from millstream.spark import _inputs
from millstream.spark._spellings import OfStreamingContext
from millstream.spark.errors import PySparkRuntimeError, PySparkTypeError, PySparkValueError
from millstream.spark.streaming._graph import Graph
from millstream.spark.streaming._sources import Sources
from millstream.spark.streaming._times import duration, multiple
from millstream.spark.streaming.clock import ManualClock
from millstream.spark.streaming.dstream import DStream, TransformedDStream

if TYPE_CHECKING:
    from millstream.spark.context import SparkContext
    from millstream.spark.rdd import RDD

__all__ = ["StreamingContext"]

#: Settings of streams, with their defaults: batches that may wait, what each receiver holds, how often it
#: connects.
SETTINGS = {
    "millstream.streaming.queuedBatches": 1000,
    "millstream.streaming.heldRecords": 4 << 20,
    "millstream.streaming.heldBytes": 256 << 20,
    "millstream.streaming.connectAttempts": 10,
}


#: How many seconds the end of the process waits for a batch that runs.
END_WITHIN = 10


@pep8
class StreamingContext(Sources, OfStreamingContext):
    """The entry to streaming programs: cuts what comes in into batches, an interval each, and runs each of
    them as jobs on RDDs. `batchDuration` is in seconds.

    Batch times are multiples of the interval since 1970; the batch of a time holds what came in the interval
    that ended then. With a `clock` that is moved by hand, a test decides when.
    """

    _activeContext: ClassVar[Optional["StreamingContext"]] = None
    _lock: ClassVar[threading.RLock] = threading.RLock()

    def __init__(
        self,
        sparkContext: "SparkContext",
        batchDuration: Optional[float] = None,
        jssc: Any = None,
        *,
        batch_interval: Optional[float] = None,
        clock: Optional[ManualClock] = None,
    ) -> None:
        seconds = batchDuration if batch_interval is None else batch_interval
        if seconds is None:
            raise PySparkValueError(
                "a StreamingContext needs the length of its batches: StreamingContext(sc, 1) for a second"
            )
        if batchDuration is not None and batch_interval is not None:
            raise PySparkValueError(
                "the length of the batches is given twice, as batchDuration and as batch_interval"
            )
        interval = duration("batch interval", seconds)
        self._sc = sparkContext
        self._graph = Graph(interval)
        conf = sparkContext.getConf()
        queued, records, held, attempts = (
            _number(conf.get(key), key, default) for key, default in SETTINGS.items()
        )
        now = None if clock is None else int(clock.now() * 1000)
        engine = sparkContext._running()
        self._batches = _native.Batches(engine, self._graph, interval, queued, records, held, attempts, now)
        if clock is not None:
            clock._followers.append(self._batches.advance)
        self._failure: Optional[BaseException] = None
        self._checkpoint_folder: Optional[str] = None
        self._checkpoint_interval = 0
        self._resume = False
        self._stop_spark = False
        self._stopped = False

    def __repr__(self) -> str:
        return f"<StreamingContext every {self._graph.interval} ms, {self.status()['phase']}>"

    def __reduce__(self) -> Any:
        raise PySparkRuntimeError(
            "a StreamingContext is used in a function that runs in tasks: it can only be used in the driver"
        )

    # What it is

    @property
    def sparkContext(self) -> "SparkContext":
        """What the batches run on."""
        return self._sc

    @classmethod
    def getActive(cls) -> Optional["StreamingContext"]:
        """The context that was started and not stopped, if there is one."""
        return cls._activeContext

    def status(self) -> Dict[str, Any]:
        """How it does: `phase` (ready, running, stopping, stopped), `queued_batches` that wait, the time
        of the one `processing`, `completed_batches` and their `completed_records` from receivers; for each
        of `receivers` its `name`, whether it is `active` and `waits` for room, `records_received`,
        `records_held` and `most_records_held`."""
        return self._batches.status()

    # Checkpoints

    def checkpoint(self, directory: str) -> None:
        """Has the program write down how far it came into a folder, made where it does not exist: each
        batch when it is cut, and what is carried from batch to batch (state, windows) when it is done. A location
        such as `s3://bucket/path` or `hdfs://host:port/path` may be given.
        `getOrCreate` goes on from there. Without it, the start begins anew, and what is in the folder is
        forgotten.
        """
        self._checkpoint_folder = _inputs.folder(directory)
        if self._sc.getCheckpointDir() is None:
            # Where `RDD.checkpoint` writes, if it is asked to: made then.
            self._sc._checkpoint_dir = os.path.join(self._checkpoint_folder, self._sc.applicationId)

    @classmethod
    def getOrCreate(
        cls, checkpointPath: str, setupFunc: "Callable[[], StreamingContext]"
    ) -> "StreamingContext":
        """The program that `setupFunc` puts together, checkpointed in `checkpointPath`: its start goes on
        where an earlier process was left, if the folder says that there was one.

        Unlike PySpark, which brings the functions back from the folder, `setupFunc` is called in any case, so
        that a program may be mended between two runs. It has to put together the same inputs and the same
        operations that carry something from batch to batch, in the same order; the functions in them may be
        others. All batches that were cut and not done are processed again, with the files that they were
        given, then those whose times have passed: each changes state once, and is put out at least once. What
        sockets had taken in is gone; a program with a queueStream cannot go on.
        """
        if not callable(setupFunc):
            raise PySparkTypeError(
                "setupFunc is to be a function that puts the program together and gives its StreamingContext"
            )
        context = setupFunc()
        if not isinstance(context, StreamingContext):
            raise PySparkTypeError(
                f"setupFunc is to give a StreamingContext, and gave a {type(context).__name__}"
            )
        context.checkpoint(checkpointPath)
        context._resume = True
        return context

    @classmethod
    def getActiveOrCreate(
        cls, checkpointPath: Optional[str], setupFunc: "Callable[[], StreamingContext]"
    ) -> "StreamingContext":
        """The context that was started and not stopped; where there is none, that of `getOrCreate`, or of
        `setupFunc` if no folder is given."""
        if not callable(setupFunc):
            raise PySparkTypeError(
                "setupFunc is to be a function that puts the program together and gives its StreamingContext"
            )
        if cls._activeContext is not None:
            return cls._activeContext
        return setupFunc() if checkpointPath is None else cls.getOrCreate(checkpointPath, setupFunc)

    def _checkpoint_every(self, seconds: float, slide: int) -> None:
        interval = multiple("checkpoint interval", seconds, slide)
        self._checkpoint_interval = min(interval, self._checkpoint_interval or interval)

    # Several streams

    def union(self, *dstreams: DStream) -> DStream:
        """All records of all streams, which must slide alike."""
        if not dstreams:
            raise ValueError("a union needs at least one stream")
        return dstreams[0] if len(dstreams) == 1 else self._together("union", dstreams, self._sc.union)

    def transform(self, dstreams: Sequence[DStream], transformFunc: "Callable[[List[RDD]], RDD]") -> DStream:
        """What a function makes of the data sets of several streams, given as a list, which must slide
        alike."""
        if not dstreams:
            raise ValueError("transform needs at least one stream")
        return self._together("transform", dstreams, transformFunc)

    def _together(
        self, operation: str, streams: Sequence[DStream], f: "Callable[[List[RDD]], RDD]"
    ) -> DStream:
        slides = sorted({stream._slide for stream in streams})
        if len(slides) > 1:
            shown = " and ".join(f"{slide} ms" for slide in slides)
            raise ValueError(
                f"streams that are put together must have the same slide duration, and have {shown}"
            )

        def compute(time: int) -> "Optional[RDD]":
            rdds = [stream._at(time) for stream in streams]
            return None if any(rdd is None for rdd in rdds) else f(rdds)  # type: ignore[arg-type]

        return TransformedDStream(self, slides[0], list(streams), compute, operation)

    def remember(self, duration: float) -> None:
        """Keeps the data sets of each stream for so many seconds, at least, so that `DStream.slice` finds
        them."""
        self._graph.remember(_seconds("length to remember", duration))

    def addStreamingListener(self, streamingListener: Any) -> None:
        """Tells a `StreamingListener` of each batch and receiver from now on."""
        self._graph.listeners.append(streamingListener)

    # Running it

    def start(self) -> None:
        """Starts to receive and to cut batches. Nothing may be added to the program any more."""
        self._sc._running()
        with StreamingContext._lock:
            active = StreamingContext._activeContext
            if active is not None and active is not self:
                raise PySparkRuntimeError(
                    "another streaming context runs in this process: stop it first, only one can be "
                    "started at a time"
                )
            self._graph.check()
            StreamingContext._activeContext = self
        # The jobs of batches have the properties that those of this thread have now.
        properties = dict(vars(self._sc._properties))
        self._graph.prepare = lambda: vars(self._sc._properties).update(properties)
        if self._checkpoint_folder is not None:
            if any(stream._operation == "queueStream" for stream in self._graph.inputs):
                _log().warning("a program with a queueStream cannot be taken up again from its checkpoints")
            self._batches.checkpoint(self._checkpoint_folder, self._checkpoint_interval, self._resume)
        try:
            self._batches.start()
        except BaseException:
            if self.status()["phase"] != "running":
                self._ended()
            raise
        self._sc._before_stop.append(self._end)
        atexit.register(self._end)
        self._graph.streaming_started()

    def awaitTermination(self, timeout: Optional[float] = None) -> None:
        """Waits until the program is stopped: by `stop`, by a failure, which it raises, or by Ctrl-C,
        which has it finish what it has taken in and then raises `KeyboardInterrupt` (a second one ends it
        at once); for `timeout` seconds at most."""
        self._wait(timeout)

    def awaitTerminationOrTimeout(self, timeout: float) -> bool:
        """As `awaitTermination`; whether it has ended."""
        return self._wait(timeout)

    def awaitBatches(self, count: int) -> None:
        """Waits until so many batches were processed since the start."""
        self._raising(lambda: self._batches.wait_for_batches(count))

    def _wait(self, seconds: Optional[float]) -> bool:
        try:
            ended = self._raising(lambda: self._batches.wait(seconds))
        except KeyboardInterrupt:
            self._batches.stop(True)
            try:
                self._raising(lambda: self._batches.wait(None))
            except KeyboardInterrupt:
                self._sc.cancelAllJobs()
                self._batches.stop(False)
                raise
            self._ended()
            raise
        if ended:
            self._ended()
        return bool(ended)

    def _raising(self, wait: Callable[[], Any]) -> Any:
        """Waits; what ended the program is raised each time that somebody asks."""
        if self._failure is not None:
            raise self._failure
        try:
            return wait()
        except KeyboardInterrupt:
            raise
        except Exception as failure:
            if self.status()["phase"] == "stopped":
                self._failure = failure
                self._ended()
            raise

    def stop(self, stopSparkContext: bool = True, stopGraceFully: bool = False) -> None:
        """Ends the program, and the SparkContext with it unless told otherwise. Gracefully: receivers stop
        first, then all that they had taken in is processed. Called from within an operation or a listener, it
        only asks for it.

        What failed is raised by `awaitTermination`, not here.
        """
        self._batches.stop(bool(stopGraceFully))
        self._stop_spark = self._stop_spark or bool(stopSparkContext)
        if _native.Batches.is_inside():
            return
        if self.status()["phase"] != "ready":
            self._wait_quietly()
        self._ended()

    def _wait_quietly(self) -> None:
        try:
            self._batches.wait(None)
        except KeyboardInterrupt:
            raise
        except Exception as failure:
            self._failure = self._failure or failure

    def _end(self) -> None:
        """The process or the SparkContext ends."""
        if self._sc._conf.get("spark.streaming.stopGracefullyOnShutdown") == "true":
            self.stop(stopSparkContext=False, stopGraceFully=True)
            return
        self._batches.stop(False)
        # The batch that runs is not waited for, but for what user code of the driver cannot be told.
        deadline = time.monotonic() + END_WITHIN
        while not self._ends_within(0.05) and time.monotonic() < deadline:
            self._sc.cancelAllJobs()
        self._ended()

    def _ends_within(self, seconds: float) -> bool:
        try:
            return self._batches.wait(seconds)
        except KeyboardInterrupt:
            raise
        except Exception:
            return self.status()["phase"] == "stopped"

    def _ended(self) -> None:
        with StreamingContext._lock:
            if StreamingContext._activeContext is self:
                StreamingContext._activeContext = None
        atexit.unregister(self._end)
        self._sc._before_stop = [end for end in self._sc._before_stop if end != self._end]
        if self._stop_spark:
            self._sc.stop()


def _log() -> Any:
    import logging

    return logging.getLogger("millstream.spark.streaming")


def _number(value: Optional[str], key: str, default: int) -> int:
    if value is None:
        return default
    if not value.isdigit() or int(value) < 1:
        raise PySparkValueError(
            f"the setting {key} is {value!r}: it is a whole number from 1 up, {default} by default"
        )
    return int(value)


#: Under another name, as a parameter is called `duration`.
_seconds = duration
