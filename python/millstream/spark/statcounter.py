"""Count, mean, variance, least and greatest of numbers, in one pass."""

from __future__ import annotations

import math
from typing import Dict, Iterable, Optional

from millstream._names import pep8
from millstream.spark._spellings import OfStatCounter

__all__ = ["StatCounter"]


@pep8
class StatCounter(OfStatCounter):
    """The statistics of numbers that were merged into it.

    >>> StatCounter([1.0, 2.0, 3.0, 4.0])
    (count: 4, mean: 2.5, stdev: 1.118033988749895, max: 4.0, min: 1.0)
    """

    def __init__(self, values: Optional[Iterable[float]] = None) -> None:
        self.n = 0
        self.mu = 0.0
        #: The sum of (x - mean) squared.
        self.m2 = 0.0
        self.maxValue = float("-inf")
        self.minValue = float("inf")
        for value in values or ():
            self.merge(value)

    def merge(self, value: float) -> "StatCounter":
        """Takes one number in."""
        delta = value - self.mu
        self.n += 1
        self.mu += delta / self.n
        self.m2 += delta * (value - self.mu)
        self.maxValue = max(self.maxValue, value)
        self.minValue = min(self.minValue, value)
        return self

    def mergeStats(self, other: "StatCounter") -> "StatCounter":
        """Takes in all that another has taken in."""
        if not isinstance(other, StatCounter):
            raise TypeError(f"Can only merge StatCounter but got {type(other)}")
        if other is self:
            return self.mergeStats(other.copy())
        if self.n == 0:
            vars(self).update(vars(other))
        elif other.n != 0:
            n, delta = self.n + other.n, other.mu - self.mu
            if other.n * 10 < self.n:
                self.mu += delta * other.n / n
            elif self.n * 10 < other.n:
                self.mu = other.mu - delta * self.n / n
            else:
                self.mu = (self.mu * self.n + other.mu * other.n) / n
            self.m2 += other.m2 + delta * delta * self.n * other.n / n
            self.n = n
            self.maxValue = max(self.maxValue, other.maxValue)
            self.minValue = min(self.minValue, other.minValue)
        return self

    def copy(self) -> "StatCounter":
        """Another with the same numbers."""
        copy = StatCounter()
        vars(copy).update(vars(self))
        return copy

    def count(self) -> int:
        """How many numbers there were."""
        return self.n

    def mean(self) -> float:
        """Their mean."""
        return self.mu

    def sum(self) -> float:
        """Their sum."""
        return self.n * self.mu

    def min(self) -> float:
        """The least."""
        return self.minValue

    def max(self) -> float:
        """The greatest."""
        return self.maxValue

    def variance(self) -> float:
        """Of the numbers, as all there are."""
        return self.m2 / self.n if self.n else math.nan

    def sampleVariance(self) -> float:
        """Of the numbers, as a sample of others."""
        return self.m2 / (self.n - 1) if self.n > 1 else math.nan

    def stdev(self) -> float:
        """The root of the variance."""
        return math.sqrt(self.variance())

    def sampleStdev(self) -> float:
        """The root of the sample variance."""
        return math.sqrt(self.sampleVariance())

    def asDict(self, sample: bool = False) -> Dict[str, float]:
        """All by name. As in PySpark, `sample=False` gives the sample's stdev and variance, and `True` the others."""
        return {
            "count": self.count(),
            "mean": self.mean(),
            "sum": self.sum(),
            "min": self.min(),
            "max": self.max(),
            "stdev": self.stdev() if sample else self.sampleStdev(),
            "variance": self.variance() if sample else self.sampleVariance(),
        }

    def __repr__(self) -> str:
        return (
            f"(count: {self.count()}, mean: {self.mean()}, stdev: {self.stdev()}, max: {self.max()}, "
            f"min: {self.min()})"
        )
