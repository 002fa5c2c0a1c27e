"""What the tests of streams share: a clock that they move, what a stream gave, conditions they wait for."""

import os
import socket
import time
from typing import Any, Callable, List

from millstream.spark import SparkContext
from millstream.spark.streaming import DStream, ManualClock, StreamingContext


def wait_for(what: str, reached: Callable[[], Any], seconds: float = 60) -> Any:
    """What `reached` gives, once it is true."""
    end = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.005)
    return found


class Stream:
    """A program on a clock that stands at second 0, with a batch each second."""

    def __init__(self, sc: SparkContext, seconds: float = 1) -> None:
        self.clock = ManualClock()
        self.ssc = StreamingContext(sc, seconds, clock=self.clock)
        self.batches = 0

    def outcome(self, stream: DStream, steps: int) -> List[Any]:
        """The records of each batch, after so many."""
        seen = kept(stream)
        self.run(steps)
        self.ssc.stop(stopSparkContext=False)
        return seen

    def run(self, steps: int) -> None:
        """Starts if need be, and waits until so many more batches are done."""
        if self.ssc.status()["phase"] == "ready":
            self.ssc.start()
        self.clock.advance(steps * self.ssc._graph.interval / 1000)
        self.batches += steps
        self.ssc.awaitBatches(self.batches)


def kept(stream: DStream) -> List[Any]:
    """A list that gets the records of each batch, as a list."""
    seen: List[Any] = []
    stream.foreachRDD(lambda rdd: seen.append(rdd.collect()))
    return seen


class Server:
    """A server that one client at a time connects to."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.peer: Any = None

    def accept(self) -> None:
        self.listener.settimeout(30)
        self.peer, _ = self.listener.accept()

    def send(self, text: str) -> None:
        self.peer.sendall(text.encode("utf-8"))

    def close(self) -> None:
        if self.peer is not None:
            self.peer.close()
        self.listener.close()


def put(folder: Any, name: str, text: str) -> None:
    """Writes a file elsewhere and moves it into a folder whole."""
    hidden = os.path.join(str(folder), "." + name)
    with open(hidden, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(hidden, os.path.join(str(folder), name))
