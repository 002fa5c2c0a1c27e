"""Where streams come from: sockets, files, queues."""

import socket

import pytest
from streams import Server, Stream, kept, put, wait_for

from millstream.spark import SparkConf, SparkContext
from millstream.spark.streaming import StreamingContext


def receiver(stream):
    return stream.ssc.status()["receivers"][0]


def test_the_lines_of_a_socket_come_with_their_batch(sc):
    server, stream = Server(), Stream(sc)
    seen = kept(stream.ssc.socketTextStream("127.0.0.1", server.port))
    counted = kept(stream.ssc._graph.inputs[0].count())
    stream.ssc.start()
    server.accept()
    server.send("to be\nor nöt\n")
    wait_for("two lines", lambda: receiver(stream)["records_received"] == 2)
    assert receiver(stream)["name"] == f"socket 127.0.0.1:{server.port}"
    stream.run(1)
    server.send("to be\n")
    wait_for("a line", lambda: receiver(stream)["records_received"] == 3)
    stream.run(2)
    stream.ssc.stop(stopSparkContext=False)
    server.close()
    assert seen == [["to be", "or nöt"], ["to be"], []]
    assert counted == [[2], [1], []]


def test_at_its_bound_a_receiver_reads_no_further_and_nothing_is_lost():
    conf = SparkConf().set("millstream.streaming.heldRecords", 1000)
    with SparkContext("local", "bounds", conf=conf) as sc:
        server, stream = Server(), Stream(sc)
        seen = []
        stream.ssc.socketTextStream("127.0.0.1", server.port).foreachRDD(lambda rdd: seen.append(rdd.count()))
        stream.ssc.start()
        server.accept()
        server.send("line\n" * 2500)
        wait_for("the bound", lambda: receiver(stream)["waits"])
        assert receiver(stream)["records_held"] == 1000

        def all_seen():
            stream.run(1)
            return sum(seen) == 2500

        # A batch may be cut before the receiver has heard that there is room.
        wait_for("all lines", all_seen)
        assert receiver(stream)["most_records_held"] == 1000
        stream.ssc.stop(stopSparkContext=False)
        server.close()
    assert max(seen) <= 1000


def test_a_connection_that_is_refused_ends_the_program_with_host_and_port():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    conf = SparkConf().set("millstream.streaming.connectAttempts", 1)
    with SparkContext("local", "refused", conf=conf) as sc:
        ssc = StreamingContext(sc, 0.1)
        ssc.socketTextStream("127.0.0.1", port).pprint()
        told = []
        listener = type(
            "Told", (), {"__getattr__": lambda self, name: lambda event: told.append((name, event))}
        )()
        ssc.addStreamingListener(listener)
        ssc.start()
        with pytest.raises(RuntimeError, match=f"the receiver socket 127.0.0.1:{port} failed(.|\n)*refused"):
            ssc.awaitTermination(30)
        errors = [
            event.receiverInfo().lastErrorMessage() for name, event in told if name == "onReceiverError"
        ]
        assert len(errors) == 1 and "refused" in errors[0]


def test_a_port_that_cannot_be_is_refused(sc):
    for port in (0, 70000, "9999", True):
        with pytest.raises(ValueError, match="the port .* is none: it is a number from 1 to 65535"):
            StreamingContext(sc, 1).socketTextStream("localhost", port)


def test_the_files_that_appear_make_a_batch_each_once(sc, tmp_path):
    put(tmp_path, "before", "old\n")
    stream = Stream(sc)
    seen = kept(stream.ssc.textFileStream(str(tmp_path)))
    stream.ssc.start()
    put(tmp_path, "a, [b]", "one\ntwo\n")
    put(tmp_path, "c", "three")
    stream.run(1)
    put(tmp_path, "d", "four\n")
    stream.run(2)
    stream.ssc.stop(stopSparkContext=False)
    assert seen == [["one", "two", "three"], ["four"], []]


def test_files_of_records_of_one_length(sc, tmp_path):
    stream = Stream(sc)
    seen = kept(stream.ssc.binaryRecordsStream(str(tmp_path), 2))
    stream.ssc.start()
    put(tmp_path, "a", "abcdef")
    stream.run(2)
    stream.ssc.stop(stopSparkContext=False)
    assert seen == [[b"ab", b"cd", b"ef"], []]
    with pytest.raises(ValueError, match="records of 0 bytes cannot be"):
        StreamingContext(sc, 1).binaryRecordsStream(str(tmp_path), 0)


def test_a_folder_that_is_not_there_is_told_at_the_start(sc, tmp_path):
    stream = Stream(sc)
    stream.ssc.textFileStream(str(tmp_path / "none")).pprint()
    with pytest.raises(RuntimeError, match="cannot read the folder .*/none"):
        stream.ssc.start()
    assert StreamingContext.getActive() is None


def test_a_queue_gives_one_data_set_a_batch_or_all_and_then_its_default(sc):
    stream = Stream(sc)
    rdds = [[1], sc.parallelize([2, 3]), [4]]
    one = kept(stream.ssc.queueStream(rdds, default=[0]))
    every = kept(stream.ssc.queueStream(rdds, oneAtATime=False))
    rdds.append([5])
    stream.run(4)
    stream.ssc.stop(stopSparkContext=False)
    assert one == [[1], [2, 3], [4], [0]]
    assert every == [[1, 2, 3, 4], [], [], []]


def test_a_setting_that_cannot_be_is_refused():
    with SparkContext(
        "local", "settings", conf=SparkConf().set("millstream.streaming.heldRecords", "many")
    ) as sc:
        with pytest.raises(
            ValueError, match="millstream.streaming.heldRecords is 'many': it is a whole number"
        ):
            StreamingContext(sc, 1)
