"""Apache Kafka in batches, by the names of `pyspark.streaming.kafka`, which PySpark had until 2.4.

Answers for `KafkaUtils` and what it takes and gives. There is no ZooKeeper: Kafka has none any more, and where PySpark
took its address, brokers are named.
Holds: with a checkpoint folder, each record changes state once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

from millstream._names import pep8
from millstream.spark.errors import PySparkRuntimeError, PySparkTypeError, PySparkValueError
from millstream.spark.rdd import RDD
from millstream.spark.storagelevel import StorageLevel
from millstream.spark.streaming import _kafka
from millstream.spark.streaming.dstream import DStream

if TYPE_CHECKING:
    from millstream.spark.context import SparkContext
    from millstream.spark.streaming.context import StreamingContext

__all__ = [
    "Broker",
    "KafkaDStream",
    "KafkaMessageAndMetadata",
    "KafkaRDD",
    "KafkaUtils",
    "OffsetRange",
    "TopicAndPartition",
    "utf8_decoder",
]


def utf8_decoder(s: Optional[bytes]) -> Optional[str]:
    """Bytes as text; `None` stays `None`."""
    return None if s is None else s.decode("utf-8")


class OffsetRange:
    """The records of a partition from one offset up to another, which is not among them.

    >>> OffsetRange("clicks", 0, 10, 25)
    OffsetRange(topic: clicks, partition: 0, range: [10 -> 25])
    """

    def __init__(self, topic: str, partition: int, fromOffset: int, untilOffset: int) -> None:
        self.topic = topic
        self.partition = partition
        self.fromOffset = fromOffset
        self.untilOffset = untilOffset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OffsetRange) and self._range() == other._range()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._range())

    def __repr__(self) -> str:
        return (
            f"OffsetRange(topic: {self.topic}, partition: {self.partition}, "
            f"range: [{self.fromOffset} -> {self.untilOffset}])"
        )

    def count(self) -> int:
        """How many offsets there are in it."""
        return self.untilOffset - self.fromOffset

    def _range(self) -> _kafka.Range:
        return self.topic, self.partition, self.fromOffset, self.untilOffset


class TopicAndPartition:
    """A partition of a topic.

    >>> {TopicAndPartition("clicks", 0): 10}[TopicAndPartition("clicks", 0)]
    10
    """

    def __init__(self, topic: str, partition: int) -> None:
        self._topic = topic
        self._partition = partition

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TopicAndPartition) and self._place() == other._place()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self._place())

    def __repr__(self) -> str:
        return f"TopicAndPartition({self._topic!r}, {self._partition!r})"

    def _place(self) -> Tuple[str, int]:
        return self._topic, self._partition


class Broker:
    """Where a broker is. `createRDD` takes them and finds the leaders of partitions itself."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    def __repr__(self) -> str:
        return f"Broker({self._host!r}, {self._port!r})"


class KafkaMessageAndMetadata:
    """A record with its place: what a `messageHandler` is given. `key` and `message` are decoded."""

    def __init__(self, topic: str, partition: int, offset: int, key: Any, message: Any) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self._key = key
        self._message = message

    def __repr__(self) -> str:
        return f"KafkaMessageAndMetadata(topic: {self.topic}, partition: {self.partition}, offset: {self.offset}, ...)"

    @property
    def key(self) -> Any:
        """The key, decoded."""
        return self._key

    @property
    def message(self) -> Any:
        """The value, decoded."""
        return self._message


@pep8
class KafkaRDD(RDD):
    """The records of ranges of offsets, each of which is a partition."""

    def __init__(self, *made: Any, ranges: Sequence[_kafka.Range], **told: Any) -> None:
        super().__init__(*made, **told)
        self._offset_ranges = [OffsetRange(*one) for one in ranges]

    def offsetRanges(self) -> List[OffsetRange]:
        """The ranges, in the order of the partitions."""
        return list(self._offset_ranges)


@pep8
class KafkaDStream(DStream):
    """The records of topics, in batches of which each is a `KafkaRDD`."""

    _plan: _kafka.Direct

    def commitAsync(self, offsetRanges: Sequence[OffsetRange]) -> None:
        """Tells the group (`group.id` of the `kafkaParams`) that these ranges are done with; to be called behind the
        output. Raises `RuntimeError` without a group, or if no broker took it."""
        self._plan.cutter.commit([one._range() for one in offsetRanges])


@pep8
class KafkaUtils:
    """Makes streams and data sets of topics."""

    @staticmethod
    def createStream(
        ssc: "StreamingContext",
        zkQuorum: str,
        groupId: str,
        topics: Dict[str, int],
        kafkaParams: Optional[Dict[str, str]] = None,
        storageLevel: StorageLevel = StorageLevel.MEMORY_AND_DISK_2,
        keyDecoder: Callable[[Any], Any] = utf8_decoder,
        valueDecoder: Callable[[Any], Any] = utf8_decoder,
    ) -> KafkaDStream:
        """Pairs of key and value, from where the group stands on; the group is told of each batch when it is done.

        As Kafka has no ZooKeeper any more, `zkQuorum` names brokers (`host:port`), unless `kafkaParams` does. `topics`
        are given with a number of threads each, which means nothing: a partition is read by a task of each batch.
        """
        if not isinstance(topics, dict) or not topics:
            raise PySparkTypeError(f"topics is a dict of topics and numbers of threads, {topics!r} was given")
        if not isinstance(groupId, str) or not groupId:
            raise PySparkValueError(f"groupId is the name of a consumer group, {groupId!r} was given")
        params = dict(kafkaParams or {})
        if not {"bootstrap.servers", "metadata.broker.list"} & set(params):
            params["bootstrap.servers"] = zkQuorum
        told = _kafka.told(params, list(topics), groupId)
        decoding = _kafka.Decoding(keyDecoder, valueDecoder, None)
        return _stream(ssc, "createStream", told, decoding, commits=True)

    @staticmethod
    def createDirectStream(
        ssc: "StreamingContext",
        topics: Sequence[str],
        kafkaParams: Dict[str, str],
        fromOffsets: Optional[Dict[TopicAndPartition, int]] = None,
        keyDecoder: Callable[[Any], Any] = utf8_decoder,
        valueDecoder: Callable[[Any], Any] = utf8_decoder,
        messageHandler: Optional[Callable[[KafkaMessageAndMetadata], Any]] = None,
    ) -> KafkaDStream:
        """Pairs of key and value, or what `messageHandler` makes of records. Each batch is a range of offsets of each
        partition, which `rdd.offsetRanges()` tells of the data sets that this stream itself gives.

        It begins where `auto.offset.reset` of the `kafkaParams` says (`smallest` or `largest`), or at `fromOffsets`, of
        which the partitions are those that are read then. The setting `spark.streaming.kafka.maxRatePerPartition` limits
        a batch. With a checkpoint folder the offsets are in the checkpoint.
        """
        if isinstance(topics, str) or not hasattr(topics, "__iter__"):
            raise PySparkTypeError(f"topics is a list of topics, {topics!r} was given")
        if not isinstance(kafkaParams, dict):
            raise PySparkTypeError(f"kafkaParams is a dict of names and values, {kafkaParams!r} was given")
        told = _kafka.told(kafkaParams, list(topics))
        if fromOffsets:
            wrong = [one for one in fromOffsets if not isinstance(one, TopicAndPartition)]
            if wrong:
                raise PySparkTypeError(f"fromOffsets is a dict by TopicAndPartition, {wrong[0]!r} was given")
            placed = sorted((*one._place(), int(offset)) for one, offset in fromOffsets.items())
            told = told._replace(topics=(), start="offsets", offsets=tuple(placed))
        elif not told.topics:
            raise PySparkValueError("no topic is named: topics is a list of at least one")
        decoding = _kafka.Decoding(keyDecoder, valueDecoder, messageHandler)
        return _stream(ssc, "createDirectStream", told, decoding, commits=False)

    @staticmethod
    def createRDD(
        sc: "SparkContext",
        kafkaParams: Dict[str, str],
        offsetRanges: Sequence[OffsetRange],
        leaders: Optional[Dict[TopicAndPartition, Broker]] = None,
        keyDecoder: Callable[[Any], Any] = utf8_decoder,
        valueDecoder: Callable[[Any], Any] = utf8_decoder,
        messageHandler: Optional[Callable[[KafkaMessageAndMetadata], Any]] = None,
    ) -> KafkaRDD:
        """Pairs of key and value, or what `messageHandler` makes of records, of ranges of offsets; each is a partition.

        Raises `RuntimeError` for a range that the topic does not have.
        """
        if not isinstance(kafkaParams, dict):
            raise PySparkTypeError(f"kafkaParams is a dict of names and values, {kafkaParams!r} was given")
        ranges = list(offsetRanges)
        if not all(isinstance(one, OffsetRange) for one in ranges):
            raise PySparkTypeError(f"offsetRanges is a list of OffsetRange, {offsetRanges!r} was given")
        told = _kafka.told(kafkaParams, [])
        read = [one._range() for one in ranges]
        _kafka.ranges_of(told).check(read)
        return _kafka.dataset(sc, KafkaRDD, told, _kafka.Decoding(keyDecoder, valueDecoder, messageHandler), read)


def _stream(
    ssc: "StreamingContext", operation: str, told: _kafka.Told, decoding: _kafka.Decoding, commits: bool
) -> KafkaDStream:
    most = _kafka.most_of_a_batch(ssc.sparkContext, ssc._graph.interval)
    try:
        plan = _kafka.Direct(ssc.sparkContext, KafkaRDD, told, decoding, most, commits)
    except RuntimeError as error:
        raise PySparkRuntimeError(str(error)) from None
    stream = ssc._planned(operation, plan, KafkaDStream)
    stream._plan = plan  # type: ignore[attr-defined]
    return stream  # type: ignore[return-value]
