"""Ranges of Kafka's offsets as data sets, and as the batches of a stream.

Answers for what is the same for all of `KafkaUtils`. Cutting topics into ranges and reading them is the engine's.
Holds: a batch that is processed again has the offsets that it had.
"""

from __future__ import annotations

import collections
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from millstream import _kafka_properties, _native
from millstream.spark.errors import PySparkTypeError, PySparkValueError
from millstream.spark.rdd import RDD

if TYPE_CHECKING:
    from millstream.spark.context import SparkContext

#: Topic, partition, first offset, the offset behind the last.
Range = Tuple[str, int, int, int]

#: Of how many batches the ranges are remembered, for commits.
_REMEMBERED = 10_000

#: How many records a second are read of each partition, at most.
RATE = "spark.streaming.kafka.maxRatePerPartition"


class Told(NamedTuple):
    """What `KafkaRanges` is made of, wherever that is."""

    servers: str
    settings: Tuple[Tuple[str, str], ...]
    properties: Tuple[Tuple[str, str], ...]
    topics: Tuple[str, ...] = ()
    start: str = "earliest"
    offsets: Tuple[Tuple[str, int, int], ...] = ()


class Decoding(NamedTuple):
    """What becomes of a record."""

    key: Callable[[Any], Any]
    value: Callable[[Any], Any]
    #: Given all that there is of it, if there is one.
    handler: Optional[Callable[[Any], Any]]


_RESETS = {"smallest": "earliest", "earliest": "earliest", "largest": "latest", "latest": "latest"}


def told(params: Dict[str, Any], topics: Sequence[str], group: Optional[str] = None) -> Told:
    """What `kafkaParams` say, for topics that begin where `auto.offset.reset` says."""
    if not isinstance(params, dict):
        raise PySparkTypeError(f"kafkaParams is a dict of names and values, {params!r} was given")
    given = dict(_kafka_properties.text(name, value) for name, value in params.items())
    servers = [given.pop(name, None) for name in ("bootstrap.servers", "metadata.broker.list")]
    named = next((one for one in servers if one), None)
    if named is None:
        raise PySparkValueError("kafkaParams names no brokers: 'metadata.broker.list' or 'bootstrap.servers' does")
    reset = given.pop("auto.offset.reset", "largest")
    if reset not in _RESETS:
        raise PySparkValueError(f"auto.offset.reset is smallest or largest, {reset!r} was given")
    if group is not None:
        given["group.id"] = group
    settings, properties = _kafka_properties.translated(given, _kafka_properties.READING)
    start = _RESETS[reset] if group is None else f"committed or {_RESETS[reset]}"
    return Told(named, tuple(settings), tuple(properties), tuple(topics), start)


_ranges: Dict[Told, Any] = {}


def ranges_of(told: Told) -> Any:
    """The reader of ranges of this process, with the connections that it has."""
    if told not in _ranges:
        _ranges[told] = _native.KafkaRanges(*told)
    return _ranges[told]


def _read(told: Told, decoding: Decoding, range_: Range) -> Iterator[Any]:
    """The records of a range, in a task."""
    reader = ranges_of(told).read(range_, decoding.handler is not None)
    key, value, handler = decoding
    while True:
        records = reader.next()
        if records is None:
            return
        if handler is None:
            for record in records:
                yield key(record[0]), value(record[1])
        else:
            from millstream.spark.streaming.kafka import KafkaMessageAndMetadata

            for topic, partition, offset, raw_key, raw_value in records:
                yield handler(KafkaMessageAndMetadata(topic, partition, offset, key(raw_key), value(raw_value)))


def dataset(
    sc: "SparkContext", made: Callable[..., RDD], told: Told, decoding: Decoding, ranges: Sequence[Range]
) -> Any:
    """The records of ranges, each of which is a partition."""
    if not ranges:
        empty = sc.emptyRDD()
        return made(sc, empty._make, 0, ranges=[])
    read = sc.parallelize(list(ranges), len(ranges)).flatMap(partial(_read, told, decoding))
    return made(sc, lambda: read._dataset, len(ranges), parents=(read,), ranges=list(ranges))


class Direct:
    """The batches of topics: the plan of an input."""

    def __init__(
        self,
        sc: "SparkContext",
        made: Callable[..., RDD],
        told: Told,
        decoding: Decoding,
        most: Optional[int],
        commits: bool,
    ) -> None:
        self._sc, self._made, self._told, self._decoding, self._most = sc, made, told, decoding, most
        #: Whether the group is told of each batch that is done.
        self._commits = commits
        self.cutter = _native.KafkaRanges(*told).cutter()
        self._batches: "collections.OrderedDict[int, List[Range]]" = collections.OrderedDict()
        named = sorted(told.topics) or [f"{topic}-{number}" for topic, number, _ in sorted(told.offsets)]
        self.name = f"Kafka topics {', '.join(named)}"

    def start(self) -> None:
        """Looks for partitions."""
        self.cutter.start()

    def cut(self, time: int) -> Tuple[RDD, int]:
        """The data set of a batch, and how many offsets there are in it."""
        ranges = self.cutter.cut(self._most)
        return self._given(time, ranges), sum(until - first for _, _, first, until in ranges)

    def log(self) -> Tuple[List[str], List[str]]:
        """Where each partition stands, and the ranges of the last batch."""
        last = next(reversed(self._batches.values()), []) if self._batches else []
        return [_line(one) for one in self.cutter.standing()], [_line(one) for one in last]

    def resume(self, position: List[str]) -> None:
        """Goes on where an earlier process stood."""
        self.cutter.resume([_range(line) for line in position])

    def again(self, time: int, batch: List[str]) -> RDD:
        """The data set of a batch of an earlier process."""
        return self._given(time, [_range(line) for line in batch])

    def done(self, time: int) -> None:
        """A batch is done."""
        if self._commits:
            self.cutter.commit(self._batches.get(time, []))

    def _given(self, time: int, ranges: List[Range]) -> RDD:
        self._batches[time] = ranges
        while len(self._batches) > _REMEMBERED:
            self._batches.popitem(last=False)
        return dataset(self._sc, self._made, self._told, self._decoding, ranges)


def _line(range_: Range) -> str:
    return " ".join(map(str, range_))


def _range(line: str) -> Range:
    topic, partition, first, until = line.split(" ")
    return topic, int(partition), int(first), int(until)


def most_of_a_batch(sc: "SparkContext", interval: int) -> Optional[int]:
    """How many offsets of each partition make a batch of so many milliseconds, as the program's settings limit it."""
    given = sc.getConf().get(RATE)
    if given is None or given == "0":
        return None
    if not given.isdigit():
        raise PySparkValueError(f"the setting {RATE} is a whole number of records a second, {given!r} was given")
    return max(1, int(given) * interval // 1000)
