"""What data sets do besides the user's functions, as functions that travel by name.

Each takes what it needs first (bound by `functools.partial`), then the number of the partition and iterators.
"""

from __future__ import annotations

import bisect
import itertools
from collections import deque
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from millstream.spark.resultiterable import ResultIterable

Records = Iterable[Any]


def of_partition(f: Callable[[Records], Records], index: int, records: Records) -> Records:
    """Calls a function that does not want to know the partition."""
    return f(records)


def of_iterator(f: Callable[[Records], Any], index: int, records: Records) -> List[Any]:
    """One record: what a function makes of all."""
    return [f(records)]


def count(records: Records) -> int:
    """How many there are."""
    counter = itertools.count()
    deque(zip(records, counter), maxlen=0)
    return next(counter)


def first(limit: int, index: int, records: Iterator[Any]) -> Records:
    """The first records of a partition."""
    return itertools.islice(records, limit)


def glom(index: int, records: Records) -> List[List[Any]]:
    """All records as one list."""
    return [list(records)]


def foreach(f: Callable[[Any], Any], index: int, records: Records) -> Records:
    """Calls a function with each record."""
    deque(map(f, records), maxlen=0)
    return ()


def foreach_partition(f: Callable[[Records], Any], index: int, records: Records) -> Records:
    """Calls a function with all records, and uses up what it gives."""
    result = f(records)
    if hasattr(result, "__iter__"):
        deque(result, maxlen=0)
    return ()


def reduce(f: Callable[[Any, Any], Any], index: int, records: Iterator[Any]) -> Iterator[Any]:
    """All records made one; none of none."""
    import functools

    for initial in records:
        yield functools.reduce(f, records, initial)


def fold(zero: Any, f: Callable[[Any, Any], Any], index: int, records: Records) -> List[Any]:
    """All records added to a zero."""
    for record in records:
        zero = f(zero, record)
    return [zero]


def zipped(index: int, left: Iterator[Any], right: Iterator[Any]) -> Iterator[Tuple[Any, Any]]:
    """Pairs of the records of two partitions of one length."""
    missing = object()
    for pair in itertools.zip_longest(left, right, fillvalue=missing):
        if pair[0] is missing or pair[1] is missing:
            raise ValueError("Can only zip RDDs with same number of elements in each partition")
        yield pair


def product(index: int, left: Records, right: Records) -> Iterator[Tuple[Any, Any]]:
    """All pairs of the records of two partitions."""
    seconds = list(right)
    return ((a, b) for a in left for b in seconds)


def with_index(starts: Sequence[int], index: int, records: Records) -> Iterator[Tuple[Any, int]]:
    """Each record with its number among all."""
    return zip(records, itertools.count(starts[index]))


def with_unique_id(partitions: int, index: int, records: Records) -> Iterator[Tuple[Any, int]]:
    """Each record with a number that no other has."""
    return zip(records, itertools.count(index, partitions))


def with_none(record: Any) -> Tuple[Any, None]:
    """A pair that is all key."""
    return record, None


def with_true(record: Any) -> Tuple[Any, bool]:
    """A pair that is all key."""
    return record, True


def keep_first(value: Any, other: Any) -> Any:
    """The first of two values."""
    return value


def iterable(values: Tuple[List[Any], ...]) -> ResultIterable:
    """The values of a key of one input."""
    return ResultIterable(values[0])


def iterables(values: Tuple[List[Any], ...]) -> Tuple[ResultIterable, ...]:
    """The values of a key, for each input."""
    return tuple(map(ResultIterable, values))


def joined(left_outer: bool, right_outer: bool, values: Tuple[List[Any], List[Any]]) -> List[Tuple[Any, Any]]:
    """All pairs of the values of a key. An input without any stands for `None` if the join is outer on the other side."""
    left, right = values
    if left_outer and not right:
        right = [None]
    if right_outer and not left:
        left = [None]
    return [(a, b) for a in left for b in right]


def in_all(pair: Tuple[Any, Tuple[List[Any], ...]]) -> bool:
    """Whether each input has the key."""
    return all(pair[1])


def in_left_only(pair: Tuple[Any, Tuple[List[Any], ...]]) -> bool:
    """Whether the first input alone has the key."""
    return bool(pair[1][0]) and not pair[1][1]


def left_values(values: Tuple[List[Any], ...]) -> List[Any]:
    """The values of the first input."""
    return values[0]


class RangePartition:
    """The partition of a key by where it falls between bounds."""

    def __init__(self, bounds: List[Any], key: Optional[Callable[[Any], Any]], ascending: bool) -> None:
        self.bounds = bounds
        self.key = key
        self.ascending = ascending

    def ranges(self) -> "Optional[Tuple[List[Any], bool]]":
        """The bounds, and whether they ascend, where all are text or all are numbers of 64 bits and keys are compared as
        they are."""
        if self.key is not None:
            return None
        ints = all(type(bound) is int and -(2**63) <= bound < 2**63 for bound in self.bounds)
        texts = all(type(bound) is str and _is_unicode(bound) for bound in self.bounds)
        return (self.bounds, self.ascending) if ints or texts else None

    def __call__(self, key: Any) -> int:
        at = bisect.bisect_left(self.bounds, key if self.key is None else self.key(key))
        return at if self.ascending else len(self.bounds) - at


def _is_unicode(text: str) -> bool:
    """Whether it has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def bounds(samples: Iterable[Tuple[int, List[Any]]], partitions: int, key: Optional[Callable[[Any], Any]]) -> List[Any]:
    """The keys that cut what was sampled into `partitions` of about one size. Parts count by what they stand for."""
    weighted: List[Tuple[Any, float]] = []
    for seen, chosen in samples:
        weighted.extend((key(each) if key else each, seen / len(chosen)) for each in chosen)
    weighted.sort(key=lambda pair: pair[0])
    total, passed = sum(weight for _, weight in weighted), 0.0
    cuts: List[Any] = []
    for value, weight in weighted:
        while len(cuts) < partitions - 1 and passed + weight > total * (len(cuts) + 1) / partitions + 1e-9 * total:
            cuts.append(value)
        passed += weight
    return cuts


def counts(records: Records) -> Dict[Any, int]:
    """How often each record is there."""
    found: Dict[Any, int] = {}
    for record in records:
        found[record] = found.get(record, 0) + 1
    return found
