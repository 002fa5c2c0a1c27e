"""Sources and sinks, and what a job says of itself."""

import threading

import pytest

from millstream.flink.common import Configuration, Duration, JobStatus, WatermarkStrategy
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import ProcessFunction, StreamExecutionEnvironment
from millstream.flink.datastream.connectors.file_system import FileSource, StreamFormat
from millstream.flink.datastream.connectors.number_seq import NumberSequenceSource
from millstream.flink.datastream.functions import SinkFunction, SourceFunction
from millstream.flink.errors import JobCancellationException

NONE = WatermarkStrategy.no_watermarks()


@pytest.fixture(params=[1, 2])
def env(request):
    return StreamExecutionEnvironment.get_execution_environment().set_parallelism(request.param)


def gathered(stream):
    return sorted(stream.execute_and_collect())


def test_numbers_are_read_in_runs_by_all_subtasks(env):
    numbers = env.from_source(NumberSequenceSource(-3, 10_000), NONE, "numbers")
    assert gathered(numbers) == list(range(-3, 10_001))
    assert (
        sum(env.from_source(NumberSequenceSource(1, 4), NONE, "n").map(lambda x: x).execute_and_collect())
        == 10
    )
    with pytest.raises(ValueError, match="the end is not below the start, 3 and 1 were given"):
        NumberSequenceSource(3, 1)


def test_a_source_has_its_own_times(env):
    class Own(TimestampAssigner):
        def extract_timestamp(self, value, record_timestamp):
            return value * 10

    class Times(ProcessFunction):
        def process_element(self, value, ctx):
            yield value, ctx.timestamp()

    strategy = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_millis(1)).with_timestamp_assigner(
        Own()
    )
    numbers = env.from_source(NumberSequenceSource(1, 3), strategy, "numbers")
    assert gathered(numbers.process(Times())) == [(1, 10), (2, 20), (3, 30)]


def test_lines_of_files_are_records(env, tmp_path):
    (tmp_path / "one.txt").write_text("to be\nor not\r\n", encoding="utf-8")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "two.txt").write_text("ärger\nlast", encoding="latin-1")
    (tmp_path / ".hidden").write_text("no", encoding="utf-8")

    def source(charset, *paths):
        return FileSource.for_record_stream_format(StreamFormat.text_line_format(charset), *paths).build()

    all_of_it = env.from_source(source("latin-1", str(tmp_path)), NONE, "files")
    assert gathered(all_of_it) == ["last", "or not", "to be", "ärger"]
    with pytest.raises(Exception, match=r"two\.txt, behind byte 0: a line is no text in UTF-8"):
        gathered(env.from_source(source("UTF-8", str(tmp_path / "deeper")), NONE, "files"))
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        gathered(env.from_source(source("UTF-8", f"file://{tmp_path}/none"), NONE, "files"))
    with pytest.raises(ValueError, match="'utf-7-bit' is unknown"):
        source("utf-7-bit", "x")


def test_iterables_and_functions_that_give_them_are_sources(env):
    class Three:
        def __iter__(self):
            return iter((1, 2, 3))

    def letters():
        yield from "ab"

    assert gathered(env.add_source([1, 2])) == [1, 2]
    assert gathered(env.add_source(Three()).map(lambda x: x)) == [1, 2, 3]
    assert gathered(env.add_source(letters)) == ["a", "b"]
    assert gathered(env.add_source(iter([5]))) == [5]
    assert gathered(env.add_source(SourceFunction([7]))) == [7]
    with pytest.raises(
        TypeError, match="add_source takes an iterable, a function that gives one, or an object with"
    ):
        env.add_source("text")
    with pytest.raises(TypeError, match="from_source takes a source such as NumberSequenceSource"):
        env.from_source([1], NONE, "list")


def test_a_source_that_waits_for_the_world_keeps_nobody_waiting(env):
    gate = threading.Event()

    def one_and_wait():
        yield 1
        gate.wait()

    found = (
        env.add_source(one_and_wait).union(env.from_collection([2])).map(lambda x: x).execute_and_collect()
    )
    assert sorted([next(found), next(found)]) == [1, 2]
    found.close()
    gate.set()


def test_sinks_are_functions_and_objects(env, tmp_path):
    class Append:
        def __init__(self, name):
            self.path = str(tmp_path / name)

        def invoke(self, value):
            with open(self.path, "a") as file:
                file.write(f"{value}\n")

    numbers = env.from_collection([1, 2])
    numbers.add_sink(Append("object"))
    numbers.add_sink(SinkFunction(Append("function").invoke))
    numbers.key_by(lambda x: x).sink_to(Append("keyed")).name("files").set_parallelism(1)
    env.execute()
    for name in ("object", "function", "keyed"):
        assert sorted((tmp_path / name).read_text().split()) == ["1", "2"]


def test_a_client_says_what_its_job_does(env):
    gate = threading.Event()

    def wait():
        yield 1
        gate.wait()

    env.add_source(wait).map(lambda x: x).add_sink(str)
    client = env.execute_async("waits")
    assert client.get_job_status().result() is JobStatus.RUNNING
    assert "waits" in repr(client) and len(str(client.get_job_id())) == 32
    with pytest.raises(ValueError, match="a savepoint needs a folder: enable_checkpointing"):
        client.trigger_savepoint().result()
    gate.set()
    result = client.get_job_execution_result().result()
    assert result.get_job_id() == client.get_job_id() and result.get_net_runtime() >= 0
    assert client.get_job_status().result() is JobStatus.FINISHED
    client.cancel().result()
    assert client.get_job_status().result() is JobStatus.FINISHED


def test_closing_the_environment_cancels_its_jobs(env):
    env.add_source(lambda: iter(int, 1)).map(lambda x: x).add_sink(str)
    client = env.execute_async()
    env.close()
    assert client.get_job_status().result() is JobStatus.CANCELED
    with pytest.raises(JobCancellationException):
        client.get_job_execution_result().result()


def test_parameters_of_the_job_reach_functions(env):
    class Asks(ProcessFunction):
        def open(self, runtime_context):
            self.said = runtime_context.get_job_parameter("greeting", "none")
            self.other = runtime_context.get_job_parameter("absent", "none")
            runtime_context.get_metrics_group().counter("opened").inc()
            assert runtime_context.get_metrics_group().counter("opened").get_count() == 1

        def process_element(self, value, ctx):
            yield self.said, self.other

    env.get_config().set_global_job_parameters({"greeting": "hello"})
    assert gathered(env.from_collection([1]).process(Asks())) == [("hello", "none")]


def test_modules_that_are_added_are_found_by_functions(tmp_path):
    (tmp_path / "added_for_a_test.py").write_text("ANSWER = 42\n", encoding="utf-8")
    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    env.add_python_file(str(tmp_path / "added_for_a_test.py"))

    def answer(_):
        import added_for_a_test

        return added_for_a_test.ANSWER

    assert gathered(env.from_collection([1]).map(answer)) == [42]
    with pytest.raises(ValueError, match="there is no"):
        env.add_python_file(str(tmp_path / "none.py"))


def test_settings_are_taken_by_name():
    settings = (
        Configuration().set_integer("parallelism.default", 2).set_integer("pipeline.max-parallelism", 4)
    )
    settings.set_string("execution.checkpointing.interval", "250ms").set_string(
        "execution.runtime-mode", "batch"
    )
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    assert (env.get_parallelism(), env.get_max_parallelism(), env.get_checkpoint_interval()) == (2, 4, 250)
    sums = env.from_collection(range(8)).key_by(lambda x: x % 2).reduce(lambda a, b: a + b)
    assert gathered(sums) == [12, 16]


def test_connectors_that_are_not_there_are_refused_by_name(env):
    with pytest.raises(
        ImportError, match=r"connectors\.pulsar is not supported here yet; add_source takes any"
    ):
        from millstream.flink.datastream.connectors.pulsar import PulsarSource  # noqa: F401
    with pytest.raises(NotImplementedError, match="add_python_archive is not supported here"):
        env.add_python_archive("data.zip")
    with pytest.raises(
        NotImplementedError, match="FileSource.for_bulk_file_format is not supported here yet"
    ):
        FileSource.for_bulk_file_format(None, "x")
    builder = FileSource.for_record_stream_format(StreamFormat.text_line_format(), "x", "y")
    with pytest.raises(NotImplementedError, match="several paths cannot be monitored by one source yet"):
        builder.monitor_continuously(Duration.of_seconds(1))
