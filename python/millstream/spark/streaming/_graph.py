"""What a streaming program is made of, and what happens at each batch time.

Answers for which streams and output operations there are, and for calling them in order. Not for when that
is: the engine's clock, queue and receivers are the same for all faces. Holds: one batch is processed at a
time; what no later batch asks for is let go when it is done.
"""

from __future__ import annotations

import threading
import time as clock
from typing import TYPE_CHECKING, Any, Callable, List, NamedTuple, Optional, Set, Tuple

from millstream.errors import BatchError, TaskError
from millstream.spark.errors import PySparkRuntimeError
from millstream.spark.streaming import listener as told

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD
    from millstream.spark.streaming.dstream import DStream


class Output(NamedTuple):
    """An output operation: its name, its stream and what it does with a batch."""

    name: str
    stream: "DStream"
    function: Callable[[int, "RDD"], Any]


class Graph:
    """The object that the engine calls."""

    def __init__(self, interval: int) -> None:
        #: Milliseconds.
        self.interval = interval
        self.streams: List["DStream"] = []
        self.inputs: List["DStream"] = []
        self.outputs: List[Output] = []
        self.listeners: List[Any] = []
        self.remembered = 0
        #: The time before the first batch.
        self.zero: Optional[int] = None
        #: Makes data sets of the paths of new files, of what a queue has; by input.
        self.makers: List[Callable[..., "RDD"]] = []
        self.started = False
        #: Called on the thread that processes, before each batch.
        self.prepare: Callable[[], None] = lambda: None
        #: The last batch of an earlier process: it and those before it may have been put out already.
        self.again_until: Optional[int] = None
        #: Held while a batch is processed, or data sets are asked for from outside.
        self.lock = threading.RLock()

    # Putting it together

    def add(self, stream: "DStream") -> None:
        """A stream belongs to the program."""
        self._refuse_when_started("a transformation")
        stream._remember = max(stream._remember, self.remembered)
        self.streams.append(stream)

    def add_input(self, stream: "DStream", maker: Callable[..., "RDD"]) -> int:
        """A stream is filled from outside; its number."""
        self._refuse_when_started("an input")
        self.inputs.append(stream)
        self.makers.append(maker)
        return len(self.inputs) - 1

    def add_output(self, output: Output) -> None:
        """Something is done with the batches of a stream."""
        self._refuse_when_started("an output operation")
        self.outputs.append(output)

    def _refuse_when_started(self, what: str) -> None:
        if self.started:
            raise PySparkRuntimeError(
                f"{what} cannot be added once the streaming context was started: put the whole "
                "program together first"
            )

    def check(self) -> None:
        """Refuses a program that does nothing."""
        if not self.outputs:
            raise PySparkRuntimeError(
                "no output operation is registered, so there is nothing to execute: end at least one "
                "stream in pprint, "
                "foreachRDD or saveAsTextFiles before start()"
            )

    def remember(self, length: int) -> None:
        """All streams keep their data sets for so many milliseconds, at least."""
        self.remembered = max(self.remembered, length)
        for stream in self.streams:
            stream._remember = max(stream._remember, length)

    def has(self, time: int, slide: int) -> bool:
        """Whether a stream that slides by `slide` has a batch at `time`."""
        return self.zero is not None and time > self.zero and (time - self.zero) % slide == 0

    # Called by the engine

    def begin(self) -> None:
        """The program starts."""
        self.started = True

    def received(self, number: int, time: int, dataset: Any) -> None:
        """A receiver has the records of a batch."""
        self._put(number, time, self.makers[number](dataset))

    def found(self, number: int, time: int, paths: List[Any]) -> None:
        """There are new files for a batch."""
        self._put(number, time, self.makers[number]([str(path) for path in paths]))

    def cut(self, number: int, time: int) -> None:
        """A batch is cut, of what a queue has."""
        self._put(number, time, self.makers[number]())

    def planned_start(self, number: int) -> None:
        """The program starts: an input that says itself what its batches are made of begins."""
        self.makers[number].start()  # type: ignore[attr-defined]

    def planned_cut(self, number: int, time: int) -> int:
        """Such an input has its batch cut; how many records are in it."""
        rdd, count = self.makers[number].cut(time)  # type: ignore[attr-defined]
        self._put(number, time, rdd)
        return count

    def planned_log(self, number: int) -> Tuple[List[str], List[str]]:
        """Where it stands, and what the last batch was given."""
        return self.makers[number].log()  # type: ignore[attr-defined]

    def planned_resume(self, number: int, position: List[str]) -> None:
        """It goes on where an earlier process stood."""
        self.makers[number].resume(position)  # type: ignore[attr-defined]

    def planned_again(self, number: int, time: int, batch: List[str]) -> None:
        """A batch of an earlier process is to be made again."""
        self._put(number, time, self.makers[number].again(time, batch))  # type: ignore[attr-defined]

    def planned_done(self, number: int, time: int) -> None:
        """A batch is done."""
        self.makers[number].done(time)  # type: ignore[attr-defined]

    def _put(self, number: int, time: int, rdd: "RDD") -> None:
        self.inputs[number]._made[time] = rdd

    def process(self, time: int) -> None:
        """Runs the output operations of a batch."""
        with self.lock:
            self.prepare()
            if self.zero is None:
                self.zero = time - self.interval
            for number, output in enumerate(self.outputs):
                begun = _now()
                self._tell(
                    "onOutputOperationStarted", told.output_info(time, number, output.name, begun, None, None)
                )
                failure: Optional[Exception] = None
                try:
                    self._run(output, time)
                except BaseException as error:
                    failure = self._failure(error, number, time)
                    # What a task raised is wrapped already: the cause is what the function raised.
                    raise failure from (error.__cause__ if isinstance(error, TaskError) else error)
                finally:
                    reason = None if failure is None else str(failure)
                    info = told.output_info(time, number, output.name, begun, _now(), reason)
                    self._tell("onOutputOperationCompleted", info)

    def _run(self, output: Output, time: int) -> None:
        for stream in _looked_back_at(output.stream):
            stream._at(time)
        rdd = output.stream._at(time)
        if rdd is not None:
            output.function(time, rdd)

    def _failure(self, error: BaseException, number: int, time: int) -> Exception:
        name, of = self.outputs[number].name, len(self.outputs)
        if isinstance(error, TaskError):
            task = error.traceback, error.operator, error.record, error.partition, error.attempt
            return BatchError(name, number + 1, of, time, *task)
        from millstream import _task

        return BatchError(name, number + 1, of, time, _task.described(error)[1])

    def forget(self, time: int) -> None:
        """A batch is done: lets go of what no later one asks for."""
        with self.lock:
            for stream in self.streams:
                stream._forget(time)

    # Checkpoints: what a stream that is looked back at has made

    def carried(self) -> List[str]:
        """The operations that carry something from batch to batch, in the order in which they were put
        together."""
        return [stream._operation for stream in self._carrying()]

    def _carrying(self) -> "List[DStream]":
        return [stream for stream in self.streams if stream._looked_back_at]

    def kept(self, at: int) -> List[int]:
        """The times of the data sets that later batches ask for."""
        with self.lock:
            made = self._carrying()[at]._made
            return sorted(time for time, rdd in list(made.items()) if rdd._is_materialised())

    def save(self, at: int, time: int) -> List[bytes]:
        """One of these data sets: its partitioner, then its blocks."""
        with self.lock:
            return self._carrying()[at]._made[time]._as_blocks()

    def restore(self, at: int, time: int, blocks: List[bytes]) -> None:
        """Takes what `save` gave in an earlier process."""
        from millstream.spark.rdd import RDD

        stream = self._carrying()[at]
        stream._made[time] = RDD._of_blocks(stream._sc, stream._operation, blocks)

    def resumed(self, zero: int, cut: int) -> None:
        """The program goes on where an earlier process was left."""
        self.zero, self.again_until = zero, cut

    def is_again(self, time: int) -> bool:
        """Whether a batch may have been put out by an earlier process."""
        return self.again_until is not None and time <= self.again_until

    def listen(self, event: str, *what: Any) -> None:
        """Something has happened to a batch or receiver."""
        if event.startswith("onBatch"):
            self._tell(event, told.batch_info(*what))
        else:
            name, message = what
            self._tell(event, told.receiver_info(name, message, event == "onReceiverStarted"))

    def streaming_started(self) -> None:
        """The program runs."""
        self._tell("onStreamingStarted", told.Told(time=_now()))

    def _tell(self, event: str, what: Any) -> None:
        for listener in list(self.listeners):
            try:
                getattr(listener, event)(what)
            except Exception:
                import logging

                logging.getLogger("millstream.spark.streaming").exception(
                    "%s of the listener %r failed; the stream goes on", event, listener
                )


def _now() -> int:
    return int(clock.time() * 1000)


def _looked_back_at(stream: "DStream") -> List["DStream"]:
    """The streams before it that windows look back at: they have a data set at each of their times, asked
    for or not."""
    found, seen, waiting = [], set(), [stream]  # type: List[DStream], Set[int], List[DStream]
    while waiting:
        stream = waiting.pop()
        if id(stream) not in seen:
            seen.add(id(stream))
            waiting.extend(stream._parents)
            if stream._looked_back_at:
                found.append(stream)
    return found
