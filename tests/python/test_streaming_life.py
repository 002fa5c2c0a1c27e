"""How a streaming program begins, fails and ends."""

import os
import re
import signal
import subprocess
import sys

import pytest
from streams import Server, Stream, wait_for

from millstream.errors import BatchError
from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext, StreamingListener


def test_a_function_that_fails_in_a_task_ends_the_program_with_its_traceback_first(sc):
    stream = Stream(sc)
    stream.ssc.queueStream([[5], [0]]).map(lambda number: 10 / number).pprint()
    with pytest.raises(BatchError) as raised:
        stream.run(2)
    lines = str(raised.value).splitlines()
    assert lines[0] == "Traceback (most recent call last):" and "ZeroDivisionError: division by zero" in lines
    assert re.fullmatch("in operator `map`, partition [01], attempt 1, at the record 0", lines[-2])
    assert lines[-1] == "in output operation 1 of 1, `pprint`, of the batch of 2000 ms"
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    # Whoever asks later is told the same, and no other batch is begun.
    with pytest.raises(BatchError, match="division by zero"):
        stream.ssc.awaitTermination()
    assert stream.ssc.status()["phase"] == "stopped" and StreamingContext.getActive() is None
    stream.ssc.stop(stopSparkContext=False)


def test_a_function_that_fails_in_the_driver_is_told_alike(sc):
    stream = Stream(sc)
    queue = stream.ssc.queueStream([[1]])
    queue.pprint(0)

    def look(rdd):
        raise LookupError("no such table")

    queue.foreachRDD(look)
    with pytest.raises(BatchError) as raised:
        stream.run(1)
    text = str(raised.value)
    assert "in look\n" in text and "LookupError: no such table" in text and "site-packages" not in text
    assert text.splitlines()[-1] == "in output operation 2 of 2, `foreachRDD`, of the batch of 1000 ms"
    assert (raised.value.output, raised.value.time, raised.value.partition) == ("foreachRDD", 1000, None)


def test_exit_in_an_operation_is_a_failure_and_no_exit(sc):
    stream = Stream(sc)
    stream.ssc.queueStream([[1]]).foreachRDD(lambda rdd: sys.exit(3))
    with pytest.raises(BatchError, match="SystemExit: 3"):
        stream.run(1)


def test_a_program_without_output_is_not_started_and_may_be_completed(sc):
    stream = Stream(sc)
    queue = stream.ssc.queueStream([[1]])
    with pytest.raises(
        RuntimeError, match="no output operation is registered, so there is nothing to execute"
    ):
        stream.ssc.start()
    assert stream.outcome(queue, 1) == [[1]]


def test_one_context_runs_at_a_time(sc):
    first, second = Stream(sc), Stream(sc)
    for stream in (first, second):
        stream.ssc.queueStream([[1]]).pprint(0)
    first.run(1)
    assert StreamingContext.getActive() is first.ssc
    with pytest.raises(RuntimeError, match="another streaming context runs in this process: stop it first"):
        second.ssc.start()
    first.ssc.stop(stopSparkContext=False)
    second.run(1)
    second.ssc.stop(stopSparkContext=False)


def test_nothing_is_added_or_started_twice(sc):
    stream = Stream(sc)
    queue = stream.ssc.queueStream([[1]])
    queue.pprint(0)
    stream.run(1)
    with pytest.raises(RuntimeError, match="was started already"):
        stream.ssc.start()
    for add in (lambda: queue.map(str), lambda: queue.pprint(), lambda: stream.ssc.queueStream([])):
        with pytest.raises(RuntimeError, match="cannot be added once the streaming context was started"):
            add()
    stream.ssc.stop(stopSparkContext=False)
    with pytest.raises(RuntimeError, match="was stopped, and cannot be started again"):
        stream.ssc.start()


def test_waiting_before_the_start_is_refused(sc):
    with pytest.raises(RuntimeError, match="was not started"):
        Stream(sc).ssc.awaitTermination()


def test_a_wait_has_its_limit(sc):
    stream = Stream(sc)
    stream.ssc.queueStream([[1]]).pprint(0)
    stream.ssc.start()
    assert stream.ssc.awaitTerminationOrTimeout(0.05) is False
    stream.ssc.stop(stopSparkContext=False)
    assert stream.ssc.awaitTerminationOrTimeout(5) is True


def test_stop_takes_the_spark_context_along_unless_told_otherwise():
    sc = SparkContext("local", "stops")
    stream = Stream(sc)
    stream.ssc.queueStream([[1]]).pprint(0)
    stream.run(1)
    stream.ssc.stop()
    with pytest.raises(RuntimeError, match="was stopped"):
        sc.parallelize([1]).collect()
    with pytest.raises(RuntimeError, match="was stopped"):
        StreamingContext(sc, 1)


def test_the_end_of_the_spark_context_ends_its_stream_first(program):
    ended = program(
        """
        from millstream.spark import SparkContext
        from millstream.spark.streaming import StreamingContext
        with SparkContext("local[2]", "ends") as sc:
            ssc = StreamingContext(sc, 0.05)
            ssc.queueStream([[1]] * 1000).map(lambda n: n).foreachRDD(lambda rdd: rdd.count())
            ssc.start()
            ssc.awaitBatches(1)
        print(ssc.status()["phase"], StreamingContext.getActive())
        """
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "stopped None\n", "")


def test_an_operation_may_stop_the_program(sc):
    stream = Stream(sc)
    stream.ssc.queueStream([[1], [2]]).foreachRDD(lambda rdd: stream.ssc.stop(stopSparkContext=False))
    stream.run(1)
    stream.ssc.awaitTermination(30)
    assert stream.ssc.status()["phase"] == "stopped"


def test_a_graceful_stop_processes_what_was_taken_in(workers):
    server = Server()
    stream = Stream(workers)
    seen = []
    stream.ssc.socketTextStream("127.0.0.1", server.port).foreachRDD(lambda rdd: seen.extend(rdd.collect()))
    stream.ssc.start()
    server.accept()
    server.send("one\ntwo\n")
    wait_for("two lines", lambda: stream.ssc.status()["receivers"][0]["records_received"] == 2)
    stream.ssc.stop(stopSparkContext=False, stopGraceFully=True)
    server.close()
    assert seen == ["one", "two"]


class Listener(StreamingListener):
    def __init__(self):
        self.told = []

    def on_streaming_started(self, started):
        raise AssertionError("the camelCase names are the ones that are called")

    def onStreamingStarted(self, streamingStarted):
        self.told.append("streaming started")
        raise ValueError("a listener's own fault")

    def onBatchSubmitted(self, batchSubmitted):
        self.told.append(("submitted", batchSubmitted.batchInfo().batchTime().milliseconds()))

    def onBatchStarted(self, batchStarted):
        info = batchStarted.batchInfo()
        self.told.append(("started", info.numRecords(), info.processingEndTime()))

    def onBatchCompleted(self, batchCompleted):
        info = batchCompleted.batchInfo()
        assert info.totalDelay() == info.schedulingDelay() + info.processingDelay()
        self.told.append(("completed", str(info.batchTime())))

    def onOutputOperationStarted(self, outputOperationStarted):
        self.told.append(("output", outputOperationStarted.outputOperationInfo().name()))

    def onOutputOperationCompleted(self, outputOperationCompleted):
        reason = outputOperationCompleted.outputOperationInfo().failureReason()
        self.told.append(("output ended", reason and reason.splitlines()[-2]))


def test_a_listener_is_told_and_its_exceptions_do_not_end_the_stream(sc, caplog):
    stream, listener = Stream(sc), Listener()
    stream.ssc.addStreamingListener(listener)
    stream.ssc.queueStream([sc.parallelize([1], 1), sc.parallelize([0], 1)]).map(lambda n: 1 // n).foreachRDD(
        lambda rdd: rdd.collect()
    )
    with pytest.raises(BatchError):
        stream.run(2)
    told = [each for each in listener.told if each != ("submitted", 2000)]
    assert told == [
        "streaming started",
        ("submitted", 1000),
        ("started", 0, -1),
        ("output", "foreachRDD"),
        ("output ended", None),
        ("completed", "1000 ms"),
        ("started", 0, -1),
        ("output", "foreachRDD"),
        ("output ended", "in operator `map`, partition 0, attempt 1, at the record 0"),
    ]
    assert "onStreamingStarted of the listener" in caplog.text and "a listener's own fault" in caplog.text


INTERRUPTED = """
import os, sys, time
from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext
sc = SparkContext(sys.argv[1], "interrupted")
ssc = StreamingContext(sc, 0.1)
lines = ssc.queueStream([[os.getpid()]] * 1000)
lines.map(lambda _: os.getpid()).foreachRDD(lambda rdd: print(rdd.collect(), flush=True))
ssc.start()
try:
    ssc.awaitTermination()
finally:
    print("ended", ssc.status()["phase"], flush=True)
"""


@pytest.mark.parametrize("master", ["local", "local[2]"])
def test_an_interrupt_ends_the_program_cleanly(tmp_path, master):
    path = tmp_path / "interrupted.py"
    path.write_text(INTERRUPTED)
    process = subprocess.Popen(
        [sys.executable, str(path), master], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    workers = eval(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=30)
    assert printed.splitlines()[-1] == "ended stopped"
    assert errors.splitlines()[-1] == "KeyboardInterrupt" and errors.count("Traceback") == 1, errors
    assert process.returncode == -signal.SIGINT
    wait_for("the end of the workers", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers))


def test_a_program_that_forgets_to_wait_ends(program):
    ended = program("""
        from millstream.spark import SparkContext
        from millstream.spark.streaming import StreamingContext
        ssc = StreamingContext(SparkContext("local[2]", "forgets"), 0.05)
        ssc.queueStream([[1]] * 1000).foreachRDD(lambda rdd: rdd.count())
        ssc.start()
        ssc.awaitBatches(1)
        print("ends")
        """)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ends\n", "")


@pytest.mark.parametrize("master", ["local", "local[2]"])
def test_the_end_of_the_program_does_not_wait_for_a_batch_that_blocks(program, master):
    ended = program(
        """
        import sys, time
        from millstream.spark import SparkContext
        from millstream.spark.streaming import StreamingContext
        sc = SparkContext(sys.argv[1], "blocks")
        ssc = StreamingContext(sc, 0.05)

        def block(n):
            while True:
                time.sleep(0.01)

        ssc.queueStream([[1]]).map(block).pprint()
        ssc.start()
        while ssc.status()["processing"] is None:
            time.sleep(0.01)
        raise SystemExit(3)
        """,
        master,
    )
    assert (ended.returncode, ended.stdout) == (3, ""), ended.stderr


def test_a_stream_in_a_task_is_refused(sc):
    stream = Stream(sc)
    queue = stream.ssc.queueStream([[1]])
    queue.map(lambda _: queue).pprint()
    with pytest.raises(BatchError, match="a DStream is used in a function that runs in tasks"):
        stream.run(1)
