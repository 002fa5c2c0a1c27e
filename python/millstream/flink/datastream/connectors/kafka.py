"""Apache Kafka: topics as sources and sinks of streams.

>>> from millstream.flink.common import SimpleStringSchema, WatermarkStrategy
>>> from millstream.flink.datastream import StreamExecutionEnvironment
>>> env = StreamExecutionEnvironment.get_execution_environment()
>>> clicks = KafkaSource.builder().set_bootstrap_servers("localhost:9092").set_topics("clicks")
>>> clicks = clicks.set_value_only_deserializer(SimpleStringSchema()).build()
>>> lines = env.from_source(clicks, WatermarkStrategy.no_watermarks(), "clicks")

Flink's older `FlinkKafkaConsumer` and `FlinkKafkaProducer` are not here: these are what has taken their place.
"""

from __future__ import annotations

from millstream.flink.datastream.connectors._kafka_sink import (
    KafkaRecordSerializationSchema,
    KafkaRecordSerializationSchemaBuilder,
    KafkaSink,
    KafkaSinkBuilder,
    KafkaTopicSelector,
)
from millstream.flink.datastream.connectors._kafka_source import (
    KafkaOffsetResetStrategy,
    KafkaOffsetsInitializer,
    KafkaSource,
    KafkaSourceBuilder,
    KafkaTopicPartition,
)
from millstream.flink.datastream.connectors.base import DeliveryGuarantee

__all__ = [
    "DeliveryGuarantee",
    "KafkaOffsetResetStrategy",
    "KafkaOffsetsInitializer",
    "KafkaRecordSerializationSchema",
    "KafkaRecordSerializationSchemaBuilder",
    "KafkaSink",
    "KafkaSinkBuilder",
    "KafkaSource",
    "KafkaSourceBuilder",
    "KafkaTopicPartition",
    "KafkaTopicSelector",
]
