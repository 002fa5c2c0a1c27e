"""Streams of pairs: each batch by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional

from millstream._native import portable_hash
from millstream.spark.streaming import _state

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD
    from millstream.spark.streaming.dstream import DStream


class Pairs:
    """The part of a DStream whose records are pairs of a key and a value."""

    def _reducers(self: "DStream", wanted: Optional[int]) -> int:
        return self._sc.defaultParallelism if wanted is None else wanted

    def mapValues(self: "DStream", f: Callable[[Any], Any]) -> "DStream":
        """Pairs of the same keys and of what `f` makes of the values."""
        return self._then("mapValues", lambda rdd: rdd.mapValues(f))

    def flatMapValues(self: "DStream", f: Callable[[Any], Iterable[Any]]) -> "DStream":
        """For each pair, pairs of its key and of all that `f` gives for its value."""
        return self._then("flatMapValues", lambda rdd: rdd.flatMapValues(f))

    def reduceByKey(
        self: "DStream", func: Callable[[Any, Any], Any], numPartitions: Optional[int] = None
    ) -> "DStream":
        """The values that each key has in the batch made one by `func`."""
        count = self._reducers(numPartitions)
        return self._then("reduceByKey", lambda rdd: rdd.reduceByKey(func, count))

    def combineByKey(
        self: "DStream",
        createCombiner: Callable[[Any], Any],
        mergeValue: Callable[[Any, Any], Any],
        mergeCombiners: Callable[[Any, Any], Any],
        numPartitions: Optional[int] = None,
    ) -> "DStream":
        """The values that each key has in the batch made one: in each partition first, then across them."""
        count = self._reducers(numPartitions)
        return self._then(
            "combineByKey", lambda rdd: rdd.combineByKey(createCombiner, mergeValue, mergeCombiners, count)
        )

    def groupByKey(self: "DStream", numPartitions: Optional[int] = None) -> "DStream":
        """Pairs of each key and an iterable of the values that it has in the batch."""
        count = self._reducers(numPartitions)
        return self._then("groupByKey", lambda rdd: rdd.groupByKey(count))

    def partitionBy(
        self: "DStream", numPartitions: int, partitionFunc: Callable[[Any], int] = portable_hash
    ) -> "DStream":
        """The pairs, each in the partition that `partitionFunc` gives for its key."""
        return self._then("partitionBy", lambda rdd: rdd.partitionBy(numPartitions, partitionFunc))

    def cogroup(self: "DStream", other: "DStream", numPartitions: Optional[int] = None) -> "DStream":
        """Pairs of each key and, for each stream, an iterable of the values that it has in the batch."""
        count = self._reducers(numPartitions)
        return self._with("cogroup", lambda _, left, right: left.cogroup(right, count), other)

    def join(self: "DStream", other: "DStream", numPartitions: Optional[int] = None) -> "DStream":
        """Pairs of each key that both have in the batch and a pair of their values, all with all."""
        count = self._reducers(numPartitions)
        return self._with("join", lambda _, left, right: left.join(right, count), other)

    def leftOuterJoin(self: "DStream", other: "DStream", numPartitions: Optional[int] = None) -> "DStream":
        """As `join`, and the keys of this alone, with `None` for the other's value."""
        count = self._reducers(numPartitions)
        return self._with("leftOuterJoin", lambda _, left, right: left.leftOuterJoin(right, count), other)

    def rightOuterJoin(self: "DStream", other: "DStream", numPartitions: Optional[int] = None) -> "DStream":
        """As `join`, and the keys of the other alone, with `None` for this one's value."""
        count = self._reducers(numPartitions)
        return self._with("rightOuterJoin", lambda _, left, right: left.rightOuterJoin(right, count), other)

    def fullOuterJoin(self: "DStream", other: "DStream", numPartitions: Optional[int] = None) -> "DStream":
        """As `join`, and the keys of one alone, with `None` for the other's value."""
        count = self._reducers(numPartitions)
        return self._with("fullOuterJoin", lambda _, left, right: left.fullOuterJoin(right, count), other)

    def updateStateByKey(
        self: "DStream",
        updateFunc: Callable[[Any, Any], Any],
        numPartitions: Optional[int] = None,
        initialRDD: Any = None,
    ) -> "DStream":
        """The state of each key, as `updateFunc(new_values, state)` makes it for each batch of the key's new
        values (a list, perhaps empty) and of its state (`None` at first). It is called for each key that has
        either; `None` drops the key. `initialRDD`, or a list of pairs, is the state before the first batch.

        What is carried from batch to batch is kept in memory as records: its lineage does not grow.
        """
        from millstream.spark.rdd import RDD

        if initialRDD is not None and not isinstance(initialRDD, RDD):
            initialRDD = self._sc.parallelize(initialRDD)
        count = self._reducers(numPartitions)
        return _state.updated(self, updateFunc, count, initialRDD)
