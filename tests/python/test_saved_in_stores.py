"""What PySpark's names write into S3 and HDFS, watch there, and keep there: data sets, streams, checkpoints."""

import pytest
from stores import lines, names, new_place, put, text
from streams import Stream, kept, wait_for

from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext

KINDS = pytest.mark.parametrize("kind", ["s3", "hdfs"])


@KINDS
@pytest.mark.parametrize("master", ["local", "local[2]"])
def test_a_data_set_is_saved_and_read_again(kind, master, monkeypatch):
    place = new_place(kind, monkeypatch)
    records = [f"record {n}" for n in range(1_000)]
    with SparkContext(master) as context:
        numbers = context.parallelize(records, 3)
        numbers.saveAsTextFile(f"{place}/text")
        assert names(f"{place}/text") == ["_SUCCESS", *(f"part-0000{at}" for at in range(3))]
        assert lines(f"{place}/text") == sorted(records)
        numbers.saveAsTextFile(f"{place}/zipped", "org.apache.hadoop.io.compress.GzipCodec")
        assert sorted(context.textFile(f"{place}/zipped").collect()) == sorted(records)
        numbers.map(lambda record: {"record": record}).saveAsPickleFile(f"{place}/pickles")
        assert sorted(kept["record"] for kept in context.pickleFile(f"{place}/pickles").collect()) == sorted(records)
        whole = dict(context.wholeTextFiles(f"{place}/text").collect())
        assert sorted(whole) == [f"{place}/text/part-0000{at}" for at in range(3)]
        assert whole[f"{place}/text/part-00000"] == text(f"{place}/text/part-00000")
        assert dict(context.binaryFiles(f"{place}/text").collect()) == {k: v.encode() for k, v in whole.items()}
        with pytest.raises(RuntimeError, match="already exists: remove it, or name another"):
            numbers.saveAsTextFile(f"{place}/text")
        assert lines(f"{place}/text") == sorted(records), "what was there stays"


@KINDS
def test_a_save_that_fails_leaves_nothing(kind, monkeypatch):
    place = new_place(kind, monkeypatch)
    with SparkContext("local") as context:
        broken = context.parallelize(range(10), 2).map(lambda n: 1 // (n - 7))
        with pytest.raises(Exception, match="division"):
            broken.saveAsTextFile(f"{place}/out")
        assert names(f"{place}/out") == []
        context.parallelize(range(10), 2).saveAsTextFile(f"{place}/out")
        assert lines(f"{place}/out") == sorted(map(str, range(10)))


@KINDS
def test_a_checkpointed_data_set_is_read_from_the_store(kind, monkeypatch):
    place = new_place(kind, monkeypatch)
    with SparkContext("local[2]") as context:
        context.setCheckpointDir(f"{place}/checkpoints")
        computed = context.accumulator(0)
        squares = context.parallelize(range(100), 2).map(lambda n: computed.add(1) or n * n)
        squares.checkpoint()
        assert squares.count() == 100
        assert squares.getCheckpointFile().startswith(f"{place}/checkpoints/")
        before = computed.value
        assert squares.collect() == [n * n for n in range(100)]
        assert computed.value == before, "it was read, and not computed again"


@KINDS
def test_the_files_that_appear_in_a_store_make_batches_which_are_saved_there(kind, monkeypatch, tmp_path):
    place = new_place(kind, monkeypatch)
    put(f"{place}/in/before", "old\n", tmp_path)
    with SparkContext("local") as context:
        stream = Stream(context)
        lengths = stream.ssc.textFileStream(f"{place}/in").map(str.upper)
        lengths.saveAsTextFiles(f"{place}/out", "txt")
        seen = kept(lengths)
        stream.run(1)
        put(f"{place}/in/first", "one\ntwo\n", tmp_path)
        put(f"{place}/in/_hidden", "none\n", tmp_path)
        stream.run(1)
        put(f"{place}/in/second", "three\n", tmp_path)
        stream.run(2)
        stream.ssc.stop(stopSparkContext=False)
    assert [sorted(batch) for batch in seen] == [[], ["ONE", "TWO"], ["THREE"], []]
    assert lines(f"{place}/out-2000.txt") == ["ONE", "TWO"]
    assert lines(f"{place}/out-3000.txt") == ["THREE"]


@KINDS
def test_a_stream_goes_on_from_its_checkpoints_in_a_store(kind, monkeypatch, tmp_path):
    place = new_place(kind, monkeypatch)
    put(f"{place}/in/before", "old\n", tmp_path)

    def program(seen):
        stream = Stream(context)
        words = stream.ssc.textFileStream(f"{place}/in").map(lambda line: (line, 1))
        counts = words.updateStateByKey(lambda new, old: (old or 0) + sum(new))
        counts.foreachRDD(lambda rdd: seen.append(dict(rdd.collect())))
        return stream

    with SparkContext("local") as context:
        seen = []
        first = program(seen)
        first.ssc.checkpoint(f"{place}/checkpoints")
        first.run(1)
        put(f"{place}/in/first", "to\nbe\nto\n", tmp_path)
        first.run(1)
        first.ssc.stop(stopSparkContext=False)
        assert seen[-1] == {"to": 2, "be": 1}
        assert "batches.json" in names(f"{place}/checkpoints")
        put(f"{place}/in/meanwhile", "be\n", tmp_path)
        later = []
        second = program(later)
        ssc = StreamingContext.getOrCreate(f"{place}/checkpoints", lambda: second.ssc)
        second.clock.advance(2)
        ssc.start()
        second.clock.advance(2)
        wait_for("the counts of both", lambda: {"to": 2, "be": 2} in later)
        ssc.stop(stopSparkContext=False)
