"""Data sets of numbers."""

from __future__ import annotations

import bisect
import functools
import math
import operator
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, Optional, Tuple, Union

from millstream.spark.statcounter import StatCounter

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD


class Numbers:
    """The part of an RDD whose records are numbers."""

    def sum(self: "RDD") -> Any:
        """Their sum."""
        return functools.reduce(operator.add, self._each("sum", sum), 0)

    def max(self: "RDD", key: Optional[Callable[[Any], Any]] = None) -> Any:
        """The greatest record, or that for which `key` is greatest."""
        return self.reduce(max if key is None else partial(max, key=key))

    def min(self: "RDD", key: Optional[Callable[[Any], Any]] = None) -> Any:
        """The least record, or that for which `key` is least."""
        return self.reduce(min if key is None else partial(min, key=key))

    def stats(self: "RDD") -> StatCounter:
        """Count, mean, variance, least and greatest, in one pass."""
        parts = self._each("stats", StatCounter)
        if not parts:
            raise ValueError("Can not reduce() empty RDD")
        return functools.reduce(StatCounter.mergeStats, parts)

    def mean(self: "RDD") -> float:
        """Their mean."""
        return self.stats().mean()

    def variance(self: "RDD") -> float:
        """Of the numbers, as all there are."""
        return self.stats().variance()

    def stdev(self: "RDD") -> float:
        """The root of the variance."""
        return self.stats().stdev()

    def sampleVariance(self: "RDD") -> float:
        """Of the numbers, as a sample of others."""
        return self.stats().sampleVariance()

    def sampleStdev(self: "RDD") -> float:
        """The root of the sample variance."""
        return self.stats().sampleStdev()

    def histogram(self: "RDD", buckets: Union[int, List[Any], Tuple[Any, ...]]) -> Tuple[Any, List[int]]:
        """The bounds of buckets and how many records are in each: so many even ones, or those with these bounds.

        Each bucket is without its upper bound, but for the last.
        """
        if isinstance(buckets, int):
            return self._even_histogram(buckets)
        if not isinstance(buckets, (list, tuple)):
            raise TypeError("buckets should be a list or tuple or number(int or long)")
        if len(buckets) < 2:
            raise ValueError("buckets should have more than one value")
        if any(bound is None or (isinstance(bound, float) and math.isnan(bound)) for bound in buckets):
            raise ValueError("can not have None or NaN in buckets")
        if sorted(buckets) != list(buckets):
            raise ValueError("buckets should be sorted")
        if len(set(buckets)) != len(buckets):
            raise ValueError("buckets should not contain duplicated values")
        width = None
        try:
            widths = [upper - lower for lower, upper in zip(buckets, buckets[1:])]
            if max(widths) - min(widths) < 1e-10:
                width = (buckets[-1] - buckets[0]) / len(widths)
        except TypeError:
            pass  # bounds that cannot be subtracted, such as text
        return buckets, self._in_buckets(buckets, width)

    def _even_histogram(self: "RDD", buckets: int) -> Tuple[Any, List[int]]:
        if buckets < 1:
            raise ValueError("number of buckets must be >= 1")
        comparable = self.filter(_is_comparable)
        try:
            least, greatest = comparable.map(_twice).reduce(_extremes)
        except ValueError as error:
            if " empty " in str(error):
                raise ValueError("can not generate buckets from empty RDD") from error
            raise
        if least == greatest or buckets == 1:
            return [least, greatest], [comparable.count()]
        try:
            width = (greatest - least) / buckets
        except TypeError:
            raise TypeError("Can not generate buckets with non-number in RDD") from None
        if math.isinf(width):
            raise ValueError("Can not generate buckets with infinite value")
        if int(width) * buckets == greatest - least:
            width = int(width)
        bounds = [at * width + least for at in range(buckets)] + [greatest]
        return bounds, self._in_buckets(bounds, width)

    def _in_buckets(self: "RDD", bounds: Any, width: Any) -> List[int]:
        parts = self._each("histogram", partial(_count_in, bounds, width))
        return [sum(counts) for counts in zip(*parts)] if parts else [0] * (len(bounds) - 1)

    def countApproxDistinct(self: "RDD", relativeSD: float = 0.05) -> int:
        """About how many different records there are, with this relative deviation (HyperLogLog)."""
        if relativeSD < 0.000017:
            raise ValueError("relativeSD should be greater than 0.000017")
        bits = max(4, math.ceil(2 * math.log2(1.054 / relativeSD)))
        parts = self._each("countApproxDistinct", partial(_registers, bits))
        merged = functools.reduce(lambda a, b: bytes(map(max, a, b)), parts, bytes(1 << bits))
        return _estimate(merged)


def _is_comparable(record: Any) -> bool:
    return record is not None and not (type(record) is float and math.isnan(record))


def _twice(record: Any) -> Tuple[Any, Any]:
    return record, record


def _extremes(a: Tuple[Any, Any], b: Tuple[Any, Any]) -> Tuple[Any, Any]:
    return min(a[0], b[0]), max(a[1], b[1])


def _count_in(bounds: Any, width: Any, records: Iterable[Any]) -> List[int]:
    """How many records each bucket has; one at the upper end belongs to the last."""
    counts = [0] * len(bounds)
    least, greatest = bounds[0], bounds[-1]
    for record in records:
        if not _is_comparable(record) or record > greatest or record < least:
            continue
        at = int((record - least) / width) if width is not None else bisect.bisect_right(bounds, record) - 1
        counts[at] += 1
    last = counts.pop()
    counts[-1] += last
    return counts


def _registers(bits: int, records: Iterable[Any]) -> bytes:
    """For each register the longest run of zeros that a hash of it began with."""
    from hashlib import blake2b

    from millstream._native import portable_hash

    registers = bytearray(1 << bits)
    rest = 64 - bits
    for record in records:
        digest = blake2b(portable_hash(record).to_bytes(8, "little", signed=True), digest_size=8).digest()
        hashed = int.from_bytes(digest, "little")
        at, tail = hashed >> rest, hashed & ((1 << rest) - 1)
        registers[at] = max(registers[at], rest - tail.bit_length() + 1)
    return bytes(registers)


def _estimate(registers: bytes) -> int:
    size = len(registers)
    alpha = {16: 0.673, 32: 0.697, 64: 0.709}.get(size, 0.7213 / (1 + 1.079 / size))
    estimate = alpha * size * size / sum(2.0**-register for register in registers)
    empty = registers.count(0)
    if estimate <= 2.5 * size and empty:
        estimate = size * math.log(size / empty)
    return round(estimate)
