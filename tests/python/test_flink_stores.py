"""Checkpoints of streams in S3 and HDFS, small files joined there, and what is refused."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from stores import lines, names, new_place

from millstream.flink.common import Configuration, Encoder, Types
from millstream.flink.datastream import StreamExecutionEnvironment
from millstream.flink.datastream.connectors.file_system import (
    BucketAssigner,
    FileCompactor,
    FileCompactStrategy,
    FileSink,
    RollingPolicy,
)

KINDS = pytest.mark.parametrize("kind", ["s3", "hdfs"])

KILLED = """
    import os, sys, time
    from millstream.flink.common import Configuration, Encoder, Types
    from millstream.flink.datastream import StreamExecutionEnvironment
    from millstream.flink.datastream.connectors.file_system import BucketAssigner, FileSink

    place, gate = sys.argv[1], sys.argv[2]
    settings = Configuration().set_string("execution.checkpointing.dir", place + "/checkpoints")
    env = StreamExecutionEnvironment.get_execution_environment(settings).set_parallelism(2)
    env.enable_checkpointing(100)

    class Numbers:
        # Goes on behind the middle once there is a file of this name.
        def read(self, position):
            for number in range(position or 0, 2_000):
                while number >= 1_000 and not os.path.exists(gate):
                    time.sleep(0.002)
                yield number + 1, number

    sink = FileSink.for_row_format(place + "/out", Encoder.simple_string_encoder())
    sink = sink.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner()).build()
    env.add_source(Numbers()).rebalance().map(lambda n: n, Types.INT()).sink_to(sink).uid("out")
    env.execute("numbers")
"""


@KINDS
def test_a_job_goes_on_from_its_checkpoints_in_a_store_after_a_kill(kind, monkeypatch, tmp_path):
    place = new_place(kind, monkeypatch)
    program, gate = tmp_path / "program.py", tmp_path / "gate"
    program.write_text(textwrap.dedent(KILLED), encoding="utf-8")
    command = [sys.executable, str(program), place, str(gate)]
    first = subprocess.Popen(command)
    end = time.monotonic() + 120
    while len(lines(f"{place}/out")) < 800:
        assert time.monotonic() < end and first.poll() is None
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert any(name.endswith("/manifest.json") for name in names(f"{place}/checkpoints"))
    gate.touch()
    subprocess.run(command, check=True, timeout=120, env={**os.environ, "MILLSTREAM_RESTORE": "latest"})
    assert lines(f"{place}/out") == sorted(map(str, range(2_000)))


@KINDS
def test_the_small_files_of_a_checkpoint_are_joined(kind, monkeypatch):
    place = new_place(kind, monkeypatch)
    env = StreamExecutionEnvironment.get_execution_environment()
    strategy = FileCompactStrategy.builder().set_size_threshold(1 << 20).enable_compaction_on_checkpoint(1).build()
    sink = (
        FileSink.for_row_format(f"{place}/out", Encoder.simple_string_encoder())
        .with_bucket_assigner(BucketAssigner.base_path_bucket_assigner())
        .with_rolling_policy(RollingPolicy.default_rolling_policy(part_size=1_000))
        .enable_compact(strategy, FileCompactor.concat_file_compactor())
        .build()
    )
    env.from_collection(list(range(5_000)), Types.INT()).sink_to(sink)
    env.execute()
    assert len(names(f"{place}/out")) == 1
    assert lines(f"{place}/out") == sorted(map(str, range(5_000)))


def test_a_folder_of_checkpoints_in_a_store_that_there_is_not_is_refused_by_its_name():
    settings = Configuration().set_string("execution.checkpointing.dir", "gs://bucket/checkpoints")
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    env.enable_checkpointing(100)
    env.from_collection([1]).print()
    with pytest.raises(ValueError, match="execution.checkpointing.dir is a folder, hdfs://HOST:PORT/PATH or s3://"):
        env.execute()
