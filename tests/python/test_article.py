"""The two programs of the article that started the project, as printed but for imports and what is left open.

Left open are the source and the sink of the one, printed as `...`, and the server that the other listens to.
"""

import ast
import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest

FLINK = """
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.operations import Map

env = StreamExecutionEnvironment.get_execution_environment()

data_stream = env.add_source(...)

result_stream = data_stream.map(lambda x: x * 2)

result_stream.add_sink(...)

env.execute("Flink Streaming Example")
"""

SPARK = """
from pyspark import SparkContext
from pyspark.streaming import Stream

sc = SparkContext("local", "NetworkWordCount")

ssc = StreamingContext(sc, batch_interval=1)

lines = ssc.socket_text_stream("localhost", 9999)

words = lines.flatmap(lambda line: line.split(" "))

pairs = words.map(lambda word: (word, 1))

word_counts = pairs.reduce_by_key(lambda a, b: a + b)

word_counts.pprint()

ssc.start()

ssc.await_termination()
"""

COMMAND = str(Path(sys.executable).with_name("millstream"))

#: How each is started, and how the packages are called in it.
WAYS = [
    pytest.param([sys.executable], "millstream.flink", "millstream.spark", id="python job.py"),
    pytest.param([COMMAND, "run"], "millstream.flink", "millstream.spark", id="millstream run"),
    pytest.param([COMMAND, "run", "--as"], "pyflink", "pyspark", id="millstream run --as"),
]

#: A network of its own, in which port 9999 is free; the server in it is left by the first who connects.
SERVED = """
import fcntl, re, signal, socket, struct, subprocess, sys

with socket.socket() as asked:
    fcntl.ioctl(asked, 0x8914, struct.pack("16sh14x", b"lo", 1 | 64))  # SIOCSIFFLAGS: up and running
with socket.create_server(("localhost", 9999)) as server:
    program = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
    server.settimeout(30)
    peer = server.accept()[0]
    peer.sendall(b"to be or\\nnot to be\\n")
    counted = 0
    for line in program.stdout:
        print(line, end="")
        counted += sum(map(int, re.findall(r"^\\('\\w+', (\\d+)\\)$", line)))
        if counted == 6:
            program.send_signal(signal.SIGINT)
            break
    program.communicate(timeout=30)
    sys.exit(program.returncode != -signal.SIGINT)
"""


def changed(program, imports, places=()):
    """The program with other lines of imports, and what is left open filled in."""
    lines = [line for line in program.strip().splitlines() if not line.startswith("from ")]
    for place in places:
        at = next(at for at, line in enumerate(lines) if "..." in line)
        lines[at] = lines[at].replace("...", place)
    return "\n".join([*imports, *lines]) + "\n"


def test_only_imports_and_what_is_left_open_are_changed():
    text = changed(FLINK, ["from a import b"], ["[1, 2]", "print"])
    kept = [line for line in text.splitlines() if line in FLINK.splitlines()]
    assert len(kept) == len(text.splitlines()) - 3
    assert changed(SPARK, []).splitlines() == SPARK.strip().splitlines()[2:]


@pytest.mark.parametrize("start, flink, spark", WAYS)
def test_the_program_for_flink(start, flink, spark, tmp_path):
    start = [*start, "pyflink"] if start[-1] == "--as" else start
    source = "(n for n in range(4))"
    (tmp_path / "job.py").write_text(
        changed(FLINK, [f"from {flink}.datastream import StreamExecutionEnvironment"], [source, "print"])
    )
    ended = subprocess.run([*start, "job.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["0", "2", "4", "6"]


@pytest.mark.parametrize("start, flink, spark", WAYS)
def test_the_program_for_spark(start, flink, spark, tmp_path):
    start = [*start, "pyspark"] if start[-1] == "--as" else start
    imports = [f"from {spark} import SparkContext", f"from {spark}.streaming import StreamingContext"]
    (tmp_path / "job.py").write_text(changed(SPARK, imports))
    (tmp_path / "served.py").write_text(textwrap.dedent(SERVED))
    rights = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]
    ended = subprocess.run(
        ["unshare", *rights, sys.executable, "served.py", *start, "job.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == "-" * 43 and lines[1].startswith("Time: 20") and lines[2] == "-" * 43
    # The two lines may fall into two batches.
    counts = Counter()
    for word, count in (ast.literal_eval(line) for line in lines if line.startswith("(")):
        counts[word] += count
    assert counts == {"be": 2, "not": 1, "or": 1, "to": 2}
    assert ended.stderr.splitlines()[-1] == "KeyboardInterrupt"
