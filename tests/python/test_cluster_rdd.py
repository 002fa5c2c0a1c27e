"""RDDs of Python on a cluster of real processes: a job manager, workers, executors, worker interpreters, and a driver here."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
from cluster_stage import MILLSTREAM, Cluster, children
from streams import wait_for

from millstream.errors import TaskError
from millstream.spark import SparkConf, SparkContext, SparkFiles
from millstream.spark.errors import PySparkValueError

HERE = Path(__file__).parent


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path, [1, 1])
    yield made
    made.close()


@pytest.fixture
def far(cluster):
    with SparkContext("millstream://" + cluster.rest, "far") as context:
        yield context


def executors(cluster):
    """The interpreters that workers have started."""
    return [pid for worker in cluster.workers for pid in children(worker.pid)]


def is_there(pid):
    """Whether a process runs: one that has ended and was not asked for has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def slots_free(cluster):
    jobs = cluster.asked("list")
    return sum(job["slots"] for job in jobs) == 0


def test_words_are_counted(far, cluster):
    lines = far.parallelize(["to be or not", "to be that is"], 3)
    counts = lines.flatMap(str.split).map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b)
    assert sorted(counts.collect()) == [("be", 2), ("is", 1), ("not", 1), ("or", 1), ("that", 1), ("to", 2)]
    places = far.range(4).mapPartitions(lambda _: [os.getpid()]).collect()
    assert os.getpid() not in places
    inside = {pid for one in executors(cluster) for pid in children(one)}
    assert set(places) <= inside, "tasks run in interpreters that the cluster started"


@pytest.mark.usefixtures("hash_of_the_captures")
def test_the_programs_print_on_a_cluster_what_pyspark_prints(cluster):
    for path in sorted((HERE / "programs").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "StreamingContext" in text or "local[2]" not in text and "local" not in text:
            continue
        text = re.sub(r'SparkContext\("local[^"]*"', f'SparkContext("millstream://{cluster.rest}"', text)
        program = cluster.folder / path.name
        program.write_text(text, encoding="utf-8")
        ended = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, encoding="utf-8", timeout=120)
        assert ended.returncode == 0, (path.name, ended.stderr)
        assert ended.stdout == (HERE / "expected" / f"{path.stem}.txt").read_text(encoding="utf-8"), path.name
        wait_for("slots", lambda: slots_free(cluster))


def test_a_program_runs_where_the_command_says(cluster):
    out, _ = cluster.run(
        """
        from millstream.spark import SparkContext
        sc = SparkContext(appName="anywhere")
        print(sc.master.startswith("millstream://"), sc.applicationId, sc.range(100, numSlices=4).sum())
        """
    )
    assert out == "True job-1 4950\n"
    assert cluster.state("job-1") == "finished"


def test_what_is_large_is_lent_and_broadcast_and_added_up(far):
    table = far.broadcast({number: number * number for number in range(50_000)})
    large = bytes(200_000)
    seen = far.accumulator(0)

    def look(number):
        seen.add(1)
        return table.value[number] + len(large)

    numbers = far.parallelize([n for n in range(10_000)], 5)
    assert numbers.map(look).sum() == sum(n * n for n in range(10_000)) + 10_000 * 200_000
    assert seen.value == 10_000
    pairs = numbers.map(lambda n: (look(n) % 7, 1)).reduceByKey(lambda a, b: a + b)
    assert sum(dict(pairs.collect()).values()) == 10_000
    assert seen.value == 20_000, "what map tasks add counts as well"
    table.destroy()
    with pytest.raises(Exception, match="was destroyed"):
        numbers.map(look).count()


def test_partitions_are_kept_over_two_shuffles_in_a_loop(far):
    links = far.parallelize([(n % 50, n) for n in range(500)], 4).groupByKey().mapValues(sorted).cache()
    computed = far.accumulator(0)

    def noted(pair):
        computed.add(1)
        return pair

    links = links.map(noted, preservesPartitioning=True).cache()
    assert links.count() == 50
    ranks = links.mapValues(lambda _: 1.0)
    for _ in range(3):
        parts = links.join(ranks).flatMap(lambda pair: [(to % 50, pair[1][1] / 10) for to in pair[1][0]])
        ranks = parts.reduceByKey(lambda a, b: a + b).mapValues(lambda rank: round(rank, 6))
        assert dict(ranks.collect()) == {n: 1.0 for n in range(50)}
    assert computed.value == 50, "the kept data set was computed once"


def test_files_and_modules_that_are_added_are_there(far, tmp_path):
    (tmp_path / "helper_of_far.py").write_text("def double(x):\n    return 2 * x\n")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("packed_of_far/__init__.py", "OFFSET = 1000\n")
    (tmp_path / "number.txt").write_text("100")
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "one.txt").write_text("1")
    assert far.range(3).sum() == 3
    # Behind the first job: interpreters that run already do not know of them.
    far.addPyFile(str(tmp_path / "helper_of_far.py"))
    far.addPyFile(str(tmp_path / "packed.zip"))
    far.addFile(str(tmp_path / "number.txt"))
    far.addFile(str(tmp_path / "tree"), recursive=True)

    def all_of_it(x):
        import helper_of_far
        import packed_of_far

        assert "added-files" in SparkFiles.get("number.txt")
        with open(SparkFiles.get("number.txt")) as one, open(SparkFiles.get("tree/deep/one.txt")) as other:
            return helper_of_far.double(x) + packed_of_far.OFFSET + int(one.read()) + int(other.read())

    assert far.parallelize([1, 2], 2).map(all_of_it).collect() == [1103, 1105]


def test_files_are_read_and_written(far, tmp_path):
    source, target = tmp_path / "in.txt", tmp_path / "out"
    source.write_text("".join(f"line {number}\n" for number in range(1000)))
    lines = far.textFile(str(source), 4)
    assert (lines.count(), lines.first(), lines.take(2)) == (1000, "line 0", ["line 0", "line 1"])
    lines.map(str.upper).sortBy(lambda line: -int(line.split()[1]), numPartitions=3).saveAsTextFile(str(target))
    assert sorted(path.name for path in target.iterdir()) == ["_SUCCESS", "part-00000", "part-00001", "part-00002"]
    written = "".join((target / f"part-0000{at}").read_text() for at in range(3)).splitlines()
    assert written == [f"LINE {number}" for number in reversed(range(1000))]


def test_a_function_that_fails_is_told_of_as_at_home(far):
    def unlucky(x):
        return 1 // (x - 13)

    with pytest.raises(TaskError) as raised:
        far.range(20, numSlices=4).map(unlucky).collect()
    error = raised.value
    assert "1 // (x - 13)" in str(error) and isinstance(error.__cause__, ZeroDivisionError)
    assert (error.partition, error.operator, error.record) == (2, "map", "13")
    assert far.range(3).sum() == 3, "the context goes on"


SLOW = """
    import os, sys, time
    from millstream.spark import SparkContext

    sc = SparkContext()
    log, wait = sys.argv[1], sys.argv[2]

    def noted(what):
        def note(index, records):
            with open(os.path.join(log, f"{what}-{index}"), "a") as file:
                file.write("x")
            return records
        return note

    def waits(index, records):
        open(os.path.join(log, f"waits-{index}"), "w").close()
        while not os.path.exists(wait):
            time.sleep(0.01)
        return records

    pairs = sc.parallelize([(n % 10, n) for n in range(1000)], 8).mapPartitionsWithIndex(noted("made"))
    sums = pairs.reduceByKey(lambda a, b: a + b, 4).mapPartitionsWithIndex(noted("kept")).cache()
    print(sorted(sums.collect()))
    print(sorted(sums.mapPartitionsWithIndex(waits).mapValues(lambda n: n * 2).reduceByKey(lambda a, b: a).collect()))
"""
SUMS = [(key, sum(n for n in range(1000) if n % 10 == key)) for key in range(10)]
PRINTED = f"{SUMS}\n{[(key, 2 * n) for key, n in SUMS]}\n"


@pytest.mark.parametrize("victim", ["executor", "interpreter", "worker"])
def test_what_is_killed_costs_only_what_it_had(tmp_path, victim):
    cluster = Cluster(tmp_path, [1, 1])
    log, wait = tmp_path / "log", tmp_path / "wait"
    log.mkdir()
    try:
        running = cluster.started(SLOW, str(log), str(wait))
        wait_for("tasks in the middle", lambda: len(list(log.glob("waits-*"))) >= 2)
        worker = next(worker for worker in cluster.workers if children(worker.pid))
        executor = next(iter(children(worker.pid)))
        inside = next(iter(children(executor)))
        os.kill({"executor": executor, "interpreter": inside, "worker": worker.pid}[victim], signal.SIGKILL)
        if victim != "interpreter":
            wait_for("its end", lambda: executor not in executors(cluster))
        wait.touch()
        out, said = running.communicate(timeout=120)
    finally:
        cluster.close()
    assert (out, running.returncode) == (PRINTED, 0), said
    made = {path.name: len(path.read_text()) for path in log.glob("made-*")}
    kept = {path.name: len(path.read_text()) for path in log.glob("kept-*")}
    assert len(made) == 8 and len(kept) == 4
    again = [name for name, times in [*made.items(), *kept.items()] if times > 1]
    if victim == "interpreter":
        assert again == [], "blocks and kept partitions are not the interpreter's"
    else:
        assert any(name.startswith("kept") for name in again), "what was kept there is made again"
        assert set(made.values()) | set(kept.values()) <= {1, 2}
        assert len(again) < 12, "what others had is not"


def test_a_driver_that_is_killed_leaves_no_process_and_no_slot_taken(cluster, tmp_path):
    log = tmp_path / "log"
    log.mkdir()
    running = cluster.started(SLOW, str(log), str(tmp_path / "never"))
    wait_for("tasks in the middle", lambda: len(list(log.glob("waits-*"))) >= 2)
    all_of_it = executors(cluster)
    all_of_it += [pid for one in all_of_it for pid in children(one)]
    assert len(all_of_it) >= 4
    running.kill()
    running.wait()
    wait_for("the end of all", lambda: not any(is_there(pid) for pid in all_of_it))
    view = cluster.asked("status", "job-1")
    assert view["state"] == "failed" and "the program that submitted it is gone" in view["failure"]
    wait_for("slots", lambda: slots_free(cluster))
    with SparkContext("millstream://" + cluster.rest) as sc:
        assert sc.range(10).sum() == 45


def test_a_job_that_is_cancelled_tells_its_driver(cluster):
    with SparkContext("millstream://" + cluster.rest) as sc:
        assert sc.range(10).sum() == 45
        assert cluster.command("cancel", sc.applicationId).returncode == 0
        with pytest.raises(RuntimeError, match="the job of this program has ended on the cluster"):
            sc.range(10).sum()
    assert cluster.state("job-1") == "canceled"


def test_ctrl_c_stops_the_job_and_its_tasks(cluster, tmp_path):
    log = tmp_path / "log"
    log.mkdir()
    running = cluster.started(SLOW, str(log), str(tmp_path / "never"))
    wait_for("tasks in the middle", lambda: len(list(log.glob("waits-*"))) >= 2)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode in (130, -signal.SIGINT) and "KeyboardInterrupt" in said
    wait_for("the end of all", lambda: not executors(cluster))


def test_a_program_that_cannot_run_on_the_cluster_says_why(cluster, program, tmp_path):
    for master, what in [
        ("millstream://127.0.0.1:9", "ConnectionError: no job manager answers at 127.0.0.1:9"),
        ("millstream://nobody", "is no address of a job manager"),
        ("mesos://x", "`millstream://HOST:PORT` on a cluster"),
    ]:
        ended = program(f"from millstream.spark import SparkContext\nSparkContext({master!r})")
        assert ended.returncode == 1 and what in ended.stderr
    conf = SparkConf().setMaster("millstream://" + cluster.rest).set("spark.cores.max", "none")
    with pytest.raises(PySparkValueError, match="spark.cores.max is 'none'"):
        SparkContext(conf=conf)
    conf = SparkConf().setMaster("millstream://" + cluster.rest).set("spark.driver.bindAddress", "0.0.0.0")
    with pytest.raises(RuntimeError, match="is beyond this machine, and connections there are not encrypted"):
        SparkContext(conf=conf)
    assert cluster.asked("list") == [], "nothing was submitted"
    _, said = cluster.run("from millstream.spark import SparkContext\nSparkContext()", options=["--detach"], code=1)
    assert "it cannot be left alone with --detach" in said
    out, said = cluster.run("from millstream.spark import SparkContext\nprint(SparkContext('local').range(3).sum())")
    assert out == "3\n" and "the program sets the master 'local' itself" in said


def test_a_cluster_with_token_and_certificates(tmp_path):
    token, certs = tmp_path / "token", tmp_path / "certs"
    subprocess.run([MILLSTREAM, "token", str(token)], check=True)
    subprocess.run([MILLSTREAM, "certs", str(certs)], check=True, capture_output=True)
    access = ["--token-file", str(token), "--tls", str(certs / "cluster")]
    facts, processes = tmp_path / "facts", []
    try:
        start = [MILLSTREAM, "jobmanager", "--port", "0", "--rest-port", "0", "--facts", str(facts), *access]
        processes.append(subprocess.Popen(start, stderr=subprocess.DEVNULL))
        wait_for("the job manager", facts.exists)
        told = json.loads(facts.read_text())
        start = [MILLSTREAM, "worker", "--manager", told["workers"], "--slots", "2", *access]
        processes.append(subprocess.Popen(start, stderr=subprocess.DEVNULL))
        conf = SparkConf().setMaster("millstream://" + told["rest"])
        with pytest.raises(RuntimeError, match="ask with certificates"):
            SparkContext(conf=conf)
        conf.set("millstream.tls", str(certs / "cluster"))
        conf.set("millstream.token-file", str(token))
        with SparkContext(conf=conf) as sc:
            assert sc.parallelize(range(100), 4).map(lambda n: (n % 3, 1)).reduceByKey(lambda a, b: a + b).count() == 3
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_where_an_interpreter_differs_the_program_is_told(tmp_path):
    from test_flink_cluster import fake_interpreter

    cluster = Cluster(tmp_path, [1], fake_interpreter(tmp_path, (3, 98, 0)))
    try:
        with SparkContext("millstream://" + cluster.rest) as sc:
            with pytest.raises(RuntimeError, match="and 3.98 here"):
                sc.range(3).sum()
    finally:
        cluster.close()


def test_a_program_of_two_threads_runs_its_actions_in_turn(far):
    import threading

    results = {}

    def one(number):
        results[number] = far.range(1000, numSlices=4).map(lambda n: n * number).sum()

    threads = [threading.Thread(target=one, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: 499500 * number for number in range(4)}


def test_a_program_that_fails_leaves_a_failed_job(cluster):
    _, said = cluster.run("from millstream.spark import SparkContext\nsc = SparkContext()\nraise KeyError('lost')", code=1)
    assert "KeyError: 'lost'" in said
    view = cluster.asked("status", "job-1")
    assert (view["state"], view["failure"]) == ("failed", "KeyError: 'lost'")


def test_a_stream_in_batches_runs_its_jobs_there(far):
    from millstream.spark.streaming import StreamingContext

    stream = StreamingContext(far, 0.1)
    seen = []
    queue = [[("a", 1), ("b", 2), ("a", 3)], [("a", 10)], [("b", 5)]]
    counts = stream.queueStream([far.parallelize(batch, 2) for batch in queue]).reduceByKey(lambda a, b: a + b)
    sums = counts.updateStateByKey(lambda new, old: sum(new) + (old or 0))
    places = counts.mapPartitions(lambda _: [os.getpid()])
    sums.foreachRDD(lambda rdd: seen.append(dict(rdd.collect())))
    away = []
    places.foreachRDD(lambda rdd: away.extend(rdd.collect()))
    stream.start()
    wait_for("three batches", lambda: {"a": 14, "b": 7} in seen)
    stream.stop(stopSparkContext=False)
    assert seen[:2] == [{"a": 4, "b": 2}, {"a": 14, "b": 2}]
    assert away and os.getpid() not in away
