"""Actions: what runs a data set and gives its result to the program."""

from __future__ import annotations

import functools
import heapq
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from millstream.spark import _functions

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD


class Actions:
    """The part of an RDD that runs."""

    def _all(self: "RDD") -> List[int]:
        return list(range(self.getNumPartitions()))

    def _each(self: "RDD", name: str, f: Callable[[Iterable[Any]], Any]) -> List[Any]:
        """What `f` makes of the records of each partition."""
        parts = self._call(name, partial(_functions.of_iterator, f))._run(self._all())
        return [part[0] for part in parts]

    def _counts(self: "RDD") -> List[int]:
        return self._each("count", _functions.count)

    def collect(self: "RDD") -> List[Any]:
        """All records, in the order of the partitions."""
        return [record for part in self._run(self._all()) for record in part]

    def count(self: "RDD") -> int:
        """How many records there are."""
        return sum(self._counts())

    def take(self: "RDD", num: int) -> List[Any]:
        """The first `num` records. Looks at one partition first, then at more."""
        taken: List[Any] = []
        total, scanned = self.getNumPartitions(), 0
        while len(taken) < num and scanned < total:
            width = 1
            if scanned > 0:
                # Four times as many if nothing was found, else what the last ones let expect and half as much again.
                width = scanned * 4 if not taken else int(1.5 * num * scanned / len(taken)) - scanned
                width = min(max(width, 1), scanned * 4)
            wanted = partial(_functions.first, num - len(taken))
            chosen = list(range(scanned, min(scanned + width, total)))
            for part in self._call("take", wanted)._run(chosen):
                taken.extend(part)
            scanned += len(chosen)
        return taken[:num]

    def first(self: "RDD") -> Any:
        """The first record."""
        taken = self.take(1)
        if not taken:
            raise ValueError("RDD is empty")
        return taken[0]

    def isEmpty(self: "RDD") -> bool:
        """Whether there is no record."""
        return self.getNumPartitions() == 0 or not self.take(1)

    def foreach(self: "RDD", f: Callable[[Any], None]) -> None:
        """Calls `f` with each record, in the tasks."""
        self._call("foreach", partial(_functions.foreach, f))._run(self._all())

    def foreachPartition(self: "RDD", f: Callable[[Iterable[Any]], Any]) -> None:
        """Calls `f` with the records of each partition, in the tasks."""
        self._call("foreachPartition", partial(_functions.foreach_partition, f))._run(self._all())

    def reduce(self: "RDD", f: Callable[[Any, Any], Any]) -> Any:
        """All records made one by `f`, which is associative and commutative."""
        parts = self._call("reduce", partial(_functions.reduce, f)).collect()
        if not parts:
            raise ValueError("Can not reduce() empty RDD")
        return functools.reduce(f, parts)

    def fold(self: "RDD", zeroValue: Any, op: Callable[[Any, Any], Any]) -> Any:
        """All records made one by `op`, beginning with `zeroValue` in each partition and once more for these."""
        parts = self._call("fold", partial(_functions.fold, zeroValue, op)).collect()
        return functools.reduce(op, parts, zeroValue)

    def aggregate(
        self: "RDD", zeroValue: Any, seqOp: Callable[[Any, Any], Any], combOp: Callable[[Any, Any], Any]
    ) -> Any:
        """All records of each partition added to `zeroValue` by `seqOp`, and the sums combined by `combOp`."""
        parts = self._call("aggregate", partial(_functions.fold, zeroValue, seqOp)).collect()
        return functools.reduce(combOp, parts, zeroValue)

    def treeReduce(self: "RDD", f: Callable[[Any, Any], Any], depth: int = 2) -> Any:
        """As `reduce`, with partitions combined in tasks first, in so many rounds."""
        if depth < 1:
            raise ValueError(f"Depth cannot be smaller than 1 but got {depth}.")

        def both(a: Tuple[Any, bool], b: Tuple[Any, bool]) -> Tuple[Any, bool]:
            if a[1]:
                return b
            return a if b[1] else (f(a[0], b[0]), False)

        value, is_empty = self.map(lambda record: (record, False)).treeAggregate((None, True), both, both, depth)
        if is_empty:
            raise ValueError("Cannot reduce empty RDD.")
        return value

    def treeAggregate(
        self: "RDD",
        zeroValue: Any,
        seqOp: Callable[[Any, Any], Any],
        combOp: Callable[[Any, Any], Any],
        depth: int = 2,
    ) -> Any:
        """As `aggregate`, with partitions combined in tasks first, in so many rounds."""
        import math

        if depth < 1:
            raise ValueError(f"Depth cannot be smaller than 1 but got {depth}.")
        partitions: float = self.getNumPartitions()
        if partitions == 0:
            return zeroValue
        partial_sums = self._call("treeAggregate", partial(_functions.fold, zeroValue, seqOp))
        scale = max(int(math.ceil(partitions ** (1.0 / depth))), 2)
        while partitions > scale + partitions / scale:
            partitions /= scale
            count = int(partitions)
            keyed = partial_sums.mapPartitionsWithIndex(partial(_keyed, count))
            partial_sums = keyed.reduceByKey(combOp, count).values()
        return partial_sums.reduce(combOp)

    def countByValue(self: "RDD") -> Dict[Any, int]:
        """How often each record is there."""
        total: Dict[Any, int] = defaultdict(int)
        for part in self._each("countByValue", _functions.counts):
            for record, count in part.items():
                total[record] += count
        return total

    def top(self: "RDD", num: int, key: Optional[Callable[[Any], Any]] = None) -> List[Any]:
        """The `num` greatest records, the greatest first."""
        parts = self._each("top", partial(_most, heapq.nlargest, num, key))
        return functools.reduce(lambda a, b: heapq.nlargest(num, a + b, key), parts, [])

    def takeOrdered(self: "RDD", num: int, key: Optional[Callable[[Any], Any]] = None) -> List[Any]:
        """The `num` least records, the least first."""
        if num < 0:
            raise ValueError("top N cannot be negative.")
        parts = self._each("takeOrdered", partial(_most, heapq.nsmallest, num, key))
        return functools.reduce(lambda a, b: heapq.nsmallest(num, a + b, key), parts, [])

    def toLocalIterator(self: "RDD", prefetchPartitions: bool = False) -> Iterator[Any]:
        """All records, a partition at a time; the next one is computed meanwhile if `prefetchPartitions`."""
        if not prefetchPartitions:
            for each in self._all():
                yield from self._run([each])[0]
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as ahead:
            waiting = None
            for partition in [*self._all(), None]:
                following = None if partition is None else ahead.submit(self._run, [partition])
                if waiting is not None:
                    yield from waiting.result()[0]
                waiting = following


def _keyed(count: int, index: int, records: Iterable[Any]) -> Iterator[Tuple[int, Any]]:
    return ((index % count, record) for record in records)


def _most(
    choose: Callable[..., List[Any]], num: int, key: Optional[Callable[[Any], Any]], records: Iterable[Any]
) -> List[Any]:
    return choose(num, records, key)
