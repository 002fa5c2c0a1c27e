"""Making topics, writing and reading, by a client of Kafka that shares nothing with the one under test."""

import itertools
import os
import time

import kafka
import kafka.errors
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

_numbers = itertools.count()


def broker():
    """The address of the broker that was started for the tests, which are never skipped."""
    assert "MILLSTREAM_KAFKA" in os.environ, "run these tests by `cargo xtask test --only python`, which starts a broker"
    return os.environ["MILLSTREAM_KAFKA"]


def _client(kind, **settings):
    """A client, made again where the broker does not answer at once: machines that run tests are slow."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return kind(bootstrap_servers=broker(), **settings)
        except kafka.errors.NoBrokersAvailable:
            if time.monotonic() > deadline:
                raise


def topic(name, partitions=1):
    """A new topic."""
    name = f"{name}-{os.getpid()}-{next(_numbers)}"
    admin = _client(KafkaAdminClient)
    try:
        admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
    finally:
        admin.close()
    return name


def write(name, values, **fixed):
    """Writes values, in turn to the partitions unless one is given; pairs are keys and values."""
    producer = _client(kafka.KafkaProducer, linger_ms=5)
    try:
        sent = []
        for value in values:
            key, value = value if isinstance(value, tuple) else (None, value)
            encode = lambda part: part.encode() if isinstance(part, str) else part  # noqa: E731
            sent.append(producer.send(name, encode(value), key=encode(key), **fixed))
        producer.flush(60)
        for one in sent:
            one.get(60)
    finally:
        producer.close()


def records(name):
    """All committed records of a topic, up to its end as it is now."""
    consumer = _client(kafka.KafkaConsumer, isolation_level="read_committed", enable_auto_commit=False)
    try:
        partitions = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        found, deadline = [], time.monotonic() + 60
        while any(consumer.position(one) < ends[one] for one in partitions):
            assert time.monotonic() < deadline, f"{name} cannot be read to its end"
            for several in consumer.poll(timeout_ms=200).values():
                found.extend(several)
        return found
    finally:
        consumer.close()


def texts(name):
    """The values of these records, as text."""
    return [record.value.decode() for record in records(name)]


def committed(group, name, partition=0):
    """The offset that a group has committed; `None` where there is none."""
    consumer = _client(kafka.KafkaConsumer, group_id=group, enable_auto_commit=False)
    try:
        return consumer.committed(TopicPartition(name, partition))
    finally:
        consumer.close()
