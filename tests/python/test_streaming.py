"""Streams in batches: what each operation gives, batch by batch. (What is printed: test_programs.py.)"""

import datetime
import io

import pytest
from streams import Stream, kept

from millstream.errors import BatchError
from millstream.spark import StorageLevel, TaskContext
from millstream.spark.streaming import DStream, StreamingContext

PAIRS = [[("a", 1), ("b", 2), ("a", 3)], [], [("c", 4), ("a", 5)]]


def queued(sc, batches):
    stream = Stream(sc)
    return stream, stream.ssc.queueStream(batches)


def outcome(sc, batches, make, steps=None):
    stream, queue = queued(sc, batches)
    return stream.outcome(make(queue), len(batches) if steps is None else steps)


def sorted_outcome(*arguments):
    return [sorted(batch) for batch in outcome(*arguments)]


def test_records_pass_one_by_one(sc):
    made = outcome(
        sc,
        [["a b", "c"], [], ["d"]],
        lambda lines: lines.flatMap(str.split).filter(lambda word: word != "c").map(str.upper),
    )
    assert made == [["A", "B"], [], ["D"]]


def test_each_batch_is_reduced_by_key_alone(sc):
    assert sorted_outcome(sc, PAIRS, lambda pairs: pairs.reduceByKey(lambda a, b: a + b)) == [
        [("a", 4), ("b", 2)],
        [],
        [("a", 5), ("c", 4)],
    ]


def test_count_and_reduce_give_one_record_and_none_of_none(sc):
    assert outcome(sc, [[1, 2, 3], [], [4]], lambda numbers: numbers.count()) == [[3], [0], [1]]
    assert outcome(sc, [[1, 2, 3], [], [4]], lambda numbers: numbers.reduce(lambda a, b: a + b)) == [
        [6],
        [],
        [4],
    ]


def test_state_is_carried_and_a_key_of_none_is_dropped(sc):
    def update(new, state):
        return (state or 0) + sum(new) if new or state != 2 else None

    assert sorted_outcome(sc, PAIRS, lambda pairs: pairs.updateStateByKey(update), 4) == [
        [("a", 4), ("b", 2)],
        [("a", 4)],
        [("a", 9), ("c", 4)],
        [("a", 9), ("c", 4)],
    ]


def test_the_lineage_of_a_state_does_not_grow(workers):
    stream, queue = queued(workers, [[("a", 1)]] * 30)
    state = queue.updateStateByKey(lambda new, state: (state or 0) + len(new))
    lines = []
    state.foreachRDD(lambda rdd: lines.append(rdd.toDebugString().count(b"\n")))
    assert stream.outcome(state, 30)[-1] == [("a", 30)]
    assert set(lines) == {0}


def test_a_window_takes_the_batches_of_its_length_in_steps_of_its_slide(sc):
    batches = [[1], [2], [3], [4], [5]]
    assert outcome(sc, batches, lambda numbers: numbers.window(2)) == [[1], [1, 2], [2, 3], [3, 4], [4, 5]]
    assert outcome(sc, batches, lambda numbers: numbers.window(3, 2)) == [[1, 2], [2, 3, 4]]


def test_a_window_with_an_inverse_gives_what_one_without_gives(sc):
    batches = [[("a", at)] if at % 3 else [("b", at), ("a", 1)] for at in range(12)]

    def window(inverse):
        return sorted_outcome(
            sc,
            batches,
            lambda pairs: pairs.reduceByKeyAndWindow(
                lambda a, b: a + b, inverse, 5, 1, None, (lambda pair: pair[1] > 0) if inverse else None
            ).filter(lambda pair: pair[1] > 0),
        )

    assert window(lambda a, b: a - b) == window(None)


def test_data_sets_of_a_window_are_let_go(sc):
    stream, queue = queued(sc, [[at] for at in range(20)])
    queue.map(lambda n: n).window(3).count().foreachRDD(lambda rdd: rdd.collect())
    stream.run(20)
    with stream.ssc._graph.lock:
        assert max(len(each._made) for each in stream.ssc._graph.streams) <= 3
    stream.ssc.stop(stopSparkContext=False)


def test_functions_may_ask_for_the_time(sc):
    stream, queue = queued(sc, [[1]])
    times = []
    queue.transform(lambda at, rdd: rdd.map(lambda _, at=at: at)).foreachRDD(
        lambda at, rdd: times.append((at, rdd.first()))
    )
    stream.run(1)
    stream.ssc.stop(stopSparkContext=False)
    second = datetime.datetime.fromtimestamp(1)
    assert times == [(second, second)]


def test_jobs_of_batches_have_the_properties_of_the_thread_that_started(sc):
    stream, queue = queued(sc, [[1]])
    sc.setLocalProperty("tenant", "blue")
    asked = queue.map(lambda _: TaskContext.get().getLocalProperty("tenant"))
    assert stream.outcome(asked, 1) == [["blue"]]


def test_slice_gives_what_is_remembered(sc):
    stream, queue = queued(sc, [[1], [2], [3], [4]])
    stream.ssc.remember(3)
    queue.foreachRDD(lambda rdd: None)
    stream.run(4)
    assert [rdd.collect() for rdd in queue.slice(0, 10)] == [[2], [3], [4]]
    assert [rdd.collect() for rdd in queue.slice(datetime.datetime.fromtimestamp(3), 3.5)] == [[3]]
    stream.ssc.stop(stopSparkContext=False)


def test_a_kept_batch_is_computed_once_and_let_go(sc):
    stream, queue = queued(sc, [[1, 2]])
    calls = sc.accumulator(0)

    def count(number):
        calls.add(1)
        return number

    cached = queue.map(count).cache()
    assert cached.is_cached and queue.persist(StorageLevel.MEMORY_AND_DISK) is queue
    first, second = kept(cached), kept(cached)
    stream.run(1)
    stream.ssc.stop(stopSparkContext=False)
    assert (first, second, calls.value) == ([[1, 2]], [[1, 2]], 2)


def test_batches_are_saved_as_folders_of_text(sc, tmp_path):
    stream, queue = queued(sc, [["a", "b"], ["c"]])
    queue.repartition(1).saveAsTextFiles(str(tmp_path / "words"), "txt")
    queue.saveAsTextFiles(str(tmp_path / "bare"))
    stream.run(2)
    stream.ssc.stop(stopSparkContext=False)
    assert (tmp_path / "words-1000.txt" / "part-00000").read_text() == "a\nb\n"
    assert sc.textFile(str(tmp_path / "bare-2000")).collect() == ["c"]


def test_pprint_says_the_time_and_that_there_is_more(sc, monkeypatch):
    stream, queue = queued(sc, [[("a", 1), ("b", None)], []])
    queue.pprint(1)
    printed = io.StringIO()
    monkeypatch.setattr("sys.stdout", printed)
    stream.run(2)
    stream.ssc.stop(stopSparkContext=False)
    rule = "-" * 43
    first, second = map(datetime.datetime.fromtimestamp, (1, 2))
    assert (
        printed.getvalue()
        == f"{rule}\nTime: {first}\n{rule}\n('a', 1)\n...\n\n{rule}\nTime: {second}\n{rule}\n\n"
    )


def test_the_names_of_pep_8_are_there_and_take_their_parameters(sc):
    stream, queue = queued(sc, [["a b", "a"]])
    counted = (
        queue.flatmap(str.split)
        .map(lambda word: (word, 1))
        .reduce_by_key(lambda a, b: a + b, num_partitions=1)
    )
    windowed = counted.reduce_by_key_and_window(max, None, window_duration=2, slide_duration=1)
    assert sorted(stream.outcome(windowed, 1)[0]) == [("a", 2), ("b", 1)]
    assert DStream.flat_map is not None and StreamingContext(sc, batch_interval=2).spark_context is sc


@pytest.mark.parametrize(
    "make, told",
    [
        (
            lambda numbers: numbers.window(1.5),
            "window duration of 1500 ms must be a multiple of .* 1000 ms: 1000 ms or 2000",
        ),
        (lambda numbers: numbers.window(2, 0.5), "slide duration of 500 ms .* 1000 ms would be right"),
        (
            lambda numbers: numbers.countByWindow(0, 1),
            "window duration of 0 s is not a whole number of milliseconds",
        ),
        (lambda numbers: numbers.window("2"), "window duration is a number of seconds, and no str"),
        (lambda numbers: numbers.union(numbers.window(2, 2)), "1000 ms and 2000 ms"),
        (
            lambda numbers: numbers.transform(lambda a, b, c: a),
            "takes 3 arguments: it is called with an RDD, or with",
        ),
        (lambda numbers: numbers.checkpoint(1.5), "checkpoint interval of 1500 ms must be a multiple"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_is_said(sc, make, told):
    _, queue = queued(sc, [[1]])
    with pytest.raises((ValueError, TypeError), match=told):
        make(queue)


@pytest.mark.parametrize("interval", [0, -1, 0.0001, "1", None])
def test_an_interval_that_cannot_be_is_refused(sc, interval):
    with pytest.raises((ValueError, TypeError), match="batch interval|length of its batches"):
        StreamingContext(sc, interval)


def test_a_function_that_gives_no_rdd_is_named(sc):
    stream, queue = queued(sc, [[1]])
    queue.transform(lambda rdd: rdd.collect()).pprint()
    with pytest.raises(BatchError, match="function given to `transform` is to give an RDD, and gave a list"):
        stream.run(1)
