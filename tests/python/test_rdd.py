"""Data sets, in this process and in workers."""

import itertools
import os
import time

import pytest

from millstream.spark import RDD, SparkConf, SparkContext, SparkFiles, StorageLevel, TaskContext


def test_take_asks_for_no_more_than_it_takes(sc):
    endless = sc.parallelize([0], 1).flatMap(lambda _: itertools.count())
    assert endless.filter(lambda n: n % 2).take(3) == [1, 3, 5]


def test_a_record_goes_through_all_steps_before_the_next(sc):
    order = sc.accumulator(0)

    def check(n):
        # The first step has counted just the records up to this one.
        return n

    seen = sc.parallelize([1, 2, 3], 1).map(lambda n: (n, order.add(1))).map(lambda pair: check(pair[0]))
    assert seen.take(1) == [1] and order.value == 1


def test_captured_variables_are_copies(sc):
    seen = []
    sc.parallelize([1, 2], 1).foreach(seen.append)
    assert seen == []


def test_functions_are_pickled_when_the_first_job_needs_them(sc):
    factor = 1
    numbers = sc.parallelize([1, 2], 1).map(lambda n: n * factor)
    factor = 10
    assert numbers.collect() == [10, 20]


def test_kept_partitions_are_not_computed_again(sc):
    for level in (StorageLevel.MEMORY_ONLY, StorageLevel.MEMORY_AND_DISK, StorageLevel.DISK_ONLY):
        computed = sc.accumulator(0)
        kept = sc.parallelize(range(6), 2).map(lambda n: computed.add(1) or n).persist(level)
        assert kept.take(1) == [0], "a part of a partition is not kept"
        before = computed.value
        assert kept.collect() == kept.collect() == list(range(6)) and computed.value == before + 6
        kept.unpersist()
        assert kept.sum() == 15 and computed.value == before + 12


def test_a_kept_data_set_in_the_middle_is_used(sc):
    computed = sc.accumulator(0)
    kept = sc.parallelize([("a", 1), ("b", 2)], 2).map(lambda pair: computed.add(1) or pair).cache()
    kept.count()
    assert sorted(kept.reduceByKey(lambda a, b: a + b).union(kept).collect()) == [("a", 1)] * 2 + [("b", 2)] * 2
    assert computed.value == 2


def test_a_checkpoint_is_read_and_not_computed_again(sc, tmp_path):
    sc.setCheckpointDir(str(tmp_path))
    computed = sc.accumulator(0)
    numbers = sc.parallelize(range(4), 2).map(lambda n: computed.add(1) or n)
    numbers.checkpoint()
    assert not numbers.isCheckpointed()
    assert numbers.map(str).collect() == ["0", "1", "2", "3"] and numbers.isCheckpointed()
    before = computed.value
    assert numbers.collect() == [0, 1, 2, 3] and computed.value == before
    assert os.path.isdir(numbers.getCheckpointFile())


def test_a_task_knows_where_it_is(sc):
    places = sc.parallelize(range(4), 4).map(
        lambda _: (TaskContext.get().partitionId(), TaskContext.get().attemptNumber())
    )
    assert places.collect() == [(at, 0) for at in range(4)]
    assert TaskContext.get() is None


def test_classes_of_the_program_travel(sc):
    class Point:
        def __init__(self, x):
            self.x = x

    points = sc.parallelize([1, 2], 2).map(Point)
    assert [point.x for point in points.collect()] == [1, 2]


def test_names_have_their_pep8_spelling(sc):
    pairs = sc.parallelize([("a", 1), ("a", 2)], num_slices=2)
    assert pairs.reduce_by_key(lambda a, b: a + b, num_partitions=3).get_num_partitions() == 3
    assert pairs.flatmap(lambda pair: pair).collect() == pairs.flat_map(lambda pair: pair).collect()
    assert sc.default_parallelism == sc.defaultParallelism and RDD.save_as_text_file and RDD.zip_with_index


def test_python_files_and_plain_files_reach_tasks(sc, tmp_path):
    (tmp_path / "shipped_module.py").write_text("ANSWER = 42\n")
    (tmp_path / "table.txt").write_text("seven\n")
    sc.addPyFile(str(tmp_path / "shipped_module.py"))
    sc.addFile(str(tmp_path / "table.txt"))

    def look(_):
        import shipped_module

        with open(SparkFiles.get("table.txt")) as file:
            return shipped_module.ANSWER, file.read()

    assert sc.parallelize([0, 1], 2).map(look).collect() == [(42, "seven\n")] * 2


@pytest.mark.parametrize("master", ["local", "local[2]"])
def test_spilled_blocks_are_read_back(master, tmp_path):
    conf = SparkConf().set("spark.driver.memory", "1m").set("spark.local.dir", str(tmp_path))
    with SparkContext(master, "spills", conf=conf) as sc:
        numbers = sc.range(200_000, numSlices=2).map(lambda n: (n % 50_000, "x" * 20))
        groups = numbers.groupByKey(3)
        assert groups.mapValues(len).values().countByValue() == {4: 50_000}
        *_, spilled = sc._engine.counters()
        assert spilled > 0 and spill_files(os.getpid(), tmp_path), "six megabytes do not fit into one"
        kept = groups.mapValues(len).persist(StorageLevel.MEMORY_AND_DISK)
        assert kept.count() == kept.count() == 50_000


def spill_files(pid, folder):
    """The files of a folder that a process has open. Spill files have no name, so that none is ever left."""
    fds = f"/proc/{pid}/fd"
    paths = [os.path.join(fds, fd) for fd in os.listdir(fds)]
    return [path for path in paths if os.path.islink(path) and os.readlink(path).startswith(str(folder))]


def wait_for(path):
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"waited 30 s for {path.name}"
        time.sleep(0.005)


@pytest.mark.parametrize("kept", [False, True])
def test_a_block_that_is_lost_while_a_task_reads_is_made_again(sc, tmp_path, kept):
    from concurrent.futures import ThreadPoolExecutor

    pairs = sc.range(20_000, numSlices=2).map(lambda n: (n, str(n))).partitionBy(2)
    if kept:
        pairs.cache()
    assert pairs.count() == 20_000

    def wait_then_read(index, records):
        if index == 0:
            (tmp_path / "reads").write_text("")
            wait_for(tmp_path / "lost")
        return records

    maps_before, _, failed_before, made_before, _ = sc._engine.counters()
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pairs.mapPartitionsWithIndex(wait_then_read).keys().collect)
        wait_for(tmp_path / "reads")
        pairs._dataset.lose()
        (tmp_path / "lost").write_text("")
        assert sorted(read.result(30)) == list(range(20_000))
    maps, _, failed, made, _ = sc._engine.counters()
    assert failed > failed_before and maps > maps_before and made > made_before - (not kept)


@pytest.mark.parametrize("size", ["much", "0g", "-1m"])
def test_a_memory_that_cannot_be_is_refused(size):
    with pytest.raises(ValueError, match="spark.driver.memory is .* a size such as 512m or 2g"):
        SparkContext("local", "memory", conf=SparkConf().set("spark.driver.memory", size))
    with pytest.raises(ValueError, match="spark.memory.fraction is '2': it is a number from 0 to 1"):
        settings = SparkConf().set("spark.driver.memory", "1g").set("spark.memory.fraction", 2)
        SparkContext("local", "memory", conf=settings)


def test_a_task_may_ask_for_the_properties_of_its_job(sc):
    sc.setLocalProperty("tenant", "blue")
    asked = sc.parallelize([1], 1).map(lambda _: [TaskContext.get().getLocalProperty(key) for key in ("tenant", "none")])
    assert asked.collect() == [["blue", None]]
    sc.setLocalProperty("tenant", None)
    assert asked.collect() == [[None, None]]


def test_a_group_of_jobs_is_cancelled_and_others_go_on(workers, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def wait(name):
        (tmp_path / f"{name}-runs").write_text("")
        while not (tmp_path / f"{name}-may-end").exists():
            time.sleep(0.005)
        return name

    def job(name):
        workers.setJobGroup(name, "a job that waits")
        return workers.parallelize([name], 1).map(wait).collect()

    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(job, name) for name in ("doomed", "spared")}
        deadline = time.monotonic() + 30
        while len(list(tmp_path.glob("*-runs"))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        workers.cancelJobGroup("doomed")
        with pytest.raises(RuntimeError, match="told to stop|cancelled"):
            jobs["doomed"].result(30)
        (tmp_path / "spared-may-end").write_text("")
        assert jobs["spared"].result(30) == ["spared"]


def test_large_sorts_are_in_order(sc):
    pairs = sc.range(100_000, numSlices=4).map(lambda n: (n * 7919 % 100_003, n)).sortByKey()
    keys = pairs.keys().collect()
    assert keys == sorted(keys) and len(keys) == 100_000
    sizes = pairs.mapPartitions(lambda it: [sum(1 for _ in it)]).collect()
    assert max(sizes) < 2 * min(sizes)


def test_two_jobs_may_run_at_once(workers):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda n: workers.range(1000, numSlices=2).map(lambda x: x * n).sum(), range(8)))
    assert sums == [n * 499_500 for n in range(8)]
