"""Data sets made from others, record by record or partition by partition."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from millstream import _native
from millstream.spark import _functions
from millstream.spark.rddsampler import RDDRangeSampler, RDDSampler

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD


class Transformations:
    """The part of an RDD that makes others without a shuffle, or with one of whole records."""

    def map(self: "RDD", f: Callable[[Any], Any], preservesPartitioning: bool = False) -> "RDD":
        """What `f` makes of each record."""
        return self._step("map", "map", f, preservesPartitioning)

    def flatMap(self: "RDD", f: Callable[[Any], Iterable[Any]], preservesPartitioning: bool = False) -> "RDD":
        """All that `f` gives for each record."""
        return self._step("flatMap", "flat_map", f, preservesPartitioning)

    def filter(self: "RDD", f: Callable[[Any], Any]) -> "RDD":
        """The records for which `f` is true."""
        return self._step("filter", "filter", f, True)

    def keyBy(self: "RDD", f: Callable[[Any], Any]) -> "RDD":
        """Pairs of what `f` makes of a record and of the record."""
        return self._step("keyBy", "key_by", f)

    def mapPartitions(
        self: "RDD", f: Callable[[Iterable[Any]], Iterable[Any]], preservesPartitioning: bool = False
    ) -> "RDD":
        """What `f` gives for all records of each partition."""
        partitioner = self.partitioner if preservesPartitioning else None
        return self._call("mapPartitions", partial(_functions.of_partition, f), partitioner=partitioner)

    def mapPartitionsWithIndex(
        self: "RDD", f: Callable[[int, Iterable[Any]], Iterable[Any]], preservesPartitioning: bool = False
    ) -> "RDD":
        """What `f` gives for the number and all records of each partition."""
        partitioner = self.partitioner if preservesPartitioning else None
        return self._call("mapPartitionsWithIndex", f, partitioner=partitioner)

    mapPartitionsWithSplit = mapPartitionsWithIndex

    def glom(self: "RDD") -> "RDD":
        """The records of each partition as one list."""
        return self._call("glom", _functions.glom)

    def zipWithIndex(self: "RDD") -> "RDD":
        """Pairs of each record and its number, from 0. Counts the partitions first, if there are several."""
        starts = [0]
        if self.getNumPartitions() > 1:
            for count in self._counts()[:-1]:
                starts.append(starts[-1] + count)
        return self._call("zipWithIndex", partial(_functions.with_index, starts))

    def zipWithUniqueId(self: "RDD") -> "RDD":
        """Pairs of each record and a number of its own: k, n+k, 2n+k, ... in partition k of n."""
        return self._call("zipWithUniqueId", partial(_functions.with_unique_id, self.getNumPartitions()))

    def pipe(self: "RDD", command: str, env: Optional[Dict[str, str]] = None, checkCode: bool = False) -> "RDD":
        """The lines that a command prints when it reads the records, a line each."""
        from millstream.spark._pipe import Pipe

        return self._call("pipe", Pipe(command, dict(env or {}), checkCode))

    # Samples

    def sample(self: "RDD", withReplacement: bool, fraction: float, seed: Optional[int] = None) -> "RDD":
        """Each record with a chance of `fraction`, or that often on average if it may be drawn again."""
        if not fraction >= 0:
            raise ValueError(f"Fraction must be nonnegative, but got {fraction}")
        return self.mapPartitionsWithIndex(RDDSampler(withReplacement, fraction, seed).func, True)._named("sample")

    def randomSplit(
        self: "RDD", weights: Sequence[Union[int, float]], seed: Optional[int] = None
    ) -> "List[RDD]":
        """The records dealt out at random, in parts of about these weights."""
        if any(weight < 0 for weight in weights):
            raise ValueError("Weights must be nonnegative")
        total = float(sum(weights))
        if total <= 0:
            raise ValueError("Sum of weights must be positive")
        import random

        bounds = [0.0]
        for weight in weights:
            bounds.append(bounds[-1] + weight / total)
        seed = random.randint(0, 2**32 - 1) if seed is None else seed
        return [
            self.mapPartitionsWithIndex(RDDRangeSampler(lower, upper, seed).func, True)._named("randomSplit")
            for lower, upper in zip(bounds, bounds[1:])
        ]

    def takeSample(self: "RDD", withReplacement: bool, num: int, seed: Optional[int] = None) -> List[Any]:
        """A random sample of just so many records, as a list."""
        import math
        import random

        if num < 0:
            raise ValueError("Sample size cannot be negative.")
        if num > sys.maxsize - int(10.0 * math.sqrt(sys.maxsize)):
            raise ValueError(f"Sample size cannot be greater than {sys.maxsize - int(10.0 * math.sqrt(sys.maxsize))}.")
        total = self.count() if num and self.getNumPartitions() else 0
        if total == 0:
            return []
        generator = random.Random(seed)
        if not withReplacement and num >= total:
            samples = self.collect()
            generator.shuffle(samples)
            return samples
        fraction = self._computeFractionForSampleSize(num, total, withReplacement)
        samples = self.sample(withReplacement, fraction, seed).collect()
        while len(samples) < num:
            samples = self.sample(withReplacement, fraction, generator.randint(0, sys.maxsize)).collect()
        generator.shuffle(samples)
        return samples[:num]

    @staticmethod
    def _computeFractionForSampleSize(sampleSizeLowerBound: int, total: int, withReplacement: bool) -> float:
        """The chance at which a sample is large enough 9,999 times of 10,000."""
        import math

        fraction = float(sampleSizeLowerBound) / total
        if withReplacement:
            deviations = 9 if sampleSizeLowerBound < 12 else 5
            return fraction + deviations * math.sqrt(fraction / total)
        gamma = -math.log(0.00005) / total
        return min(1, fraction + gamma + math.sqrt(gamma * gamma + 2 * gamma * fraction))

    # Several data sets

    def union(self: "RDD", other: "RDD") -> "RDD":
        """All records of both."""
        return self._union([other])

    def __add__(self: "RDD", other: "RDD") -> "RDD":
        from millstream.spark.rdd import RDD

        if not isinstance(other, RDD):
            raise TypeError(f"an RDD can be added to an RDD, and no {type(other).__name__}")
        return self.union(other)

    def _union(self: "RDD", others: "Sequence[RDD]") -> "RDD":
        from millstream.spark.rdd import RDD

        parents = [self, *others]
        alike = self.partitioner is not None and all(rdd.partitioner == self.partitioner for rdd in others)

        def places() -> List[List[Tuple[int, int]]]:
            if alike:
                return [[(of, at) for of in range(len(parents))] for at in range(self.getNumPartitions())]
            return [[(of, at)] for of, rdd in enumerate(parents) for at in range(rdd.getNumPartitions())]

        def make() -> _native.Dataset:
            made = [rdd._dataset for rdd in parents]
            return _native.Dataset.chain(self.ctx._running(), "union", made, places())

        return RDD(
            self.ctx, make, lambda: len(places()), self.partitioner if alike else None, parents
        )._named("union")

    def zip(self: "RDD", other: "RDD") -> "RDD":
        """Pairs of the first records of both, of the second, ...; partitions must be alike in number and length."""
        if self.getNumPartitions() != other.getNumPartitions():
            raise ValueError("Can only zip with RDD which has the same number of partitions")
        return self._call(
            "zip",
            _functions.zipped,
            [other],
            lambda: [[(0, at), (1, at)] for at in range(self.getNumPartitions())],
        )

    def cartesian(self: "RDD", other: "RDD") -> "RDD":
        """All pairs of a record of this and one of the other."""
        return self._call(
            "cartesian",
            _functions.product,
            [other],
            lambda: [
                [(0, left), (1, right)]
                for left in range(self.getNumPartitions())
                for right in range(other.getNumPartitions())
            ],
        )

    # Other partitions

    def coalesce(self: "RDD", numPartitions: int, shuffle: bool = False) -> "RDD":
        """The same records in fewer partitions, each of several neighbours; in any number by a shuffle."""
        from millstream.spark.rdd import RDD

        if not numPartitions > 0:
            raise ValueError("Number of partitions must be positive.")
        if shuffle:
            return RDD(
                self.ctx, lambda: self._dataset.deal("repartition", numPartitions), numPartitions, None, [self]
            )._named("repartition")

        def places() -> List[List[Tuple[int, int]]]:
            before = self.getNumPartitions()
            after = min(numPartitions, before)
            bounds = [at * before // after for at in range(after + 1)] if after else [0]
            return [[(0, at) for at in range(first, last)] for first, last in zip(bounds, bounds[1:])]

        def make() -> _native.Dataset:
            return _native.Dataset.chain(self.ctx._running(), "coalesce", [self._dataset], places())

        return RDD(self.ctx, make, lambda: len(places()), None, [self])._named("coalesce")

    def repartition(self: "RDD", numPartitions: int) -> "RDD":
        """The same records in another number of partitions, by a shuffle."""
        return self.coalesce(numPartitions, True)
