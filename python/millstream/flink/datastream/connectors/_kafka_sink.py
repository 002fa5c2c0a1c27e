"""Topics of Kafka as the end of a stream, by the names of PyFlink.

Answers for what a program chooses, and for records as bytes. Writing is the engine's: transactions, commits, and
what is done about those that a killed job has left.
Holds: with `DeliveryGuarantee.EXACTLY_ONCE` and checkpoints, readers of what is committed see each record once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, Optional, Union

from millstream.flink.common.serialization import SerializationSchema
from millstream import _kafka_properties
from millstream.flink.datastream.connectors.base import DeliveryGuarantee, Sink


class KafkaTopicSelector(ABC):
    """Names the topic of each record."""

    @abstractmethod
    def apply(self, data: Any) -> str:
        """The topic of a record."""


class KafkaRecordSerializationSchema(SerializationSchema):
    """What becomes the topic, the key and the value of a record; made by `KafkaRecordSerializationSchema.builder()`.

    >>> from millstream.flink.common import SimpleStringSchema
    >>> counts = (
    ...     KafkaRecordSerializationSchema.builder()
    ...     .set_topic("counts")
    ...     .set_value_serialization_schema(SimpleStringSchema())
    ...     .build()
    ... )
    >>> counts.serialize("a 1")
    b'a 1'
    """

    def __init__(self, topic: Union[str, Any], key: Any, value: Any) -> None:
        self._topic, self._key, self._value = topic, key, value

    @staticmethod
    def builder() -> "KafkaRecordSerializationSchemaBuilder":
        """Begins to put one together."""
        return KafkaRecordSerializationSchemaBuilder()

    def serialize(self, value: Any) -> bytes:
        """The value of a record, as bytes."""
        return self._value.serialize(value)

    @property
    def _fixed_topic(self) -> Optional[str]:
        return self._topic if isinstance(self._topic, str) else None


class KafkaRecordSerializationSchemaBuilder:
    """Puts a `KafkaRecordSerializationSchema` together."""

    def __init__(self) -> None:
        self._topic: Any = None
        self._key: Any = None
        self._value: Any = None

    def set_topic(self, topic: str) -> "KafkaRecordSerializationSchemaBuilder":
        """The topic of all records."""
        if not isinstance(topic, str) or not topic:
            raise TypeError(f"set_topic takes the name of a topic, {topic!r} was given")
        return self._names(topic)

    def set_topic_selector(
        self, topic_selector: Union[Callable[[Any], str], KafkaTopicSelector]
    ) -> "KafkaRecordSerializationSchemaBuilder":
        """Names the topic of each record."""
        select = getattr(topic_selector, "apply", topic_selector)
        if not callable(select):
            raise TypeError(
                f"set_topic_selector takes a function of a record, or a KafkaTopicSelector, {topic_selector!r} was given"
            )
        return self._names(select)

    def _names(self, topic: Any) -> "KafkaRecordSerializationSchemaBuilder":
        if self._topic is not None:
            raise ValueError("the topic is said once: by set_topic or by set_topic_selector")
        self._topic = topic
        return self

    def set_key_serialization_schema(
        self, key_serialization_schema: SerializationSchema
    ) -> "KafkaRecordSerializationSchemaBuilder":
        """Makes the key of each record; records with the same key go to the same partition."""
        self._key = _schema(key_serialization_schema, "set_key_serialization_schema")
        return self

    def set_value_serialization_schema(
        self, value_serialization_schema: SerializationSchema
    ) -> "KafkaRecordSerializationSchemaBuilder":
        """Makes the value of each record."""
        self._value = _schema(value_serialization_schema, "set_value_serialization_schema")
        return self

    def build(self) -> KafkaRecordSerializationSchema:
        """The schema. Raises `ValueError` where the topic or the value's schema is missing."""
        if self._topic is None:
            raise ValueError("a record for Kafka needs a topic: set_topic or set_topic_selector")
        if self._value is None:
            raise ValueError(
                "a record for Kafka needs a value: set_value_serialization_schema(SimpleStringSchema()), or the like"
            )
        return KafkaRecordSerializationSchema(self._topic, self._key, self._value)


class KafkaSink(Sink):
    """Writes records to topics; made by `KafkaSink.builder()`.

    >>> from millstream.flink.common import SimpleStringSchema
    >>> records = KafkaRecordSerializationSchema.builder().set_topic("counts")
    >>> records = records.set_value_serialization_schema(SimpleStringSchema()).build()
    >>> sink = KafkaSink.builder().set_bootstrap_servers("localhost:9092").set_record_serializer(records)
    >>> sink = sink.set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE).set_transactional_id_prefix("word-count").build()

    Exactly once asks for checkpoints: records become visible to readers of what is committed when one is complete.
    """

    def __init__(self, told: Dict[str, Any], records: KafkaRecordSerializationSchema) -> None:
        self._engine_told, self._records = told, records

    @staticmethod
    def builder() -> "KafkaSinkBuilder":
        """Begins to put one together."""
        return KafkaSinkBuilder()

    def get_transformer(self) -> None:
        """Nothing is done to the stream in front of it."""

    def _sink_engine(self) -> "tuple[str, str, Encoding, Dict[str, Any]]":
        """The kind of the step, its name, what makes bytes of records, and what the engine is told."""
        return "kafka", "KafkaSink", Encoding(self._records), {"told": self._engine_told}


class KafkaSinkBuilder:
    """Puts a `KafkaSink` together."""

    def __init__(self) -> None:
        self._servers: Optional[str] = None
        self._properties: Dict[str, str] = {}
        self._records: Optional[KafkaRecordSerializationSchema] = None
        # As in Flink.
        self._guarantee = DeliveryGuarantee.NONE
        self._prefix: Optional[str] = None

    def set_bootstrap_servers(self, bootstrap_servers: str) -> "KafkaSinkBuilder":
        """`host:port` of some brokers, separated by commas."""
        return self.set_property("bootstrap.servers", bootstrap_servers)

    def set_delivery_guarantee(self, delivery_guarantee: DeliveryGuarantee) -> "KafkaSinkBuilder":
        """What holds of records across a kill. With NONE, each is there at least once all the same."""
        if not isinstance(delivery_guarantee, DeliveryGuarantee):
            raise TypeError(
                "set_delivery_guarantee takes DeliveryGuarantee.EXACTLY_ONCE or the like, "
                f"{delivery_guarantee!r} was given"
            )
        self._guarantee = delivery_guarantee
        return self

    def set_transactional_id_prefix(self, transactional_id_prefix: str) -> "KafkaSinkBuilder":
        """What the names of transactions begin with: the job's own, and the same each time that it runs."""
        if not isinstance(transactional_id_prefix, str) or not transactional_id_prefix:
            raise TypeError(
                f"set_transactional_id_prefix takes text such as 'word-count', {transactional_id_prefix!r} was given"
            )
        self._prefix = transactional_id_prefix
        return self

    def set_record_serializer(
        self, record_serializer: KafkaRecordSerializationSchema
    ) -> "KafkaSinkBuilder":
        """What becomes topic, key and value of a record."""
        if not isinstance(record_serializer, KafkaRecordSerializationSchema):
            raise TypeError(
                "set_record_serializer takes what KafkaRecordSerializationSchema.builder() makes, "
                f"{record_serializer!r} was given"
            )
        self._records = record_serializer
        return self

    def set_property(self, key: str, value: str) -> "KafkaSinkBuilder":
        """A property of Kafka's client, or a setting of the engine's by its own name."""
        name, text = _kafka_properties.text(key, value)
        if name == "bootstrap.servers":
            self._servers = text
        else:
            self._properties[name] = text
        return self

    def build(self) -> KafkaSink:
        """The sink. Raises `ValueError` where something is missing."""
        if self._servers is None:
            raise ValueError("a KafkaSink needs brokers: set_bootstrap_servers('host:9092')")
        if self._records is None:
            raise ValueError(
                "a KafkaSink needs to know what becomes of records: "
                "set_record_serializer(KafkaRecordSerializationSchema.builder()...build())"
            )
        is_exact = self._guarantee is DeliveryGuarantee.EXACTLY_ONCE
        if is_exact and self._prefix is None:
            raise ValueError(
                "exactly once needs a name for the job's transactions: set_transactional_id_prefix('word-count')"
            )
        settings, others = _kafka_properties.translated(self._properties, _kafka_properties.WRITING)
        told = {
            "servers": self._servers,
            "settings": settings,
            "properties": others,
            "topic": self._records._fixed_topic,
            "prefix": self._prefix if is_exact else None,
        }
        return KafkaSink(told, self._records)


class Encoding:
    """Makes of a record what the engine writes: the value's bytes, or topic, key and value."""

    def __init__(self, records: KafkaRecordSerializationSchema) -> None:
        self._topic = None if records._fixed_topic is not None else records._topic
        self._key, self._value = records._key, records._value

    def open(self, context: Any) -> None:
        """Before the first record."""
        for schema in (self._key, self._value):
            opener = getattr(schema, "open", None)
            if opener is not None:
                opener(context)

    def map(self, record: Any) -> Any:
        """The bytes of a record."""
        value = self._value.serialize(record)
        if value is not None and type(value) is not bytes:
            value = _bytes(value, self._value)
        if self._key is None and self._topic is None and value is not None:
            return value
        key = None if self._key is None else self._key.serialize(record)
        if key is not None and type(key) is not bytes:
            key = _bytes(key, self._key)
        select = self._topic
        topic = select if select is None or isinstance(select, str) else select(record)
        if topic is not None and type(topic) is not str:
            raise TypeError(f"the topic selector gave {topic!r} of type {type(topic).__name__}, a topic is named by text")
        return topic, key, value


def _bytes(given: Any, schema: Any) -> bytes:
    if isinstance(given, (bytes, bytearray, memoryview)):
        return bytes(given)
    raise TypeError(
        f"{type(schema).__name__}.serialize gave {given!r} of type {type(given).__name__} where bytes are right"
    )


def _schema(given: Any, call: str) -> Any:
    if not callable(getattr(given, "serialize", None)):
        raise TypeError(f"{call} takes a schema such as SimpleStringSchema(), {given!r} was given")
    return given
