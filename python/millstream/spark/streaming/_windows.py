"""Several batches together: windows.

Holds: each batch that a window looks back at is computed once, at its time, and kept as records as long as a
window may ask for it; a window that is carried on with an inverse costs what leaves and what enters.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Tuple

from millstream.spark.resultiterable import ResultIterable
from millstream.spark.streaming._times import multiple

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD
    from millstream.spark.streaming.dstream import DStream

#: A window of so many slides is carried on from the one before, as PySpark does; a shorter one is computed
#: from its batches.
WORTH_CARRYING = 5


class Windows:
    """The part of a DStream that is about several batches."""

    def _fitting(self: "DStream", window: float, slide: Optional[float]) -> Tuple[int, int]:
        """Both in milliseconds, if they fit."""
        step = self._slide
        length = multiple("window duration", window, step)
        return length, step if slide is None else multiple("slide duration", slide, step)

    def window(self: "DStream", windowDuration: float, slideDuration: Optional[float] = None) -> "DStream":
        """All records of the last `windowDuration` seconds, every `slideDuration` seconds (or with every
        batch). Both are multiples of this stream's slide."""
        from millstream.spark.streaming.dstream import TransformedDStream

        window, slide = self._fitting(windowDuration, slideDuration)
        self._look_back(window)

        def compute(time: int) -> "RDD":
            return self._between(time - window, time) or self._sc.emptyRDD()

        return TransformedDStream(self._ssc, slide, [self], compute, "window")

    def _between(self: "DStream", after: int, until: int) -> "Optional[RDD]":
        """All records of the batches behind `after` and up to `until`, if there are such batches."""
        # Those before the last are there, as they were made at their times: a long window asks for what is
        # there alone.
        times = sorted({until, *(time for time in list(self._made) if after < time < until)})
        made = [self._at(time) for time in times if time > after]
        rdds: "List[RDD]" = [rdd for rdd in made if rdd is not None]
        return self._sc.union(rdds) if rdds else None

    def reduceByWindow(
        self: "DStream",
        reduceFunc: Callable[[Any, Any], Any],
        invReduceFunc: Optional[Callable[[Any, Any], Any]],
        windowDuration: float,
        slideDuration: float,
    ) -> "DStream":
        """The records of the last `windowDuration` seconds made one by `reduceFunc`; with
        `invReduceFunc(all, left)`, which takes away what had been added, a window is carried on from the
        one before."""
        keyed = self.map(_under_one)
        reduced = keyed.reduceByKeyAndWindow(reduceFunc, invReduceFunc, windowDuration, slideDuration, 1)
        return reduced.map(_value)

    def countByWindow(self: "DStream", windowDuration: float, slideDuration: float) -> "DStream":
        """How many records the last `windowDuration` seconds had."""
        return self.map(_one).reduceByWindow(operator.add, operator.sub, windowDuration, slideDuration)

    def countByValueAndWindow(
        self: "DStream", windowDuration: float, slideDuration: float, numPartitions: Optional[int] = None
    ) -> "DStream":
        """Pairs of each record and how often it was there in the last `windowDuration` seconds."""
        ones = self.map(_with_one)
        counted = ones.reduceByKeyAndWindow(
            operator.add, operator.sub, windowDuration, slideDuration, numPartitions
        )
        return counted.filter(_is_left)

    def groupByKeyAndWindow(
        self: "DStream", windowDuration: float, slideDuration: float, numPartitions: Optional[int] = None
    ) -> "DStream":
        """Pairs of each key and an iterable of the values that it had in the last `windowDuration`
        seconds."""
        lists = self.mapValues(_listed)
        grouped = lists.reduceByKeyAndWindow(_joined, _without, windowDuration, slideDuration, numPartitions)
        return grouped.mapValues(ResultIterable)

    def reduceByKeyAndWindow(
        self: "DStream",
        func: Callable[[Any, Any], Any],
        invFunc: Optional[Callable[[Any, Any], Any]],
        windowDuration: float,
        slideDuration: Optional[float] = None,
        numPartitions: Optional[int] = None,
        filterFunc: Optional[Callable[[Any], Any]] = None,
    ) -> "DStream":
        """The values that each key had in the last `windowDuration` seconds made one by `func`.

        With `invFunc(all, left)`, which takes away what `func` had added, a window of five slides or more is
        carried on from the one before. A key of which nothing is left stays then, with what `invFunc` leaves
        of it, unless `filterFunc`, given the pair, drops it.
        """
        from millstream.spark.streaming.dstream import TransformedDStream

        window, slide = self._fitting(windowDuration, slideDuration)
        count = self._reducers(numPartitions)
        batches = self.reduceByKey(func, count)
        if invFunc is None:
            return batches.window(window / 1000, slide / 1000).reduceByKey(func, count)
        inverse = invFunc
        batches._look_back(window + slide)

        def added(before: "Optional[RDD]", entered: "RDD") -> "RDD":
            reduced = entered.reduceByKey(func, count)
            if before is not None:
                reduced = before.union(reduced).reduceByKey(func, count)
            return reduced if filterFunc is None else reduced.filter(filterFunc)

        def taken_away(before: "RDD", left: "RDD") -> "RDD":
            joined = before.leftOuterJoin(left.reduceByKey(func, count), count)
            return joined.mapValues(lambda pair: pair[0] if pair[1] is None else inverse(*pair))

        def compute(time: int) -> "Optional[RDD]":
            last = time - slide
            before = carried._at(last)
            if before is None or window < WORTH_CARRYING * slide:
                within = batches._between(time - window, time)
                return None if within is None else added(None, within)
            left, entered = batches._between(last - window, time - window), batches._between(last, time)
            rest = before if left is None else taken_away(before, left)
            return rest if entered is None else added(rest, entered)

        carried = TransformedDStream(self._ssc, slide, [batches], compute, "reduceByKeyAndWindow")
        # Each window is asked for by the next.
        carried._look_back(slide)
        return carried


def _one(record: Any) -> int:
    return 1


def _under_one(record: Any) -> Any:
    return 1, record


def _with_one(record: Any) -> Any:
    return record, 1


def _value(pair: Any) -> Any:
    return pair[1]


def _is_left(pair: Any) -> bool:
    return bool(pair[1] > 0)


def _listed(value: Any) -> List[Any]:
    return [value]


def _joined(values: List[Any], more: List[Any]) -> List[Any]:
    return values + more


def _without(values: List[Any], left: List[Any]) -> List[Any]:
    return values[len(left) :]
