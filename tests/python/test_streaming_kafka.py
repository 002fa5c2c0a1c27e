"""`pyspark.streaming.kafka` against a real broker."""

import os
import subprocess
import sys
import textwrap

import pytest

from kafka_client import broker, committed, topic, write
from millstream.spark import SparkConf, SparkContext
from millstream.spark.streaming import ManualClock, StreamingContext
from millstream.spark.streaming.kafka import Broker, KafkaUtils, OffsetRange, TopicAndPartition
from streams import Stream, wait_for


def params(**more):
    return {"metadata.broker.list": broker(), "auto.offset.reset": "smallest", **more}


def test_ranges_of_offsets_are_partitions_of_an_rdd(sc):
    name = topic("ranges", 2)
    write(name, [("a", "1"), ("b", "2"), ("c", "3")], partition=0)
    write(name, ["4", "5"], partition=1)
    ranges = [OffsetRange(name, 0, 1, 3), OffsetRange(name, 1, 0, 1)]
    rdd = KafkaUtils.createRDD(sc, params(), ranges, {TopicAndPartition(name, 0): Broker("localhost", 9092)})
    assert rdd.glom().collect() == [[("b", "2"), ("c", "3")], [(None, "4")]]
    assert rdd.offsetRanges() == ranges and [one.count() for one in ranges] == [2, 1]
    whole = KafkaUtils.createRDD(
        sc,
        params(),
        ranges,
        keyDecoder=lambda key: key,
        valueDecoder=lambda value: int(value),
        messageHandler=lambda m: (m.topic == name, m.partition, m.offset, m.key, m.message),
    )
    assert whole.collect() == [(True, 0, 1, b"b", 2), (True, 0, 2, b"c", 3), (True, 1, 0, None, 4)]
    assert KafkaUtils.createRDD(sc, params(), []).collect() == []


def test_a_range_that_is_not_there_is_refused(sc):
    name = topic("short")
    write(name, ["1"], partition=0)
    with pytest.raises(RuntimeError, match="it has those from 0 up to 1"):
        KafkaUtils.createRDD(sc, params(), [OffsetRange(name, 0, 0, 2)])
    with pytest.raises(RuntimeError, match="no Kafka broker at 127.0.0.1:1"):
        told = {"bootstrap.servers": "127.0.0.1:1", "start-timeout": "300 ms"}
        KafkaUtils.createRDD(sc, told, [OffsetRange(name, 0, 0, 1)])


def test_a_direct_stream_tells_its_offsets_and_commits_them(sc):
    name = topic("direct", 2)
    group = f"group of {name}"
    write(name, ["a", "b"], partition=0)
    program = Stream(sc)
    stream = KafkaUtils.createDirectStream(program.ssc, [name], params(**{"group.id": group}))
    seen, told = [], []

    def put_out(rdd):
        seen.append(sorted(value for _, value in rdd.collect()))
        stream.commitAsync(rdd.offsetRanges())

    stream.foreachRDD(put_out)
    # As PySpark's programs take them: in the first transformation.
    ranges = []
    stream.transform(lambda rdd: ranges.append(rdd.offsetRanges()) or rdd).foreachRDD(lambda rdd: told.append(rdd.count()))
    program.run(1)
    write(name, ["c"], partition=1)
    program.run(2)
    program.ssc.stop(stopSparkContext=False)
    assert seen == [["a", "b"], ["c"], []] and told == [2, 1, 0]
    assert ranges == [[OffsetRange(name, 0, 0, 2)], [OffsetRange(name, 1, 0, 1)], []]
    assert (committed(group, name, 0), committed(group, name, 1)) == (2, 1)


def test_a_direct_stream_begins_where_it_is_told_and_reads_no_faster(sc):
    name = topic("rated")
    write(name, [str(number) for number in range(10)], partition=0)
    conf = SparkConf().setMaster("local").setAppName("rated").set("spark.streaming.kafka.maxRatePerPartition", "3")
    sc.stop()
    with SparkContext(conf=conf) as limited:
        program = Stream(limited)
        stream = KafkaUtils.createDirectStream(
            program.ssc,
            [name],
            params(),
            fromOffsets={TopicAndPartition(name, 0): 2},
            messageHandler=lambda m: (m.offset, m.message),
        )
        assert program.outcome(stream, 3) == [
            [(number, str(number)) for number in part] for part in (range(2, 5), range(5, 8), range(8, 10))
        ]


def test_a_stream_of_a_group_goes_on_where_the_group_stands(sc):
    name = topic("received")
    group = f"group of {name}"
    write(name, ["a", "b"], partition=0)
    for number, (expected, more) in enumerate([(["a", "b"], "c"), (["c"], "d")]):
        program = Stream(sc)
        stream = KafkaUtils.createStream(
            program.ssc, broker(), group, {name: 1}, {"auto.offset.reset": "smallest"}
        )
        outcome = program.outcome(stream.map(lambda pair: pair[1]), 1)
        assert outcome == [expected], number
        # Told behind the batch's output, which the program does not wait for.
        wait_for("the commit", lambda: committed(group, name) == 2 + number)
        write(name, [more], partition=0)


def test_what_cannot_be_is_refused(sc):
    ssc = StreamingContext(sc, 1, clock=ManualClock())
    for wrong, why in [
        (lambda: KafkaUtils.createDirectStream(ssc, "clicks", {}), "topics is a list"),
        (lambda: KafkaUtils.createDirectStream(ssc, ["clicks"], {}), "names no brokers"),
        (lambda: KafkaUtils.createDirectStream(ssc, [], params()), "no topic is named"),
        (lambda: KafkaUtils.createDirectStream(ssc, ["a"], [1]), "kafkaParams is a dict"),
        (lambda: KafkaUtils.createDirectStream(ssc, ["a"], params(), {"a": 1}), "by TopicAndPartition"),
        (lambda: KafkaUtils.createStream(ssc, "b", "", {"a": 1}), "groupId is the name"),
        (lambda: KafkaUtils.createStream(ssc, "b", "g", ["a"]), "topics is a dict"),
        (lambda: KafkaUtils.createRDD(sc, params(), [("a", 0, 0, 1)]), "a list of OffsetRange"),
        (
            lambda: KafkaUtils.createDirectStream(ssc, ["a"], {**params(), "auto.offset.reset": "none"}),
            "smallest or largest",
        ),
    ]:
        with pytest.raises((TypeError, ValueError), match=why):
            wrong()
    missing = KafkaUtils.createDirectStream(ssc, ["there-is-none"], params())
    missing.pprint()
    with pytest.raises(RuntimeError, match="there is no topic `there-is-none`"):
        ssc.start()
    ssc.stop(stopSparkContext=False)


COUNTING = """
    import sys
    from millstream.spark import SparkContext
    from millstream.spark.streaming import StreamingContext
    from millstream.spark.streaming.kafka import KafkaUtils

    servers, topic, folder = sys.argv[1:]

    def setup():
        ssc = StreamingContext(SparkContext("local", "counting"), 0.1)
        told = {"metadata.broker.list": servers, "auto.offset.reset": "smallest"}
        pairs = KafkaUtils.createDirectStream(ssc, [topic], told)
        totals = pairs.map(lambda pair: (int(pair[1]) % 5, 1)).updateStateByKey(
            lambda new, total: (total or 0) + sum(new)
        )

        def put_out(time, rdd):
            with open(folder + "/results", "a") as file:
                file.write(repr(sorted(rdd.collect())) + "\\n")

        totals.foreachRDD(put_out)
        return ssc

    ssc = StreamingContext.getOrCreate(folder + "/checkpoint", setup)
    ssc.start()
    ssc.awaitTermination()
"""


def test_a_killed_program_changes_its_state_once_for_each_record(tmp_path):
    name, program, results = topic("state", 2), tmp_path / "counting.py", tmp_path / "results"
    program.write_text(textwrap.dedent(COUNTING), encoding="utf-8")
    total = 0

    def last():
        lines = results.read_text().splitlines() if results.exists() else []
        return eval(lines[-1]) if lines else []

    for round_ in range(4):
        job = subprocess.Popen([sys.executable, str(program), broker(), name, str(tmp_path)], env=dict(os.environ))
        try:
            for _ in range(3):
                write(name, [str(number) for number in range(total, total + 100)])
                total += 100
                # Killed wherever it is: in every other round in the middle of it.
                if round_ % 2:
                    wait_for("a batch", lambda: sum(count for _, count in last()) > total - 100, 120)
            if round_ == 3:
                wait_for("all records", lambda: sum(count for _, count in last()) >= total, 120)
        finally:
            job.kill()
            job.wait()
    assert last() == [(key, total // 5) for key in range(5)]
