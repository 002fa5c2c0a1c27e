"""Data sets of pairs: by key."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Union

from millstream import _native
from millstream._native import portable_hash
from millstream._pickle import pickled
from millstream.spark import _functions
from millstream.spark.rddsampler import RDDStratifiedSampler

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD

Hash = Callable[[Any], int]

#: How many keys of each partition a sort looks at, at least, to cut their range.
SAMPLED = 500


class Pairs:
    """The part of an RDD whose records are pairs of a key and a value."""

    def keys(self: "RDD") -> "RDD":
        """The key of each pair."""
        return self._step("keys", "keys", None)

    def values(self: "RDD") -> "RDD":
        """The value of each pair."""
        return self._step("values", "values", None)

    def mapValues(self: "RDD", f: Callable[[Any], Any]) -> "RDD":
        """Pairs of the same keys and of what `f` makes of the values."""
        return self._step("mapValues", "map_values", f, True)

    def flatMapValues(self: "RDD", f: Callable[[Any], Any]) -> "RDD":
        """For each pair, pairs of its key and of all that `f` gives for its value."""
        return self._step("flatMapValues", "flat_map_values", f, True)

    # By a shuffle

    def partitionBy(self: "RDD", numPartitions: Optional[int], partitionFunc: Hash = portable_hash) -> "RDD":
        """The pairs, each in the partition that `partitionFunc` gives for its key."""
        from millstream.spark.rdd import RDD, Partitioner

        count = self._default_reducers(numPartitions)
        partitioner = Partitioner(count, partitionFunc)
        if self.partitioner == partitioner:
            return self

        def make() -> _native.Dataset:
            function = None if partitionFunc is portable_hash else pickled(partitionFunc, "partitionBy")
            ranges = partitionFunc.ranges() if isinstance(partitionFunc, _functions.RangePartition) else None
            return self._dataset.shuffle("partitionBy", count, function, ranges)

        return RDD(self.ctx, make, count, partitioner, [self])._named("partitionBy")

    def combineByKey(
        self: "RDD",
        createCombiner: Callable[[Any], Any],
        mergeValue: Callable[[Any, Any], Any],
        mergeCombiners: Callable[[Any, Any], Any],
        numPartitions: Optional[int] = None,
        partitionFunc: Hash = portable_hash,
    ) -> "RDD":
        """The values of each key made one: in each partition first, then across them."""
        return self._combine("combineByKey", createCombiner, mergeValue, mergeCombiners, numPartitions, partitionFunc)

    def _combine(
        self: "RDD",
        name: str,
        create: Optional[Callable[[Any], Any]],
        merge_value: Callable[[Any, Any], Any],
        merge_combiners: Callable[[Any, Any], Any],
        partitions: Optional[int],
        by: Hash,
    ) -> "RDD":
        count = self._default_reducers(partitions)

        def here() -> _native.Dataset:
            first = None if create is None else pickled(create, name)
            return self._dataset.combine(name, first, pickled(merge_value, name))

        shuffled = self._narrow(name, here, self.partitioner).partitionBy(count, by)

        def across() -> _native.Dataset:
            return shuffled._dataset.combine(name, None, pickled(merge_combiners, name))

        return shuffled._narrow(name, across, shuffled.partitioner)

    def reduceByKey(
        self: "RDD",
        func: Callable[[Any, Any], Any],
        numPartitions: Optional[int] = None,
        partitionFunc: Hash = portable_hash,
    ) -> "RDD":
        """The values of each key made one by `func`, which is associative."""
        return self._combine("reduceByKey", None, func, func, numPartitions, partitionFunc)

    def aggregateByKey(
        self: "RDD",
        zeroValue: Any,
        seqFunc: Callable[[Any, Any], Any],
        combFunc: Callable[[Any, Any], Any],
        numPartitions: Optional[int] = None,
        partitionFunc: Hash = portable_hash,
    ) -> "RDD":
        """The values of each key added to a copy of `zeroValue`, and these combined."""

        def create(value: Any) -> Any:
            return seqFunc(copy.deepcopy(zeroValue), value)

        return self._combine("aggregateByKey", create, seqFunc, combFunc, numPartitions, partitionFunc)

    def foldByKey(
        self: "RDD",
        zeroValue: Any,
        func: Callable[[Any, Any], Any],
        numPartitions: Optional[int] = None,
        partitionFunc: Hash = portable_hash,
    ) -> "RDD":
        """The values of each key made one by `func`, beginning with a copy of `zeroValue` in each partition."""

        def create(value: Any) -> Any:
            return func(copy.deepcopy(zeroValue), value)

        return self._combine("foldByKey", create, func, func, numPartitions, partitionFunc)

    def groupByKey(
        self: "RDD", numPartitions: Optional[int] = None, partitionFunc: Hash = portable_hash
    ) -> "RDD":
        """Pairs of each key and an iterable of its values."""
        shuffled = self.partitionBy(self._default_reducers(numPartitions), partitionFunc)
        return shuffled._cogrouped([])._step("groupByKey", "map_values", _functions.iterable, True)

    def groupBy(
        self: "RDD",
        f: Callable[[Any], Any],
        numPartitions: Optional[int] = None,
        partitionFunc: Hash = portable_hash,
    ) -> "RDD":
        """Pairs of what `f` makes of records and an iterable of those."""
        return self.keyBy(f).groupByKey(numPartitions, partitionFunc)

    def distinct(self: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """Each record once."""
        pairs = self._step("distinct", "map", _functions.with_none)
        return pairs.reduceByKey(_functions.keep_first, numPartitions).keys()

    # In order

    def sortByKey(
        self: "RDD",
        ascending: Optional[bool] = True,
        numPartitions: Optional[int] = None,
        keyfunc: Optional[Callable[[Any], Any]] = None,
    ) -> "RDD":
        """The pairs in the order of their keys, or of what `keyfunc` makes of these. Samples the keys first."""
        count, up = self._default_reducers(numPartitions), bool(ascending)
        if count == 1:
            gathered = self.coalesce(1) if self.getNumPartitions() > 1 else self
            return gathered._sorted("sortByKey", keyfunc, up)
        size = max(100 * count // max(self.getNumPartitions(), 1), SAMPLED)
        sampled = self._narrow("sortByKey", lambda: self._dataset.sample("sortByKey", size))
        bounds = _functions.bounds(sampled.collect(), count, keyfunc)
        by = _functions.RangePartition(bounds, keyfunc, up)
        return self.partitionBy(max(len(bounds) + 1, count), by)._sorted("sortByKey", keyfunc, up)

    def sortBy(
        self: "RDD", keyfunc: Callable[[Any], Any], ascending: bool = True, numPartitions: Optional[int] = None
    ) -> "RDD":
        """The records in the order of what `keyfunc` makes of them."""
        return self.keyBy(keyfunc).sortByKey(ascending, numPartitions).values()

    def repartitionAndSortWithinPartitions(
        self: "RDD",
        numPartitions: Optional[int] = None,
        partitionFunc: Hash = portable_hash,
        ascending: bool = True,
        keyfunc: Optional[Callable[[Any], Any]] = None,
    ) -> "RDD":
        """The pairs placed by `partitionFunc`, those of each partition in the order of their keys."""
        placed = self.partitionBy(self._default_reducers(numPartitions), partitionFunc)
        return placed._sorted("repartitionAndSortWithinPartitions", keyfunc, ascending)

    def _sorted(self: "RDD", name: str, key: Optional[Callable[[Any], Any]], ascending: bool) -> "RDD":
        def make() -> _native.Dataset:
            return self._dataset.sort(name, None if key is None else pickled(key, name), ascending)

        return self._narrow(name, make, self.partitioner)

    # With others

    def cogroup(self: "RDD", other: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """Pairs of each key and, for each data set, an iterable of its values."""
        return self._cogroup([other], numPartitions)._step("cogroup", "map_values", _functions.iterables, True)

    def groupWith(self: "RDD", other: "RDD", *others: "RDD") -> "RDD":
        """`cogroup` of any number."""
        return self._cogroup([other, *others], None)._step("groupWith", "map_values", _functions.iterables, True)

    def _cogroup(self: "RDD", others: "Sequence[RDD]", partitions: Optional[int]) -> "RDD":
        """Pairs of each key and a tuple of lists."""
        count = self._union(others)._default_reducers(partitions)
        return self.partitionBy(count)._cogrouped([rdd.partitionBy(count) for rdd in others])

    def _cogrouped(self: "RDD", others: "Sequence[RDD]") -> "RDD":
        """As `_cogroup`, of data sets that are partitioned alike."""
        from millstream.spark.rdd import RDD

        parents = [self, *others]

        def make() -> _native.Dataset:
            made = [rdd._dataset for rdd in parents]
            return _native.Dataset.cogroup(self.ctx._running(), made)

        return RDD(self.ctx, make, self.getNumPartitions, self.partitioner, parents)._named("cogroup")

    def _join(self: "RDD", name: str, other: "RDD", partitions: Optional[int], left: bool, right: bool) -> "RDD":
        pairs = partial(_functions.joined, left, right)
        return self._cogroup([other], partitions)._step(name, "flat_map_values", pairs, True)

    def join(self: "RDD", other: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """Pairs of each key that both have and a pair of their values, all with all."""
        return self._join("join", other, numPartitions, False, False)

    def leftOuterJoin(self: "RDD", other: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """As `join`, and the keys of this alone, with `None` for the other's value."""
        return self._join("leftOuterJoin", other, numPartitions, True, False)

    def rightOuterJoin(self: "RDD", other: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """As `join`, and the keys of the other alone, with `None` for this one's value."""
        return self._join("rightOuterJoin", other, numPartitions, False, True)

    def fullOuterJoin(self: "RDD", other: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """As `join`, and the keys of one alone, with `None` for the other's value."""
        return self._join("fullOuterJoin", other, numPartitions, True, True)

    def subtractByKey(self: "RDD", other: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """The pairs whose key the other does not have."""
        left = self._cogroup([other], numPartitions)._step("subtractByKey", "filter", _functions.in_left_only, True)
        return left.flatMapValues(_functions.left_values)

    def subtract(self: "RDD", other: "RDD", numPartitions: Optional[int] = None) -> "RDD":
        """The records that the other does not have."""
        pairs = self.map(_functions.with_true)
        return pairs.subtractByKey(other.map(_functions.with_true), numPartitions).keys()

    def intersection(self: "RDD", other: "RDD") -> "RDD":
        """The records that both have, each once."""
        groups = self.map(_functions.with_none)._cogroup([other.map(_functions.with_none)], None)
        return groups._step("intersection", "filter", _functions.in_all, True).keys()

    def sampleByKey(
        self: "RDD", withReplacement: bool, fractions: Dict[Any, Union[float, int]], seed: Optional[int] = None
    ) -> "RDD":
        """Each pair with the chance of its key."""
        for fraction in fractions.values():
            if fraction < 0.0:
                raise AssertionError(f"Negative fraction value: {fraction}")
        sampler = RDDStratifiedSampler(withReplacement, fractions, seed)
        return self.mapPartitionsWithIndex(sampler.func, True)._named("sampleByKey")

    # Actions on pairs

    def collectAsMap(self: "RDD") -> Dict[Any, Any]:
        """All pairs as a dictionary."""
        return dict(self.collect())

    def reduceByKeyLocally(self: "RDD", func: Callable[[Any, Any], Any]) -> Dict[Any, Any]:
        """The values of each key made one, as a dictionary."""
        merged: Dict[Any, Any] = {}
        name = "reduceByKeyLocally"
        here = self._narrow(name, lambda: self._dataset.combine(name, None, pickled(func, name)))
        for key, value in here.collect():
            merged[key] = func(merged[key], value) if key in merged else value
        return merged

    def countByKey(self: "RDD") -> Dict[Any, int]:
        """How many pairs each key has."""
        return self.keys().countByValue()

    def lookup(self: "RDD", key: Any) -> List[Any]:
        """The values of a key; looks at one partition only if it is known which."""
        values = self.filter(partial(_has_key, key)).values()
        if self.partitioner is None:
            return values.collect()
        return values._run([self.partitioner(key)])[0]


def _has_key(key: Any, pair: Any) -> bool:
    return pair[0] == key
