"""Exactly once from Kafka through state of Python's to Kafka, whatever is killed in between."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

from kafka_client import broker, texts, topic, write

COUNTING = """
    import sys
    from millstream.flink.common import Configuration, SimpleStringSchema, Types, WatermarkStrategy
    from millstream.flink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
    from millstream.flink.datastream.connectors.base import DeliveryGuarantee
    from millstream.flink.datastream.connectors.kafka import (
        KafkaRecordSerializationSchema, KafkaSink, KafkaSource,
    )
    from millstream.flink.datastream.state import ValueStateDescriptor

    servers, read, written, folder, parallelism = sys.argv[1:]
    settings = Configuration().set_string("execution.checkpointing.dir", folder)
    settings.set_string("restart-strategy.type", "none")
    env = StreamExecutionEnvironment.get_execution_environment(settings).set_parallelism(int(parallelism))
    env.enable_checkpointing(50)

    class Count(KeyedProcessFunction):
        def open(self, context):
            self.count = context.get_state(ValueStateDescriptor("count", Types.LONG()))

        def process_element(self, value, ctx):
            count = (self.count.value() or 0) + 1
            self.count.update(count)
            yield f"{ctx.get_current_key()} {count}"

    source = KafkaSource.builder().set_bootstrap_servers(servers).set_topics(read)
    source = source.set_value_only_deserializer(SimpleStringSchema()).build()
    records = KafkaRecordSerializationSchema.builder().set_topic(written)
    records = records.set_value_serialization_schema(SimpleStringSchema()).build()
    sink = KafkaSink.builder().set_bootstrap_servers(servers).set_record_serializer(records)
    sink = sink.set_delivery_guarantee(DeliveryGuarantee.EXACTLY_ONCE).set_transactional_id_prefix(written)
    numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), "numbers").uid("numbers")
    counts = numbers.key_by(lambda text: int(text) % 13).process(Count(), Types.STRING()).uid("counts")
    counts.sink_to(sink.build()).uid("written")
    env.execute("counting")
"""
EACH, KILLS, SEED = 400, 8, 20261123


def test_a_killed_job_goes_on_and_every_count_is_there_once(tmp_path):
    read, written = topic("killed-in", 3), topic("killed-out", 2)
    program = tmp_path / "counting.py"
    program.write_text(textwrap.dedent(COUNTING), encoding="utf-8")
    chance = random.Random(SEED)

    def started(parallelism):
        command = [sys.executable, str(program), broker(), read, written, str(tmp_path / "kept"), str(parallelism)]
        environment = {**os.environ, "MILLSTREAM_RESTORE": "latest"}
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)

    def kill(job):
        assert job.poll() is None, job.communicate()[1]
        job.send_signal(signal.SIGKILL)
        job.communicate()

    total = 0
    for round_ in range(KILLS):
        job = started(1 + round_ % 2)
        write(read, [str(number) for number in range(total, total + EACH)])
        total += EACH
        # Every second time in the middle of what it commits; else wherever it is, its start included.
        if round_ % 2:
            await_more(job, written, chance.randrange(1, EACH), total)
        else:
            moment = time.monotonic() + chance.random() * 1.5
            while time.monotonic() < moment:
                job.poll()
        kill(job)
    last = started(2)
    deadline = time.monotonic() + 240
    while len(texts(written)) < total:
        assert time.monotonic() < deadline and last.poll() is None, (len(texts(written)), total)
    kill(last)
    counts = Counter(number % 13 for number in range(total))
    expected = Counter(f"{key} {count}" for key in counts for count in range(1, counts[key] + 1))
    assert Counter(texts(written)) == expected, f"seed {SEED}"


def await_more(job, written, records, total):
    """Waits until so many more records are committed, or all are: some were before this began to look."""
    wanted, deadline = min(len(texts(written)) + records, total), time.monotonic() + 120
    while len(texts(written)) < wanted:
        assert time.monotonic() < deadline and job.poll() is None, job.poll()
