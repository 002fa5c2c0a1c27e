"""Stream programs on a cluster of Millstream's: job manager and workers as processes of their own."""

import collections
import os
import signal
import subprocess
import sys
import zipfile

import pytest
from cluster_stage import Cluster, children
from streams import wait_for

WORDS = """
    import sys
    from millstream.flink.datastream import StreamExecutionEnvironment

    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    words = env.from_collection("to be or not to be that is the question".split() * 50)
    counts = words.map(lambda w: (w, 1)).key_by(lambda p: p[0]).reduce(lambda a, b: (a[0], a[1] + b[1]))
    counts.print("counts")
    result = env.execute("words")
    print(result.get_job_id(), file=sys.stderr)
"""


@pytest.fixture
def cluster(tmp_path, request):
    made = Cluster(tmp_path, getattr(request, "param", [1, 1]))
    yield made
    made.close()


def printed(text):
    """The records that were printed, whichever subtask did it."""
    return collections.Counter(line.partition("> ")[2] for line in text.splitlines())


@pytest.mark.parametrize("cluster", [[1, 1], [2]], indirect=True, ids=["two executors", "one executor with two slots"])
def test_word_count_gives_what_it_gives_in_one_process(cluster, program):
    out, said = cluster.run(WORDS)
    alone = program(WORDS)
    assert printed(out) == printed(alone.stdout) and sum(printed(out).values()) == 500, said
    assert "job-1 runs; Ctrl-C cancels it" in said and said.endswith("job-1\n")
    assert cluster.asked("status", "job-1")["name"] == "words"


COUNTING = """
    import sys
    from millstream.flink.common import Configuration, Types
    from millstream.flink.common.serialization import Encoder
    from millstream.flink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
    from millstream.flink.datastream.connectors.file_system import FileSink
    from millstream.flink.datastream.state import ValueStateDescriptor

    folder, gate, end = sys.argv[1], sys.argv[2], int(sys.argv[3])
    settings = Configuration().set_string("execution.checkpointing.dir", folder + "/checkpoints")
    env = StreamExecutionEnvironment.get_execution_environment(settings).set_parallelism(2)
    env.enable_checkpointing(100)

    class Numbers:
        # Goes on behind the middle once there is a file of this name.
        def read(self, position):
            import os, time
            for number in range(position or 0, end):
                while number >= end // 2 and not os.path.exists(gate):
                    time.sleep(0.002)
                yield number + 1, number

    class Count(KeyedProcessFunction):
        def open(self, context):
            self.count = context.get_state(ValueStateDescriptor("count", Types.LONG()))

        def process_element(self, value, ctx):
            count = (self.count.value() or 0) + 1
            if count == 1:
                ctx.timer_service().register_event_time_timer(1 << 40)
            self.count.update(count)
            yield f"{value % 7} {count}"

        def on_timer(self, timestamp, ctx):
            yield f"{ctx.get_current_key()} all {self.count.value()}"

    counts = env.add_source(Numbers()).key_by(lambda x: x % 7).process(Count(), Types.STRING()).uid("count")
    counts.sink_to(FileSink.for_row_format(folder + "/out", Encoder.simple_string_encoder()).build())
    env.execute("counting")
"""


def counted(folder):
    lines = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith((".", "_")):
            lines += path.read_text().splitlines()
    return sorted(lines)


def expected(end):
    lines = []
    for key in range(7):
        count = len(range(key, end, 7))
        lines += [f"{key} {number}" for number in range(1, count + 1)] + [f"{key} all {count}"]
    return sorted(lines)


@pytest.mark.parametrize("cluster", [[1, 1], [2]], indirect=True, ids=["two executors", "one executor with two slots"])
def test_killed_processes_cost_nothing_but_time(cluster, tmp_path):
    gate, data = tmp_path / "gate", tmp_path / "data"
    running = cluster.started(COUNTING, str(data), str(gate), "7000")
    cluster.wait_for_checkpoint()
    executor = next(iter(executors(cluster)))
    helpers = children(executor)
    os.kill(executor, signal.SIGKILL)
    wait_for("the end of its interpreters", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in helpers))
    wait_for("its death in the list", lambda: cluster.asked("status", "job-1")["deaths"])
    cluster.wait_for_checkpoint()
    (master,) = masters(cluster)
    os.kill(master, signal.SIGKILL)
    wait_for("another master", lambda: cluster.asked("status", "job-1")["term"] == 2)
    gate.touch()
    _, said = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert counted(data / "out") == expected(7000)
    assert not executors(cluster) and not masters(cluster)


def executors(cluster):
    """The executors of all workers."""
    return {pid for worker in cluster.workers for pid, name in children(worker.pid).items() if "_cluster.program" in name}


def masters(cluster):
    return {pid for pid, name in children(cluster.processes[0].pid).items() if "_cluster.program" in name}


def test_a_killed_worker_leaves_nothing_behind_and_the_job_goes_on_elsewhere(cluster, tmp_path):
    gate, data = tmp_path / "gate", tmp_path / "data"
    running = cluster.started(COUNTING, str(data), str(gate), "7000")
    cluster.wait_for_checkpoint()
    left = {pid for pid in children(cluster.workers[0].pid)}
    cluster.workers[0].kill()
    wait_for("the end of its executors", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left))
    cluster.add_worker(1)
    gate.touch()
    _, said = running.communicate(timeout=120)
    assert running.returncode == 0, said
    assert counted(data / "out") == expected(7000)


def test_a_stopped_job_goes_on_from_its_savepoint_and_is_rescaled(cluster, tmp_path):
    gate, data = tmp_path / "gate", tmp_path / "data"
    out, _ = cluster.run(COUNTING, str(data), str(gate), "7000", options=["--detach"])
    assert out == "job-1\n"
    cluster.wait_for_checkpoint()
    stopped = cluster.command("stop", "job-1", "--savepoint")
    assert stopped.returncode == 0, stopped.stderr
    wait_for("its end", lambda: cluster.state("job-1") == "canceled")
    running = cluster.started(
        COUNTING, str(data), str(gate), "7000", options=["--detach"], MILLSTREAM_RESTORE="latest"
    )
    assert running.communicate(timeout=60)[0] == "job-2\n"
    cluster.wait_for_checkpoint("job-2")
    rescaled = cluster.command("rescale", "job-2", "--parallelism", "1")
    assert rescaled.returncode == 0, rescaled.stderr
    wait_for("the new parallelism", lambda: cluster.asked("status", "job-2")["parallelism"] == 1)
    gate.touch()
    wait_for("its end", lambda: cluster.state("job-2") == "finished")
    assert counted(data / "out") == expected(7000)


FAILING = """
    import sys
    from millstream.flink.datastream import StreamExecutionEnvironment
    from millstream.flink.errors import JobExecutionException

    def parse(text):
        return int(text)

    env = StreamExecutionEnvironment.get_execution_environment()
    env.from_collection(["1", "2", "x"]).map(parse).name("parse").print()
    try:
        env.execute()
    except JobExecutionException as error:
        print(type(error.__cause__).__name__, error.operator, error.record, error.subtask)
        raise
"""


def test_what_a_function_raises_is_what_the_program_is_told(cluster, program):
    out, said = cluster.run(FAILING, code=1)
    assert "ValueError parse 'x' 0\n" in out
    alone = program(FAILING)
    told = said[said.index("Traceback") :]
    # As in one process: the function's own traceback, then where.
    assert told.splitlines()[-3:] == alone.stderr.splitlines()[-3:]
    assert "invalid literal for int() with base 10: 'x'" in said
    assert "in operator `parse`, subtask 1, attempt 1, at the record 'x'" in said
    view = cluster.asked("status", "job-1")
    assert view["state"] == "failed" and "invalid literal" in view["failure"]


def test_modules_requirements_and_archives_are_there_where_functions_run(cluster, tmp_path):
    shipped = tmp_path / "elsewhere"
    (shipped / "folder" / "packed").mkdir(parents=True)
    (shipped / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    (shipped / "folder" / "packed" / "__init__.py").write_text("OFFSET = 100\n")
    with zipfile.ZipFile(shipped / "data.zip", "w") as archive:
        archive.writestr("inner/number.txt", "1000")
    source = tmp_path / "required"
    (source / "wanted_by_test").mkdir(parents=True)
    (source / "wanted_by_test" / "__init__.py").write_text("FACTOR = 10\n")
    cache = shipped / "cache"
    cache.mkdir()
    with zipfile.ZipFile(cache / "wanted_by_test-1.0-py3-none-any.whl", "w") as wheel:
        wheel.write(source / "wanted_by_test" / "__init__.py", "wanted_by_test/__init__.py")
        info = "wanted_by_test-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: wanted-by-test\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (shipped / "requirements.txt").write_text("wanted-by-test==1.0\n")
    out, _ = cluster.run(
        """
        import sys
        from millstream.flink.datastream import StreamExecutionEnvironment

        env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
        env.add_python_file("elsewhere/helper.py")
        env.add_python_file("elsewhere/folder")
        env.add_python_archive("elsewhere/data.zip", "data")
        env.set_python_requirements("elsewhere/requirements.txt", "elsewhere/cache")

        def all_of_it(x):
            import helper, packed, wanted_by_test
            with open("data/inner/number.txt") as file:
                return helper.double(x) * wanted_by_test.FACTOR + packed.OFFSET + int(file.read())

        env.from_collection([1, 2, 3]).rebalance().map(all_of_it).print()
        env.execute()
        """
    )
    assert printed(out) == collections.Counter(["1120", "1140", "1160"])


def fake_interpreter(folder, version):
    """This interpreter, which says that it is of another version."""
    (folder / "fake").mkdir()
    (folder / "fake" / "sitecustomize.py").write_text(
        f"import sys\nclass Version(tuple):\n    pass\nsys.version_info = {version!r} + ('final', 0)\n"
    )
    script = folder / "fake-python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={folder / "fake"} exec {sys.executable} "$@"\n')
    script.chmod(0o755)
    return str(script)


def test_an_interpreter_of_another_version_is_refused_with_what_differs(tmp_path):
    own = "%d.%d" % sys.version_info[:2]
    cluster = Cluster(tmp_path, [1, 1], fake_interpreter(tmp_path, (3, 98, 0)))
    try:
        _, said = cluster.run(WORDS, code=1)
    finally:
        cluster.close()
    assert f"Python {own} there and 3.98 here" in said
    assert "start the workers and the job manager with --python INTERPRETER" in said


def test_an_old_interpreter_and_one_that_is_missing_are_named(tmp_path):
    for number, (python, what) in enumerate(
        [
            (fake_interpreter(tmp_path, (3, 8, 1)), "is older than Python 3.9"),
            (str(tmp_path / "no-python"), "no-python cannot be started"),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        cluster = Cluster(folder, [1, 1], python)
        try:
            cluster.run(WORDS, options=["--detach"])
            deaths = wait_for("a death", lambda: cluster.asked("status", "job-1")["deaths"])
            assert any(what in death["what"] for death in deaths), deaths
        finally:
            cluster.close()


ENDLESS = """
    from millstream.flink.datastream import StreamExecutionEnvironment

    def numbers():
        import itertools, time
        for number in itertools.count():
            time.sleep(0.001)
            yield number

    import sys
    from millstream.flink.common import Configuration
    settings = Configuration().set_string("execution.shutdown-on-attached-exit", sys.argv[1])
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    env.add_source(numbers).map(lambda x: x).add_sink(lambda x: None)
    env.execute("endless")
"""


@pytest.mark.parametrize("tied", ["false", "true"])
def test_ctrl_c_cancels_the_job(cluster, tied):
    running = cluster.started(ENDLESS, tied)
    wait_for("the job", lambda: cluster.state("job-1") == "running")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode in (130, -signal.SIGINT), said
    assert "cancels job-1" in said
    assert cluster.state("job-1") == "canceled"
    assert not executors(cluster) and not masters(cluster)


def test_a_program_that_was_killed_leaves_its_job_alone(cluster):
    running = cluster.started(ENDLESS, "false")
    wait_for("the job", lambda: cluster.state("job-1") == "running")
    running.kill()
    running.communicate()
    assert cluster.state("job-1") == "running"
    assert cluster.command("cancel", "job-1").returncode == 0


def test_a_job_that_is_tied_to_its_program_ends_with_it(cluster):
    running = cluster.started(ENDLESS, "true")
    wait_for("the job", lambda: cluster.state("job-1") == "running")
    running.kill()
    # Not what it said: the one who ends the job has the same pipes.
    running.wait()
    wait_for("the job's end", lambda: cluster.state("job-1") == "canceled")


def test_a_client_of_a_script_sees_and_directs_its_job(cluster, program):
    ended = program(
        """
        import sys, time
        from millstream.flink.common import Configuration
        from millstream.flink.datastream import StreamExecutionEnvironment
        from millstream.flink.errors import JobCancellationException

        host, _, port = sys.argv[1].partition(":")
        settings = Configuration().set_string("execution.checkpointing.dir", sys.argv[2])
        env = StreamExecutionEnvironment.create_remote_environment(host, int(port), settings)
        env.enable_checkpointing(50)

        def numbers():
            import itertools, time
            for number in itertools.count():
                time.sleep(0.001)
                yield number

        def started():
            env.add_source(numbers).map(lambda x: x).add_sink(lambda x: None)
            client = env.execute_async("endless")
            while client.get_job_status().result().name != "RUNNING":
                time.sleep(0.01)
            return client

        client = started()
        print(client.get_job_id(), client)
        path = client.stop_with_savepoint(False).result()
        print(path.startswith(sys.argv[2] + "/savepoint-"), client.get_job_status().result().name)
        print(client.get_job_execution_result().result().get_job_id())
        client = started()
        client.cancel().result()
        try:
            client.get_job_execution_result().result()
        except JobCancellationException as error:
            print(client.get_job_status().result().name, error)
        """,
        cluster.rest,
        str(cluster.folder / "checkpoints"),
    )
    assert ended.stdout.splitlines() == [
        "job-1 <JobClient 'endless' RUNNING>",
        "True CANCELED",
        "job-1",
        "CANCELED the job was cancelled",
    ], ended.stderr


REFUSALS = {
    "execute_and_collect() does not work on a cluster": "env.from_collection([1]).execute_and_collect()",
    "on a cluster checkpoints need a folder that all its machines reach": "env.from_collection([1]).print(); "
    "env.enable_checkpointing(100); env.execute()",
    "cannot be sent to a task": "env.add_source(n for n in [1]).print(); env.execute()",
    "there is no file 'none.txt'": "env.set_python_requirements('none.txt')",
    "register_cached_file does not work on a cluster yet": "env.register_cached_file(__file__, 'x')",
    "is the name of a folder, not 'a/b'": "env.add_python_archive(__file__, 'a/b')",
}


@pytest.mark.parametrize("what", REFUSALS, ids=range(len(REFUSALS)))
def test_what_cannot_be_sent_is_refused_before_anything_runs(what, program):
    text = f"""
        from millstream.flink.datastream import StreamExecutionEnvironment
        env = StreamExecutionEnvironment.create_remote_environment("127.0.0.1", 9)
        {REFUSALS[what]}
    """
    ended = program(text)
    assert what in ended.stderr and ended.returncode == 1


def test_where_no_job_manager_is_the_program_is_told_so(program):
    ended = program(
        """
        from millstream.flink.datastream import StreamExecutionEnvironment
        env = StreamExecutionEnvironment.create_remote_environment("127.0.0.1", 9)
        env.from_collection([1]).print()
        env.execute()
        """
    )
    assert "ConnectionError: no job manager answers at 127.0.0.1:9" in ended.stderr
