"""Files in S3 and HDFS, by the names of both faces."""

import pytest
from stores import new_place

from millstream.flink.common import Encoder, Types, WatermarkStrategy
from millstream.flink.datastream import StreamExecutionEnvironment
from millstream.flink.datastream.connectors.file_system import BucketAssigner, FileSink, FileSource, StreamFormat
from millstream.spark import SparkContext

LINES = [f"line {n} {'x' * (n % 23)}" for n in range(5_000)]


def written(place):
    """Lets a sink write the lines below a location."""
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    sink = FileSink.for_row_format(f"{place}/out", Encoder.simple_string_encoder())
    sink = sink.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner()).build()
    env.from_collection(LINES, Types.STRING()).rebalance().sink_to(sink)
    env.execute()


@pytest.mark.parametrize("kind", ["s3", "hdfs"])
def test_what_a_file_sink_writes_is_read_by_both_faces(kind, monkeypatch):
    place = new_place(kind, monkeypatch)
    written(place)
    for path in (place, f"{place}/out"):
        env = StreamExecutionEnvironment.get_execution_environment()
        source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), path).build()
        with env.from_source(source, WatermarkStrategy.no_watermarks(), "files").execute_and_collect() as found:
            assert sorted(found) == sorted(LINES), path
    for master in ("local", "local[2]"):
        with SparkContext(master) as context:
            lines = context.textFile(f"{place}/out", 4)
            assert lines.getNumPartitions() >= 4
            assert sorted(lines.collect()) == sorted(LINES)
            assert context.textFile(f"{place}/out/part-0-*").count() < len(LINES)


@pytest.mark.parametrize("kind", ["s3", "hdfs"])
def test_what_is_not_there_is_said_with_its_location(kind, monkeypatch):
    place = new_place(kind, monkeypatch)
    with SparkContext("local") as context, pytest.raises(OSError, match="none.csv` does not exist"):
        context.textFile(f"{place}/none.csv").count()
