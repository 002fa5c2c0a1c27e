"""From the start of a process to the first batch that a network word count prints, and the memory it takes.

    python bench/python/first_batch.py [--runs N] [--peer PYTHON]

runs the program with the `millstream` of this interpreter and, if the interpreter of an environment with PySpark is given,
with that, in turns. The interval is a second, and batches are cut at whole seconds: what is measured depends on when within
its second a process begins, so the runs are spread over the second. The server sends a line every 10 ms from the start.
"""

import argparse
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import threading
import time
from typing import Dict, List, Tuple

PROGRAM = """
import sys
from {package} import SparkContext
from {package}.streaming import StreamingContext

sc = SparkContext("{master}", "NetworkWordCount")
ssc = StreamingContext(sc, 1)
lines = ssc.socketTextStream("localhost", int(sys.argv[1]))
lines.flatMap(lambda line: line.split(" ")).map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b).pprint()
ssc.start()
ssc.awaitTermination()
"""


def serve(server: socket.socket) -> None:
    """Sends lines to whoever connects."""
    while True:
        try:
            peer, _ = server.accept()
        except OSError:
            return
        try:
            while True:
                peer.sendall(b"to be or not to be\n")
                time.sleep(0.01)
        except OSError:
            peer.close()


def memory(process: int) -> int:
    """The resident memory of a process and of all below it, in bytes."""
    total, waiting = 0, [process]
    while waiting:
        one = pathlib.Path(f"/proc/{waiting.pop()}")
        try:
            total += int((one / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for thread in (one / "task").iterdir():
                waiting.extend(map(int, (thread / "children").read_text().split()))
        except OSError:
            continue  # It has ended meanwhile.
    return total


def one(python: str, package: str, master: str) -> Tuple[float, float, float]:
    """Seconds to the first printed batch and to the first count in one, and bytes of memory then."""
    with socket.create_server(("localhost", 0)) as server:
        threading.Thread(target=serve, args=[server], daemon=True).start()
        port = server.getsockname()[1]
        begin = time.monotonic()
        process = subprocess.Popen(
            [python, "-c", PROGRAM.format(package=package, master=master), str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        batch = count = None
        for line in process.stdout or ():
            if line.startswith("Time:") and batch is None:
                batch = time.monotonic() - begin
            if line.startswith("("):
                count = time.monotonic() - begin
                break
        used = memory(process.pid)
        process.kill()
        process.wait()
    if batch is None or count is None:
        raise SystemExit(f"{package} with {python} printed no batch")
    return batch, count, float(used)


def main() -> None:
    """Prints a line for each contender: median and range."""
    cli = argparse.ArgumentParser()
    cli.add_argument("--runs", type=int, default=10)
    cli.add_argument("--peer")
    arguments = cli.parse_args()
    contenders = [(sys.executable, "millstream.spark", "local"), (sys.executable, "millstream.spark", "local[2]")]
    if arguments.peer:
        contenders.append((arguments.peer, "pyspark", "local[2]"))
    found: Dict[Tuple[str, str], List[Tuple[float, float, float]]] = {}
    for run in range(arguments.runs):
        for python, package, master in contenders:
            time.sleep((run / arguments.runs - time.time()) % 1)
            found.setdefault((package, master), []).append(one(python, package, master))
    for (package, master), runs in found.items():
        batch, count, used = zip(*runs)
        shown = " | ".join(
            f"{what} {statistics.median(each):.2f} s ({min(each):.2f}-{max(each):.2f})"
            for what, each in (("first batch", batch), ("first count", count))
        )
        print(f"{package} {master}: {shown} | {statistics.median(used) / 2**20:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
