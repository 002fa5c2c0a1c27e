"""Topics of Kafka as a stream, by the names of PyFlink.

Answers for what a program chooses. Reading is the engine's: partitions, positions in checkpoints, watermarks for
each partition.
Holds: exactly once with checkpoints, since the offsets are in them.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional, Tuple

from millstream.flink.common.execution_config import whole
from millstream.flink.common.serialization import DeserializationSchema, SimpleStringSchema
from millstream.flink.common.typeinfo import Types
from millstream import _kafka_properties
from millstream.flink.datastream.connectors.base import Source

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation

#: A place by name; with the milliseconds of a time, or topics, partitions and offsets.
_Place = Tuple[str, int, List[Tuple[str, int, int]]]


class KafkaTopicPartition:
    """A partition of a topic.

    >>> KafkaTopicPartition("clicks", 0) == KafkaTopicPartition("clicks", 0)
    True
    """

    def __init__(self, topic: str, partition: int) -> None:
        if not isinstance(topic, str):
            raise TypeError(f"a topic is named by text, {topic!r} was given")
        self._topic = topic
        self._partition = whole(partition, "the partition", 0, "and up")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KafkaTopicPartition) and self._place() == other._place()

    def __hash__(self) -> int:
        return hash(self._place())

    def __repr__(self) -> str:
        return f"KafkaTopicPartition({self._topic!r}, {self._partition})"

    def _place(self) -> Tuple[str, int]:
        return self._topic, self._partition


class KafkaOffsetResetStrategy(Enum):
    """Where reading begins in a partition for which there is no offset."""

    LATEST = 0
    EARLIEST = 1
    NONE = 2


class KafkaOffsetsInitializer:
    """Where reading begins, or where it ends."""

    def __init__(self, place: _Place) -> None:
        self._place = place

    @staticmethod
    def committed_offsets(
        offset_reset_strategy: KafkaOffsetResetStrategy = KafkaOffsetResetStrategy.NONE,
    ) -> "KafkaOffsetsInitializer":
        """Where the group stands; what becomes of a partition for which it has committed nothing is said by the
        strategy, and without one the job fails."""
        kinds = {
            KafkaOffsetResetStrategy.LATEST: "committed or latest",
            KafkaOffsetResetStrategy.EARLIEST: "committed or earliest",
            KafkaOffsetResetStrategy.NONE: "committed",
        }
        if offset_reset_strategy not in kinds:
            raise TypeError(
                f"the strategy is one of KafkaOffsetResetStrategy, {offset_reset_strategy!r} was given"
            )
        return KafkaOffsetsInitializer((kinds[offset_reset_strategy], 0, []))

    @staticmethod
    def timestamp(timestamp: int) -> "KafkaOffsetsInitializer":
        """The first record of this time (milliseconds since 1970) or later."""
        return KafkaOffsetsInitializer(("time", whole(timestamp, "the timestamp", 0, "milliseconds"), []))

    @staticmethod
    def earliest() -> "KafkaOffsetsInitializer":
        """The first record."""
        return KafkaOffsetsInitializer(("earliest", 0, []))

    @staticmethod
    def latest() -> "KafkaOffsetsInitializer":
        """Behind the last record."""
        return KafkaOffsetsInitializer(("latest", 0, []))

    @staticmethod
    def offsets(
        offsets: Dict[KafkaTopicPartition, int],
        offset_reset_strategy: KafkaOffsetResetStrategy = KafkaOffsetResetStrategy.EARLIEST,
    ) -> "KafkaOffsetsInitializer":
        """These offsets; a partition that is not among them begins at its first record."""
        if offset_reset_strategy is not KafkaOffsetResetStrategy.EARLIEST:
            raise ValueError(
                "partitions without an offset begin at their first record: another strategy than "
                "KafkaOffsetResetStrategy.EARLIEST is not supported here yet"
            )
        listed = []
        for partition, offset in offsets.items():
            if not isinstance(partition, KafkaTopicPartition):
                raise TypeError(f"offsets are given by KafkaTopicPartition, {partition!r} was given")
            listed.append((*partition._place(), whole(offset, f"the offset of {partition!r}", 0, "and up")))
        return KafkaOffsetsInitializer(("offsets", 0, listed))


class KafkaSource(Source):
    """The values of the records of topics; made by `KafkaSource.builder()`.

    >>> source = (
    ...     KafkaSource.builder()
    ...     .set_bootstrap_servers("localhost:9092")
    ...     .set_topics("clicks")
    ...     .set_group_id("reports")
    ...     .set_starting_offsets(KafkaOffsetsInitializer.earliest())
    ...     .set_value_only_deserializer(SimpleStringSchema())
    ...     .build()
    ... )

    Records have the time that Kafka keeps of them as their event time. A watermark strategy without a timestamp
    assigner is carried out in the source, for each partition on its own. Records of transactions are read once these
    are committed, unless the property `isolation.level` says otherwise.
    """

    def __init__(self, told: Dict[str, Any], schema: DeserializationSchema, is_bounded: bool) -> None:
        self._told, self._schema, self._is_bounded = told, schema, is_bounded

    @staticmethod
    def builder() -> "KafkaSourceBuilder":
        """Begins to put one together."""
        return KafkaSourceBuilder()

    def _engine(self) -> Tuple[str, Tuple[Any, ...], "Optional[TypeInformation]", Dict[str, Any]]:
        """The method of the plan that makes it, its arguments, the type of its records, and what the plan is told."""
        settings: Dict[str, Any] = {"bounded": self._is_bounded, "promise": "exactly once", "parallel": True}
        if self._told["is_text"]:
            return "kafka_source", (dict(self._told),), Types.STRING(), settings
        produced = getattr(self._schema, "get_produced_type", None)
        kind = None if produced is None else produced()
        return "kafka_source", (dict(self._told),), kind, {**settings, "schema": self._schema}


class KafkaSourceBuilder:
    """Puts a `KafkaSource` together."""

    def __init__(self) -> None:
        self._properties: Dict[str, str] = {}
        self._servers: Optional[str] = None
        self._read: Dict[str, Any] = {"topics": None, "partitions": None, "matches": None}
        self._start = KafkaOffsetsInitializer.earliest()
        self._stop: Optional[KafkaOffsetsInitializer] = None
        self._is_bounded = False
        self._schema: Optional[DeserializationSchema] = None

    def set_bootstrap_servers(self, bootstrap_servers: str) -> "KafkaSourceBuilder":
        """`host:port` of some brokers, separated by commas."""
        return self.set_property("bootstrap.servers", bootstrap_servers)

    def set_group_id(self, group_id: str) -> "KafkaSourceBuilder":
        """The consumer group that offsets are committed to with each checkpoint, for who watches from outside."""
        return self.set_property("group.id", group_id)

    def set_topics(self, *topics: str) -> "KafkaSourceBuilder":
        """Reads these topics."""
        names = list(topics)
        if not names or not all(isinstance(name, str) for name in names):
            raise TypeError(f"set_topics takes the names of topics, {topics!r} was given")
        return self._reads(topics=names)

    def set_topic_pattern(self, topic_pattern: str) -> "KafkaSourceBuilder":
        """Reads the topics whose whole name a regular expression matches, with those that come later."""
        try:
            pattern = re.compile(topic_pattern)
        except re.error as error:
            raise ValueError(f"{topic_pattern!r} is no regular expression: {error}") from None
        return self._reads(matches=pattern.fullmatch)

    def set_partitions(self, partitions: Iterable[KafkaTopicPartition]) -> "KafkaSourceBuilder":
        """Reads these partitions."""
        listed = list(partitions)
        wrong = [one for one in listed if not isinstance(one, KafkaTopicPartition)]
        if wrong or not listed:
            raise TypeError(f"set_partitions takes KafkaTopicPartitions, {partitions!r} was given")
        return self._reads(partitions=sorted(one._place() for one in listed))

    def set_starting_offsets(
        self, starting_offsets_initializer: KafkaOffsetsInitializer
    ) -> "KafkaSourceBuilder":
        """Where reading begins without a checkpoint; at the first record if nothing is said."""
        self._start = _place(starting_offsets_initializer, "set_starting_offsets")
        return self

    def set_unbounded(self, stopping_offsets_initializer: KafkaOffsetsInitializer) -> "KafkaSourceBuilder":
        """Ends there, and is called unbounded all the same."""
        return self._stops(stopping_offsets_initializer, "set_unbounded", False)

    def set_bounded(self, stopping_offsets_initializer: KafkaOffsetsInitializer) -> "KafkaSourceBuilder":
        """Ends there."""
        return self._stops(stopping_offsets_initializer, "set_bounded", True)

    def set_value_only_deserializer(
        self, deserialization_schema: DeserializationSchema
    ) -> "KafkaSourceBuilder":
        """Makes records of values. A schema that gives `None` leaves the record out."""
        if not callable(getattr(deserialization_schema, "deserialize", None)):
            raise TypeError(
                "set_value_only_deserializer takes a schema such as SimpleStringSchema(), "
                f"{deserialization_schema!r} was given"
            )
        self._schema = deserialization_schema
        return self

    def set_client_id_prefix(self, prefix: str) -> "KafkaSourceBuilder":
        """The name under which brokers log what this source asks of them."""
        return self.set_property("client.id", prefix)

    def set_property(self, key: str, value: str) -> "KafkaSourceBuilder":
        """A property of Kafka's client, or a setting of the engine's by its own name."""
        name, text = _kafka_properties.text(key, value)
        if name == "bootstrap.servers":
            self._servers = text
        elif name == "client.id.prefix":
            self._properties["client.id"] = text
        else:
            self._properties[name] = text
        return self

    def set_properties(self, props: Dict[str, str]) -> "KafkaSourceBuilder":
        """Properties of Kafka's client."""
        for key, value in props.items():
            self.set_property(key, value)
        return self

    def build(self) -> KafkaSource:
        """The source. Raises `ValueError` where something is missing or contradicts itself."""
        if self._servers is None:
            raise ValueError("a KafkaSource needs brokers: set_bootstrap_servers('host:9092')")
        if not any(self._read.values()):
            raise ValueError(
                "a KafkaSource was not told what to read: set_topics, set_topic_pattern or set_partitions"
            )
        if self._schema is None:
            raise ValueError(
                "a KafkaSource needs a schema: set_value_only_deserializer(SimpleStringSchema()), or the like"
            )
        properties = dict(self._properties)
        commits = properties.pop("commit.offsets.on.checkpoint", "true") == "true"
        start = self._start._place
        if start[0].startswith("committed") and "group.id" not in properties:
            raise ValueError("a KafkaSource is to start where its group stands, and has none: set_group_id(...)")
        if not commits:
            if start[0].startswith("committed"):
                raise ValueError("a KafkaSource that starts where its group stands commits offsets to it as well")
            properties.pop("group.id", None)
        settings, others = _kafka_properties.translated(properties, _kafka_properties.READING)
        told = {
            "servers": self._servers,
            "settings": settings,
            "properties": others,
            **self._read,
            "start": start,
            "stop": None if self._stop is None else self._stop._place,
            "is_bounded": self._is_bounded,
            "is_text": _is_utf8(self._schema),
            "out_of_orderness": None,
            "idle_after": None,
        }
        return KafkaSource(told, self._schema, self._is_bounded)

    def _reads(self, **what: Any) -> "KafkaSourceBuilder":
        if any(self._read.values()):
            raise ValueError(
                "a KafkaSource is told once what to read: set_topics, set_topic_pattern or set_partitions"
            )
        self._read.update(what)
        return self

    def _stops(
        self, stop: KafkaOffsetsInitializer, call: str, is_bounded: bool
    ) -> "KafkaSourceBuilder":
        given = _place(stop, call)
        if given._place[0] not in ("latest", "time", "offsets"):
            raise ValueError(f"{call} takes the latest offsets, those of a timestamp, or given ones")
        self._stop, self._is_bounded = given, is_bounded
        return self


def _place(given: Any, call: str) -> KafkaOffsetsInitializer:
    if not isinstance(given, KafkaOffsetsInitializer):
        raise TypeError(f"{call} takes a KafkaOffsetsInitializer, such as .earliest(), {given!r} was given")
    return given


def _is_utf8(schema: Any) -> bool:
    """Whether the engine reads it itself."""
    return type(schema) is SimpleStringSchema and schema._charset.upper().replace("-", "") == "UTF8"
