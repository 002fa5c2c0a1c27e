"""`FileSink`: what is in its files, how they are called, and that a kill loses and doubles nothing."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from millstream.flink.common import Duration, Encoder, Row, Types
from millstream.flink.datastream import StreamExecutionEnvironment
from millstream.flink.datastream.connectors.file_system import (
    BucketAssigner,
    FileSink,
    FileSource,
    RollingPolicy,
    StreamFormat,
)

TEXT = Encoder.simple_string_encoder()
NO_FOLDERS = BucketAssigner.base_path_bucket_assigner()


def lines(folder):
    """All lines that somebody else would see, in order."""
    seen = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return sorted(line for path in seen for line in path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("parallelism", [1, 2])
def test_each_record_is_a_line_as_java_shows_it(tmp_path, parallelism):
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(parallelism)
    for name, values, kind in [
        ("tuples", [("a", 1.5), ("b", 2.0)], Types.TUPLE([Types.STRING(), Types.DOUBLE()])),
        ("rows", [Row("a", True)], Types.ROW([Types.STRING(), Types.BOOLEAN()])),
        ("untyped", [("a", None), "b"], None),
    ]:
        sink = FileSink.for_row_format(str(tmp_path / name), TEXT).with_bucket_assigner(NO_FOLDERS).build()
        env.from_collection(values, kind).rebalance().map(lambda value: value, kind).sink_to(sink).name(name)
    env.execute()
    assert lines(tmp_path / "tuples") == ["(a,1.5)", "(b,2.0)"]
    assert lines(tmp_path / "rows") == ["+I[a, true]"]
    assert lines(tmp_path / "untyped") == ["('a', None)", "b"]


def test_files_are_in_a_folder_for_each_hour_and_closed_by_size(tmp_path):
    env = StreamExecutionEnvironment.get_execution_environment()
    small = RollingPolicy.default_rolling_policy(part_size=1)
    sink = FileSink.for_row_format(str(tmp_path), TEXT).with_rolling_policy(small).build()
    env.from_collection(list(range(10_000)), Types.INT()).sink_to(sink)
    env.execute()
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d--\d\d", folder.name) for folder in tmp_path.iterdir())
    assert sum(1 for path in tmp_path.rglob("part-0-*.txt")) > 1
    assert len(lines(tmp_path)) == 10_000


@pytest.mark.parametrize(
    "wrong, why",
    [
        (lambda: FileSink.for_row_format("out", str), "the encoder is Encoder.simple_string_encoder"),
        (
            lambda: FileSink.for_row_format("out", Encoder.simple_string_encoder("latin-1")),
            "written in UTF-8",
        ),
        (lambda: FileSink.for_row_format("gs://name/out", TEXT), "hdfs://HOST:PORT/PATH or s3://BUCKET/PATH"),
        (
            lambda: FileSink.for_row_format("out", TEXT).with_bucket_assigner("hourly"),
            "BucketAssigner.base_path",
        ),
        (lambda: FileSink.for_row_format("out", TEXT).with_rolling_policy(60), "RollingPolicy.default"),
        (
            lambda: RollingPolicy.default_rolling_policy(part_size=0),
            "part_size is a whole number of bytes from 1 on",
        ),
        (lambda: BucketAssigner.date_time_bucket_assigner(timezone_id="Asia/Tokyo"), "the time in UTC"),
    ],
)
def test_a_sink_that_cannot_be_is_refused(wrong, why):
    with pytest.raises((TypeError, ValueError), match=why):
        wrong()


def test_a_folder_that_cannot_be_written_fails_the_job_with_its_name(tmp_path):
    (tmp_path / "file").write_text("")
    env = StreamExecutionEnvironment.get_execution_environment()
    env.from_collection(["a"]).sink_to(FileSink.for_row_format(str(tmp_path / "file" / "out"), TEXT).build())
    with pytest.raises(Exception, match="cannot make the folder `.*file/out`"):
        env.execute()


def test_what_was_written_is_read_by_a_file_source(tmp_path):
    env = StreamExecutionEnvironment.get_execution_environment()
    env.from_collection(["a", "ü"], Types.STRING()).sink_to(
        FileSink.for_row_format(str(tmp_path), TEXT).build()
    )
    env.execute()
    source = FileSource.for_record_stream_format(StreamFormat.text_line_format(), str(tmp_path)).build()
    assert sorted(env.from_source(source, None, "files").execute_and_collect()) == ["a", "ü"]


def test_a_folder_is_monitored_for_files_that_appear_later(tmp_path):
    (tmp_path / "within").mkdir()
    (tmp_path / "within" / "first.txt").write_text("a\nb\n")
    text = StreamFormat.text_line_format()
    source = FileSource.for_record_stream_format(text, str(tmp_path))
    source = source.monitor_continuously(Duration.of_millis(20)).build()
    env = StreamExecutionEnvironment.get_execution_environment()
    with env.from_source(source, None, "files").execute_and_collect() as records:
        assert sorted([next(records), next(records)]) == ["a", "b"]
        (tmp_path / ".hidden").write_text("c\n")
        os.rename(tmp_path / ".hidden", tmp_path / "second.txt")
        assert next(records) == "c"
    with pytest.raises(FileNotFoundError, match="monitors the folder"):
        missing = FileSource.for_record_stream_format(text, str(tmp_path / "none"))
        env.from_source(missing.monitor_continuously(Duration.of_millis(20)).build(), None, "files")


KILLED = """
    import os, sys, time
    from millstream.flink.common import Configuration, Encoder, Types
    from millstream.flink.datastream import StreamExecutionEnvironment
    from millstream.flink.datastream.connectors.file_system import FileSink

    folder, gate = sys.argv[1], sys.argv[2]
    settings = Configuration().set_string("execution.checkpointing.dir", folder + "/checkpoints")
    env = StreamExecutionEnvironment.get_execution_environment(settings).set_parallelism(2)
    env.enable_checkpointing(10)

    class Numbers:
        # Goes on behind the middle once there is a file of this name.
        def read(self, position):
            for number in range(position or 0, 4_000):
                while number >= 2_000 and not os.path.exists(gate):
                    time.sleep(0.002)
                yield number + 1, number

    sink = FileSink.for_row_format(folder + "/out", Encoder.simple_string_encoder()).build()
    env.add_source(Numbers()).rebalance().map(lambda n: n, Types.INT()).sink_to(sink).uid("out")
    env.execute("numbers")
"""


def test_a_kill_loses_no_line_and_doubles_none(tmp_path):
    program, gate, out = tmp_path / "program.py", tmp_path / "gate", tmp_path / "out"
    program.write_text(textwrap.dedent(KILLED), encoding="utf-8")
    command = [sys.executable, str(program), str(tmp_path), str(gate)]
    first = subprocess.Popen(command)
    end = time.monotonic() + 60
    # Some of it is visible, and the rest waits.
    while len(lines(out)) < 1_000:
        assert time.monotonic() < end and first.poll() is None
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    gate.touch()
    subprocess.run(command, check=True, timeout=60, env={**os.environ, "MILLSTREAM_RESTORE": "latest"})
    assert lines(out) == sorted(map(str, range(4_000)))
