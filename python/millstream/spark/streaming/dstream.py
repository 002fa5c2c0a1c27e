"""A stream as a row of data sets, one for each batch."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Union

from millstream._names import pep8
from millstream.spark import _functions
from millstream.spark._spellings import OfDStream
from millstream.spark.errors import PySparkRuntimeError, PySparkTypeError
from millstream.spark.storagelevel import StorageLevel
from millstream.spark.streaming._output import Output
from millstream.spark.streaming._pairs import Pairs
from millstream.spark.streaming._times import Moment, millis, moment, with_time
from millstream.spark.streaming._windows import Windows

if TYPE_CHECKING:
    from millstream.spark.context import SparkContext
    from millstream.spark.rdd import RDD
    from millstream.spark.streaming.context import StreamingContext

__all__ = ["DStream", "TransformedDStream"]

#: What makes the data set of a batch time, in milliseconds; `None` where the stream has none then.
Compute = Callable[[int], "Optional[RDD]"]


@pep8
class DStream(OfDStream, Pairs, Windows, Output):
    """A row of data sets, one for each batch. What is said of records is done to each batch on its own, by
    the transformation of RDDs of the same name, when an output operation asks for it.
    """

    def __init__(
        self,
        ssc: "StreamingContext",
        slide: int,
        parents: "Sequence[DStream]",
        compute: Compute,
        operation: str,
    ) -> None:
        self._ssc = ssc
        self._sc: "SparkContext" = ssc.sparkContext
        self._graph = ssc._graph
        self._slide = slide
        self._parents = tuple(parents)
        self._compute = compute
        self._operation = operation
        self._made: "Dict[int, RDD]" = {}
        #: How long data sets are kept behind their batch, in milliseconds.
        self._remember = 0
        #: Made at each of its times and kept as records, as windows or a state look back at it.
        self._looked_back_at = False
        self._level: Optional[StorageLevel] = None
        self._persisted: Set[int] = set()
        self.is_cached = False
        self.is_checkpointed = False
        self._graph.add(self)

    def __repr__(self) -> str:
        return f"<DStream of {self._operation}, every {self._slide} ms>"

    def __getnewargs__(self) -> Any:
        raise PySparkRuntimeError(
            "a DStream is used in a function that runs in tasks: streams are put together in the driver, "
            "before start()"
        )

    def __reduce__(self) -> Any:
        return self.__getnewargs__()

    # Its data sets

    def _at(self, time: int) -> "Optional[RDD]":
        """The data set of a time, made when it is first asked for."""
        if not self._graph.has(time, self._slide):
            return None
        rdd = self._made.get(time)
        if rdd is not None and (not self._looked_back_at or rdd._is_materialised()):
            return rdd
        if rdd is None:
            rdd = self._compute(time)
        if rdd is None:
            return None
        if self._looked_back_at:
            rdd = rdd._materialised()
        elif self._level is not None and not rdd.is_cached:
            rdd.persist(self._level)
            self._persisted.add(time)
        self._made[time] = rdd
        return rdd

    def _forget(self, time: int) -> None:
        """The batch of `time` is done."""
        # A copy: the thread that cuts batches adds to it.
        for old in [made for made in list(self._made) if made <= time - self._remember]:
            rdd = self._made.pop(old)
            if old in self._persisted:
                self._persisted.discard(old)
                rdd.unpersist()

    def _look_back(self, length: int) -> None:
        """Later batches ask for the data sets of the last `length` milliseconds."""
        self._looked_back_at = True
        self._remember = max(self._remember, length)

    def _then(self, operation: str, f: "Callable[[RDD], RDD]") -> "DStream":
        """The stream of what `f` makes of each data set."""

        def compute(time: int) -> "Optional[RDD]":
            rdd = self._at(time)
            return None if rdd is None else f(rdd)

        return TransformedDStream(self._ssc, self._slide, [self], compute, operation)

    def context(self) -> "StreamingContext":
        """The context that it was made with."""
        return self._ssc

    def slice(self, begin: Moment, end: Moment) -> "List[RDD]":
        """The data sets of the batches from `begin` to `end`, each a `datetime` or a number of seconds
        since 1970, that are still remembered (see `StreamingContext.remember`)."""
        first, last, slide = millis(begin), millis(end), self._slide
        with self._graph.lock:
            if self._graph.zero is None:
                return []
            zero = self._graph.zero
            start = zero + max(-(-(first - zero) // slide), 1) * slide
            made = [self._at(time) for time in range(start, last + 1, slide)]
        return [rdd for rdd in made if rdd is not None]

    # Record by record

    def map(self, f: Callable[[Any], Any], preservesPartitioning: bool = False) -> "DStream":
        """What `f` makes of each record."""
        return self._then("map", lambda rdd: rdd.map(f, preservesPartitioning))

    def flatMap(self, f: Callable[[Any], Iterable[Any]], preservesPartitioning: bool = False) -> "DStream":
        """All that `f` gives for each record."""
        return self._then("flatMap", lambda rdd: rdd.flatMap(f, preservesPartitioning))

    def filter(self, f: Callable[[Any], Any]) -> "DStream":
        """The records for which `f` is true."""
        return self._then("filter", lambda rdd: rdd.filter(f))

    def mapPartitions(
        self, f: Callable[[Iterable[Any]], Iterable[Any]], preservesPartitioning: bool = False
    ) -> "DStream":
        """What `f` gives for all records of each partition."""
        return self._then("mapPartitions", lambda rdd: rdd.mapPartitions(f, preservesPartitioning))

    def mapPartitionsWithIndex(
        self, f: Callable[[int, Iterable[Any]], Iterable[Any]], preservesPartitioning: bool = False
    ) -> "DStream":
        """What `f` gives for the number and all records of each partition."""
        return self._then(
            "mapPartitionsWithIndex", lambda rdd: rdd.mapPartitionsWithIndex(f, preservesPartitioning)
        )

    def glom(self) -> "DStream":
        """The records of each partition as one list."""
        return self._then("glom", lambda rdd: rdd.glom())

    # Batch by batch

    def count(self) -> "DStream":
        """How many records each data set has."""
        counted = self._then("count", lambda rdd: rdd._call("count", _counted))
        return counted.reduce(operator.add)

    def reduce(self, func: Callable[[Any, Any], Any]) -> "DStream":
        """The records of each data set made one by `func`, which is associative and commutative; none of
        none."""
        return self.map(_under_none).reduceByKey(func, 1).map(_value)

    def countByValue(self) -> "DStream":
        """Pairs of each record and how often it is in the data set."""
        return self.map(_with_one).reduceByKey(operator.add)

    def repartition(self, numPartitions: int) -> "DStream":
        """The records of each data set dealt out over so many partitions."""
        return self._then("repartition", lambda rdd: rdd.repartition(numPartitions))

    def cache(self) -> "DStream":
        """Keeps the records of each data set in memory, for streams that are used more than once."""
        return self.persist(StorageLevel.MEMORY_ONLY)

    def persist(self, storageLevel: StorageLevel) -> "DStream":
        """Keeps the records of each data set as `storageLevel` says, until its batch is done."""
        self.is_cached, self._level = True, storageLevel
        return self

    def checkpoint(self, interval: float) -> "DStream":
        """How often, in seconds, what the streams of this program carry from batch to batch is written to
        the checkpoint folder. Without it: with every batch. The shortest of all that are asked for is used
        for all streams."""
        self._ssc._checkpoint_every(interval, self._slide)
        self.is_checkpointed = True
        return self

    def transform(self, func: "Union[Callable[[RDD], RDD], Callable[[Any, RDD], RDD]]") -> "DStream":
        """What `func` makes of each data set; it may take the batch time, a `datetime`, before it. It is
        called once a batch, in the driver."""
        f = with_time(func, 1)

        def compute(time: int) -> "Optional[RDD]":
            rdd = self._at(time)
            return None if rdd is None else _checked(f(moment(time), rdd), "transform")

        return TransformedDStream(self._ssc, self._slide, [self], compute, "transform")

    def transformWith(
        self, func: Callable[..., Any], other: "DStream", keepSerializer: bool = False
    ) -> "DStream":
        """What `func` makes of each data set and of the one of the same batch in `other`; it may take the
        batch time, a `datetime`, before them."""
        return self._with("transformWith", with_time(func, 2), other)

    def _with(self, operation: str, f: Callable[..., Any], other: "DStream") -> "DStream":
        if self._slide != other._slide:
            raise ValueError(
                f"streams that are put together must have the same slide duration, and have "
                f"{self._slide} ms and "
                f"{other._slide} ms: give one of them a window that slides as the other"
            )

        def compute(time: int) -> "Optional[RDD]":
            left, right = self._at(time), other._at(time)
            return (
                None if left is None or right is None else _checked(f(moment(time), left, right), operation)
            )

        return TransformedDStream(self._ssc, self._slide, [self, other], compute, operation)

    def union(self, other: "DStream") -> "DStream":
        """All records of both."""
        return self._with("union", lambda _, left, right: left.union(right), other)


class TransformedDStream(DStream):
    """A stream that is made from others."""


def _checked(rdd: Any, operation: str) -> Any:
    from millstream.spark.rdd import RDD

    if rdd is None or isinstance(rdd, RDD):
        return rdd
    raise PySparkTypeError(
        f"the function given to `{operation}` is to give an RDD, and gave a {type(rdd).__name__}"
    )


def _counted(index: int, records: Iterable[Any]) -> List[int]:
    return [_functions.count(records)]


def _under_none(record: Any) -> Any:
    return None, record


def _value(pair: Any) -> Any:
    return pair[1]


def _with_one(record: Any) -> Any:
    return record, 1
