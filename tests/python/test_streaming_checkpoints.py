"""Programs that are killed or stopped, and taken up again."""

import ast
import os
import random
import signal
import subprocess
import sys
import textwrap

import pytest
from streams import Server, Stream, kept, put, wait_for

from millstream.errors import BatchError
from millstream.spark import SparkContext
from millstream.spark.streaming import ManualClock, StreamingContext

COUNTED = """
import os, sys
from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext

master, folder = sys.argv[1:]

def setup():
    ssc = StreamingContext(SparkContext(master, "counted"), 0.25)
    words = ssc.textFileStream(folder + "/in").flatMap(str.split).map(lambda word: (word, 1))
    state = words.updateStateByKey(lambda new, total: (total or 0) + sum(new))
    window = words.reduceByKeyAndWindow(lambda a, b: a + b, lambda a, b: a - b, 3600)
    lists = words.window(3600).groupByKey().mapValues(len)
    for name, stream in ("state", state), ("window", window), ("lists", lists):
        stream.foreachRDD(lambda rdd, name=name: write(name, repr(sorted(rdd.collect()))))
    return ssc

def write(name, text):
    with open(f"{folder}/out/.{name}", "w") as file:
        file.write(text)
    os.rename(f"{folder}/out/.{name}", f"{folder}/out/{name}")

ssc = StreamingContext.getOrCreate(folder + "/checkpoints", setup)
ssc.start()
write("ready", "")
ssc.awaitTermination()
"""


@pytest.mark.parametrize("master, kills", [("local", 5), ("local[2]", 3)])
def test_each_file_changes_state_and_windows_once_through_kills(tmp_path, master, kills):
    program = tmp_path / "counted.py"
    program.write_text(COUNTED)
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
    generator, expected = random.Random(20261124), {}

    def started():
        ready = tmp_path / "out" / "ready"
        ready.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, str(program), master, str(tmp_path)])
        wait_for("its start", lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None
        return process

    def put_words(name, words):
        put(tmp_path / "in", name, " ".join(words))
        for word in words:
            expected[word] = expected.get(word, 0) + 1

    for kill in range(kills):
        process = started()
        put_words(f"{kill}-first", [f"mark{kill}"])
        state = tmp_path / "out" / "state"
        wait_for("the first file", lambda: state.exists() and f"'mark{kill}'" in state.read_text())
        # The kill falls while these are cut and processed.
        for file in range(generator.randrange(1, 200)):
            put_words(f"{kill}-{file}", generator.choices("abcdefgh", k=5))
        process.send_signal(signal.SIGKILL)
        process.wait()
    put_words("last", ["end"])
    process = started()
    for name in ("state", "window", "lists"):
        path = tmp_path / "out" / name
        wait_for(name, lambda: path.exists() and "'end'" in path.read_text())
        assert dict(ast.literal_eval(path.read_text())) == expected, name
    process.kill()
    process.wait()


def counting(sc, folder, clock, interval=1):
    def setup():
        ssc = StreamingContext(sc, interval, clock=clock)
        words = ssc.textFileStream(str(folder / "in")).map(lambda word: (word, 1))
        words.updateStateByKey(lambda new, total: (total or 0) + sum(new)).foreachRDD(
            lambda at, rdd: seen.append((at.timestamp(), sorted(rdd.collect())))
        )
        return ssc

    seen = []
    return StreamingContext.getOrCreate(str(folder / "checkpoints"), setup), seen


def test_a_program_goes_on_with_its_state_and_the_times_that_have_passed(sc, tmp_path):
    (tmp_path / "in").mkdir()
    clock = ManualClock()
    first, seen = counting(sc, tmp_path, clock)
    first.start()
    put(tmp_path / "in", "one", "a\nb\na\n")
    clock.advance(2)
    first.awaitBatches(2)
    first.stop(stopSparkContext=False)
    assert seen[-1] == (2, [("a", 2), ("b", 1)])
    put(tmp_path / "in", "two", "b\nc\n")
    clock.advance(2)
    again, seen = counting(sc, tmp_path, clock)
    again.start()
    again.awaitBatches(2)
    again.stop(stopSparkContext=False)
    assert seen == [(at, [("a", 2), ("b", 2), ("c", 1)]) for at in (3, 4)]


def test_state_of_a_socket_goes_on_and_what_was_not_done_is_gone(sc, tmp_path):
    server, clock, seen = Server(), ManualClock(), []

    def setup():
        ssc = StreamingContext(sc, 1, clock=clock)
        words = ssc.socketTextStream("127.0.0.1", server.port).map(lambda word: (word, 1))
        counts = words.updateStateByKey(lambda new, total: (total or 0) + sum(new))
        counts.foreachRDD(lambda rdd: seen.append(sorted(rdd.collect())))
        return ssc

    for words in (["a", "b"], ["b"]):
        ssc = StreamingContext.getOrCreate(str(tmp_path), setup)
        ssc.start()
        server.accept()
        server.send("\n".join(words) + "\n")
        wait_for("the lines", lambda: ssc.status()["receivers"][0]["records_received"] == len(words))
        clock.advance(1)
        ssc.awaitBatches(1)
        server.send("lost\n")
        wait_for("a line", lambda: ssc.status()["receivers"][0]["records_received"] == len(words) + 1)
        ssc.stop(stopSparkContext=False)
        server.peer.close()
    server.close()
    assert seen == [[("a", 1), ("b", 1)], [("a", 1), ("b", 2)]]


def test_a_batch_that_failed_is_processed_again_in_the_place_of_what_was_left(sc, tmp_path):
    (tmp_path / "in").mkdir()
    clock = ManualClock()

    def program(fails):
        def setup():
            ssc = StreamingContext(sc, 1, clock=clock)
            lines = ssc.textFileStream(str(tmp_path / "in"))
            lines.saveAsTextFiles(str(tmp_path / "out"))
            lines.foreachRDD(lambda rdd: 1 / 0 if fails else None)
            return ssc

        return StreamingContext.getOrCreate(str(tmp_path / "checkpoints"), setup)

    first = program(fails=True)
    first.start()
    put(tmp_path / "in", "one", "a\n")
    clock.advance(1)
    with pytest.raises(BatchError, match="ZeroDivisionError"):
        first.awaitTermination()
    (tmp_path / "out-1000" / "part-00007").write_text("left")
    again = program(fails=False)
    again.start()
    again.awaitBatches(1)
    again.stop(stopSparkContext=False)
    assert sc.textFile(str(tmp_path / "out-1000")).collect() == ["a"]
    assert not (tmp_path / "out-1000" / "part-00007").exists()


def test_state_is_written_as_often_as_is_asked_for_and_at_the_end(sc, tmp_path):
    clock = ManualClock()
    ssc = StreamingContext(sc, 1, clock=clock)
    ssc.checkpoint(str(tmp_path / "checkpoints"))
    (tmp_path / "in").mkdir()
    words = ssc.textFileStream(str(tmp_path / "in")).map(lambda word: (word, 1))
    state = words.updateStateByKey(lambda new, total: (total or 0) + sum(new)).checkpoint(3)
    kept(state)
    ssc.start()

    def written():
        return sorted(name for name in os.listdir(tmp_path / "checkpoints") if name.startswith("carried"))

    steps = []
    for step in range(1, 5):
        clock.advance(1)
        ssc.awaitBatches(step)
        steps.append(written())
    ssc.stop(stopSparkContext=False)
    assert steps == [[], [], ["carried-0-3000"], ["carried-0-3000"]]
    assert written() == ["carried-0-4000"]


def test_without_get_or_create_a_program_begins_anew(sc, tmp_path):
    (tmp_path / "in").mkdir()
    clock = ManualClock()
    for name in ("one", "two"):
        ssc = StreamingContext(sc, 1, clock=clock)
        ssc.checkpoint(str(tmp_path / "checkpoints"))
        words = ssc.textFileStream(str(tmp_path / "in")).map(lambda word: (word, 1))
        seen = kept(words.updateStateByKey(lambda new, total: (total or 0) + sum(new)))
        ssc.start()
        put(tmp_path / "in", name, "a\n")
        clock.advance(1)
        ssc.awaitBatches(1)
        ssc.stop(stopSparkContext=False)
        assert seen == [[("a", 1)]]


def test_another_program_and_damage_are_refused(sc, tmp_path):
    (tmp_path / "in").mkdir()
    clock = ManualClock()
    first, _ = counting(sc, tmp_path, clock)
    first.start()
    with pytest.raises(RuntimeError, match="another streaming context runs"):
        counting(sc, tmp_path, clock)[0].start()
    put(tmp_path / "in", "one", "a\n")
    clock.advance(1)
    first.awaitBatches(1)
    first.stop(stopSparkContext=False)
    with pytest.raises(RuntimeError, match="its batches are 1000 ms long, here 2000 ms"):
        counting(sc, tmp_path, clock, 2)[0].start()
    saved = tmp_path / "checkpoints" / "carried-0-1000"
    saved.write_bytes(saved.read_bytes()[:-1])
    with pytest.raises(RuntimeError, match="carried-0-1000 is damaged: its bytes have another checksum"):
        counting(sc, tmp_path, clock)[0].start()
    (tmp_path / "checkpoints" / "batches.json").write_text("{}")
    with pytest.raises(RuntimeError, match="batches.json is damaged"):
        counting(sc, tmp_path, clock)[0].start()


def test_a_queue_cannot_be_taken_up_again_and_that_is_said_beforehand(sc, tmp_path, caplog):
    def program():
        stream = Stream(sc)
        stream.ssc.queueStream([[1]]).pprint(0)
        return stream.ssc

    ssc = StreamingContext.getOrCreate(str(tmp_path), program)
    ssc.start()
    ssc.stop(stopSparkContext=False)
    assert "a program with a queueStream cannot be taken up again" in caplog.text
    with pytest.raises(RuntimeError, match="a queueStream cannot be taken up again: what it had is gone"):
        StreamingContext.getOrCreate(str(tmp_path), program).start()


def test_what_is_no_setup_is_refused(sc, tmp_path):
    with pytest.raises(TypeError, match="setupFunc is to be a function"):
        StreamingContext.getOrCreate(str(tmp_path), None)
    with pytest.raises(TypeError, match="setupFunc is to give a StreamingContext, and gave a NoneType"):
        StreamingContext.getOrCreate(str(tmp_path), lambda: None)


def test_the_active_context_is_found_before_one_is_made(sc, tmp_path):
    def setup():
        stream = Stream(sc)
        stream.ssc.queueStream([[1]]).pprint(0)
        return stream.ssc

    made = StreamingContext.getActiveOrCreate(None, setup)
    made.start()
    assert StreamingContext.getActiveOrCreate(str(tmp_path), setup) is made
    made.stop(stopSparkContext=False)
    assert StreamingContext.getActiveOrCreate(None, setup) is not made


def test_two_processes_cannot_have_one_folder(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    program = tmp_path / "counted.py"
    program.write_text(textwrap.dedent(COUNTED))
    first = subprocess.Popen([sys.executable, str(program), "local", str(tmp_path)])
    wait_for("its start", lambda: (tmp_path / "out" / "ready").exists())
    second = subprocess.run(
        [sys.executable, str(program), "local", str(tmp_path)], capture_output=True, text=True, timeout=30
    )
    first.kill()
    first.wait()
    assert f"is in use by process {first.pid}" in second.stderr and second.returncode == 1
