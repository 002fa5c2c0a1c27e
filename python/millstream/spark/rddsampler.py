"""Random samples, drawn as PySpark draws them: the same seed gives the same records."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, Optional, Tuple

if TYPE_CHECKING:
    from random import Random

__all__ = ["RDDRangeSampler", "RDDSampler", "RDDStratifiedSampler"]


class _Sampler:
    def __init__(self, seed: Optional[int]) -> None:
        import random

        self._seed = seed if seed is not None else random.randint(0, sys.maxsize)

    def _generator(self, split: int) -> Random:
        """The generator of a partition."""
        import random

        generator = random.Random(self._seed ^ split)
        # The seeds of neighbours are close to each other.
        for _ in range(10):
            generator.randint(0, 1)
        return generator


def _poisson(generator: Random, mean: float) -> int:
    """How often something is drawn that is drawn `mean` times on average."""
    drawn = 0
    if mean < 20.0:
        limit, product = math.exp(-mean), generator.random()
        while product > limit:
            drawn += 1
            product *= generator.random()
    else:
        waited = generator.expovariate(mean)
        while waited < 1.0:
            drawn += 1
            waited += generator.expovariate(mean)
    return drawn


class RDDSampler(_Sampler):
    """Draws each record with one chance."""

    def __init__(self, withReplacement: bool, fraction: float, seed: Optional[int] = None) -> None:
        super().__init__(seed)
        self._with_replacement = withReplacement
        self._fraction = fraction

    def func(self, split: int, iterator: Iterable[Any]) -> Iterator[Any]:
        """The sample of a partition."""
        generator = self._generator(split)
        for record in iterator:
            if self._with_replacement:
                for _ in range(_poisson(generator, self._fraction)):
                    yield record
            elif generator.random() < self._fraction:
                yield record


class RDDRangeSampler(_Sampler):
    """Draws the records whose number falls between two bounds."""

    def __init__(self, lowerBound: float, upperBound: float, seed: Optional[int] = None) -> None:
        super().__init__(seed)
        self._lower = lowerBound
        self._upper = upperBound

    def func(self, split: int, iterator: Iterable[Any]) -> Iterator[Any]:
        """The sample of a partition."""
        generator = self._generator(split)
        for record in iterator:
            if self._lower <= generator.random() < self._upper:
                yield record


class RDDStratifiedSampler(_Sampler):
    """Draws each pair with the chance of its key."""

    def __init__(self, withReplacement: bool, fractions: Dict[Any, float], seed: Optional[int] = None) -> None:
        super().__init__(seed)
        self._with_replacement = withReplacement
        self._fractions = fractions

    def func(self, split: int, iterator: Iterable[Tuple[Any, Any]]) -> Iterator[Tuple[Any, Any]]:
        """The sample of a partition."""
        generator = self._generator(split)
        for key, value in iterator:
            if self._with_replacement:
                for _ in range(_poisson(generator, self._fractions[key])):
                    yield key, value
            elif generator.random() < self._fractions[key]:
                yield key, value
