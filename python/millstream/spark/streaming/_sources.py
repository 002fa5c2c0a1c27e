"""Where the records of streams come from.

Receivers and watched folders are the engine's; what they took in for a batch is given to a maker of data sets
here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, List, Sequence, Tuple

from millstream import _native
from millstream.spark import _inputs
from millstream.spark.errors import PySparkValueError
from millstream.spark.storagelevel import StorageLevel
from millstream.spark.streaming.dstream import DStream

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD
    from millstream.spark.streaming.context import StreamingContext


class Sources:
    """The part of a StreamingContext that makes streams of what comes from outside."""

    def socketTextStream(
        self: "StreamingContext",
        hostname: str,
        port: int,
        storageLevel: StorageLevel = StorageLevel.MEMORY_AND_DISK_2,
    ) -> DStream:
        """The lines that a server sends.

        When the connection fails or ends it is opened again, with longer and longer waits; when all attempts
        failed the program ends. Lines wait in memory, up to a bound at which the server waits; where they are
        kept is not chosen.
        """
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
            raise PySparkValueError(f"the port {port!r} is none: it is a number from 1 to 65535")
        host = f"[{hostname}]" if ":" in hostname and not hostname.startswith("[") else hostname
        stream, number = self._input("socketTextStream", self._blocks)
        self._batches.socket(number, f"{host}:{port}")
        return stream

    def textFileStream(self: "StreamingContext", directory: str) -> DStream:
        """The lines of the files that appear in a folder after the start: of this machine, or a location such as
        `s3://bucket/in` or `hdfs://host:port/in`.

        A file must be whole when it gets its name: write it elsewhere on the same disk, or under a name that
        begins with `.` or `_`, and rename it.
        """
        return self._files("textFileStream", directory, lambda paths: self._sc._lines(lambda: paths, 1))

    def binaryRecordsStream(self: "StreamingContext", directory: str, recordLength: int) -> DStream:
        """The records of a fixed number of bytes in the files that appear in a folder after the start."""
        if recordLength < 1:
            raise PySparkValueError(f"records of {recordLength} bytes cannot be: at least 1 is needed")
        read = partial(_inputs.read_records, recordLength)
        return self._files(
            "binaryRecordsStream",
            directory,
            lambda paths: self._sc.parallelize(paths, len(paths)).flatMap(read),
        )

    def _files(
        self: "StreamingContext", operation: str, directory: str, read: "Callable[[List[str]], RDD]"
    ) -> DStream:
        def make(paths: List[str]) -> "RDD":
            return read(paths) if paths else self._sc.emptyRDD()

        stream, number = self._input(operation, make)
        self._batches.new_files(number, _inputs.folder(directory))
        return stream

    def queueStream(
        self: "StreamingContext", rdds: Sequence[Any], oneAtATime: bool = True, default: Any = None
    ) -> DStream:
        """The data sets (or lists) of a queue, one a batch or all at once; `default` (or nothing) when there
        is none.

        What is added to the list afterwards is not seen.
        """
        if default is not None and not self._is_rdd(default):
            default = self._sc.parallelize(default)
        waiting = [rdd if self._is_rdd(rdd) else self._sc.parallelize(rdd) for rdd in rdds]

        def make() -> "RDD":
            if not waiting:
                return self._sc.parallelize([], 1) if default is None else default
            if oneAtATime:
                return waiting.pop(0)
            taken = waiting[:]
            waiting.clear()
            return taken[0] if len(taken) == 1 else self._sc.union(taken)

        stream, number = self._input("queueStream", make)
        self._batches.own(number)
        return stream

    def _input(self: "StreamingContext", operation: str, make: "Callable[..., RDD]") -> "Tuple[DStream, int]":
        stream = DStream(self, self._graph.interval, [], lambda time: None, operation)
        return stream, self._graph.add_input(stream, make)

    def _planned(
        self: "StreamingContext", operation: str, plan: Any, made: Callable[..., DStream] = DStream
    ) -> DStream:
        """A stream whose batches a plan makes: `start`, `cut`, `log`, `resume`, `again`, `done`."""
        stream = made(self, self._graph.interval, [], lambda time: None, operation)
        self._batches.planned(self._graph.add_input(stream, plan), plan.name)
        return stream

    def _blocks(self: "StreamingContext", dataset: _native.Dataset) -> "RDD":
        return self._sc._rdd(lambda: dataset, dataset.partitions)

    @staticmethod
    def _is_rdd(thing: Any) -> bool:
        from millstream.spark.rdd import RDD

        return isinstance(thing, RDD)
