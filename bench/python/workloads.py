"""The workloads: the same program on both sides, by hand where the goal says so.

Holds: inputs are there before the clock starts; a workload whose contenders do not find the same gives no figures.
"""

from __future__ import annotations

import itertools
import random
import socket
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

import process

HERE = Path(__file__).parent


class Setup(NamedTuple):
    """Who takes part, and how large the work is."""

    flink: str
    spark: str
    inputs: Path
    is_short: bool

    def size(self, full: int, short: int) -> int:
        return short if self.is_short else full

    def theirs(self, side: str, program: str, *arguments: str) -> List[str]:
        return [getattr(self, side), str(HERE / "programs" / program), *arguments]

    def ours(self, side: str, program: str, *arguments: str) -> List[str]:
        command = str(Path(getattr(self, side)).parent / "millstream")
        return [command, "run", "--as", f"py{side}", str(HERE / "programs" / program), *arguments]

    def by_hand(self, program: str, *arguments: str) -> List[str]:
        return [self.spark, str(HERE / "by_hand" / program), *arguments]


class Goal(NamedTuple):
    """At most so much, or at least so many times as fast as another contender."""

    limit: float
    against: str = ""


class Contender(NamedTuple):
    """Gives figures by label, and what was found."""

    name: str
    run: Callable[[], Tuple[Dict[str, float], object]]
    goals: Dict[str, List[Goal]] = {}


class Workload(NamedTuple):
    name: str
    contenders: List[Contender]


def _timed(command: List[str]) -> Callable[[], Tuple[Dict[str, float], object]]:
    def run() -> Tuple[Dict[str, float], object]:
        seen = process.run(command)
        return {"s": seen.seconds("warm")}, seen.results()

    return run


def _first_line(command: List[str], is_it: Callable[[str], bool]) -> Callable[[], Tuple[Dict[str, float], object]]:
    def run() -> Tuple[Dict[str, float], object]:
        seen = process.run(command, until=is_it, watch_memory=True)
        return {"s": seen.waited or 0.0, "MiB": seen.peak / 2**20}, None

    return run


def words(setup: Setup) -> Path:
    """Text of about 100 MB: words of one to twelve letters, few of them often."""
    size = setup.size(100_000_000, 1_000_000)
    path = setup.inputs / f"python-words-{size}.txt"
    if not path.exists():
        draw = random.Random(7)
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        known = ["".join(draw.choices(letters, k=draw.randint(1, 12))) for _ in range(75_557)]
        heights = list(itertools.accumulate(1 / (place + 10) for place in range(len(known))))
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("w") as file:
            while file.tell() < size:
                for _ in range(1_000):
                    file.write(" ".join(draw.choices(known, cum_weights=heights, k=10)) + "\n")
        unfinished.rename(path)
    return path


class Lines:
    """A server that sends whoever connects a line ten times a second, until this process ends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def address(self) -> Tuple[str, str]:
        host, port = self._listener.getsockname()
        return host, str(port)

    def _serve(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            threading.Thread(target=self._send, args=(peer,), daemon=True).start()

    def _send(self, peer: socket.socket) -> None:
        try:
            while True:
                peer.sendall(b"to be or not to be\n")
                time.sleep(0.1)
        except OSError:
            pass
        finally:
            peer.close()


def importing(setup: Setup) -> Workload:
    program = (
        "import time; start = time.perf_counter(); import millstream.spark; "
        "from millstream.spark import SparkContext; print('seconds warm', time.perf_counter() - start)"
    )
    imported = _timed([setup.spark, "-c", program])
    return Workload("import millstream.spark", [Contender("Millstream", imported, {"s": [Goal(0.060)]})])


def first_result(setup: Setup) -> Workload:
    number = str.isdigit
    return Workload("map(x * 2), start to first result", [
        Contender("PyFlink", _first_line(setup.theirs("flink", "map_times_two.py"), number)),
        Contender(
            "Millstream",
            _first_line(setup.ours("flink", "map_times_two.py"), number),
            {"s": [Goal(0.25)], "MiB": [Goal(60)]},
        ),
    ])


def first_batch(setup: Setup) -> Workload:
    # The server ends with this process.
    address = Lines().address()
    is_header = lambda line: line.startswith("Time: ")  # noqa: E731
    return Workload("network word count, start to first batch", [
        Contender("PySpark", _first_line(setup.theirs("spark", "network_word_count.py", *address), is_header)),
        Contender(
            "Millstream",
            _first_line(setup.ours("spark", "network_word_count.py", *address), is_header),
            {"s": [Goal(1.3)]},
        ),
    ])


def word_count(setup: Setup) -> Workload:
    text = str(words(setup))
    return Workload("word count, 100 MB, local[2]", [
        Contender("by hand", _timed(setup.by_hand("word_count.py", text))),
        Contender("PySpark", _timed(setup.theirs("spark", "word_count.py", text))),
        Contender(
            "Millstream",
            _timed(setup.ours("spark", "word_count.py", text)),
            {"s": [Goal(1 / 3, "PySpark"), Goal(1.4, "by hand")]},
        ),
    ])


def pairs(setup: Setup, work: str, full: int, times: float) -> Workload:
    arguments = (work, str(setup.size(full, full // 100)))
    by_hand = [] if work == "join" else [Contender("by hand", _timed(setup.by_hand("pairs.py", *arguments)))]
    return Workload(f"{work} by key, {full:,} pairs, local[2]", [
        *by_hand,
        Contender("PySpark", _timed(setup.theirs("spark", "pairs.py", *arguments))),
        Contender(
            "Millstream", _timed(setup.ours("spark", "pairs.py", *arguments)), {"s": [Goal(1 / times, "PySpark")]}
        ),
    ])


def stream(setup: Setup, parallelism: int, modes: Dict[str, float]) -> Workload:
    """`modes`: those of PyFlink, and how many times as fast Millstream is to be."""
    arguments = ("keyed_reduce.py", str(setup.size(1_000_000, 10_000)), str(parallelism))
    theirs = {mode: Contender(f"PyFlink, {mode}", _timed(setup.theirs("flink", *arguments, mode))) for mode in modes}
    goals = [Goal(1 / times, theirs[mode].name) for mode, times in modes.items()]
    ours = Contender("Millstream", _timed(setup.ours("flink", *arguments, "thread")), {"s": goals})
    return Workload(f"map, filter, key_by, reduce, 1M records, parallelism {parallelism}", [*theirs.values(), ours])


#: By the names that `--only` takes; those that take longest last.
WORKLOADS: Dict[str, Callable[[Setup], Workload]] = {
    "import": importing,
    "start": first_result,
    "network": first_batch,
    "wordcount": word_count,
    "reduce": lambda setup: pairs(setup, "reduce", 10_000_000, 2.0),
    "sort": lambda setup: pairs(setup, "sort", 5_000_000, 2.5),
    "join": lambda setup: pairs(setup, "join", 2_000_000, 3.0),
    "stream1": lambda setup: stream(setup, 1, {"thread": 15.0}),
    "stream2": lambda setup: stream(setup, 2, {"thread": 15.0, "process": 60.0}),
}
