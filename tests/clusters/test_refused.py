"""What is refused, and said about it, before anything is submitted."""

import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from conftest import LIMIT, PROGRAMS, get, known


def submitted(cluster) -> int:
    """How many programs the cluster has seen."""
    if cluster.engine == "flink":
        return len(get(f"http://{cluster.master}/jobs/overview")["jobs"])
    told = get(known("MILLSTREAM_SPARK_PAGE") + "/json/")
    return len(told["activeapps"]) + len(told["completedapps"])


def refused(cluster, script, **others) -> str:
    """What is said of a program that is not handed over, within seconds."""
    before = submitted(cluster)
    began = time.monotonic()
    ran = cluster.run(script, **others)
    assert ran.ended() == 2, ran.said()
    assert time.monotonic() - began < 30 and ran.output == "" and "Traceback" not in ran.errors, ran.said()
    assert submitted(cluster) == before
    return ran.errors


def harmless(cluster):
    return PROGRAMS / f"failing_{cluster.engine}.py"


@pytest.fixture
def stranger():
    """A server that answers something else to everything: by HTTP, or a line of text."""
    open_ = []

    def start(kind: str) -> str:
        if kind == "http":
            server = HTTPServer(("127.0.0.1", 0), Teapot)
            threading.Thread(target=server.serve_forever).start()
            open_.append(server)
            return f"127.0.0.1:{server.server_port}"
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(
            target=greet, args=(listener, b"SSH-2.0-somebody\r\n" if kind == "text" else b"")
        ).start()
        open_.append(listener)
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for one in open_:
        if isinstance(one, HTTPServer):
            one.shutdown()
            one.server_close()
        else:
            one.shutdown(socket.SHUT_RDWR)
            one.close()


class Teapot(BaseHTTPRequestHandler):
    server_version = "teapot/1"

    def do_GET(self):
        body = b"<html>short and stout</html>"
        self.send_response(418)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def greet(listener, text):
    held = []
    try:
        while True:
            held.append(listener.accept()[0])
            held[-1].sendall(text)
    except OSError:
        for one in held:
            one.close()


def test_a_client_that_is_not_installed_names_the_extra(either, without_clients):
    said = refused(either, harmless(either), client=without_clients)
    title = either.engine.capitalize()
    assert (
        said.startswith(f"error: {title}'s client (")
        and f"`pip install 'millstream[{either.engine}]'`" in said
    )


def test_a_missing_java_is_named(either, tmp_path):
    either.environment = {**either.environment, "PATH": str(tmp_path), "JAVA_HOME": ""}
    said = refused(either, harmless(either))
    assert "there is no Java" in said and "set JAVA_HOME" in said
    either.environment["JAVA_HOME"] = str(tmp_path)
    assert f"JAVA_HOME is {tmp_path}, but {tmp_path}/bin/java cannot be started" in refused(
        either, harmless(either)
    )


def test_a_script_that_does_not_exist_is_named(either, tmp_path):
    assert f"{tmp_path}/none.py" in refused(either, tmp_path / "none.py")
    assert "is a folder" in refused(either, tmp_path)


def test_a_program_with_a_syntax_error_is_named_with_its_line(either, program):
    path = program("x = 1\ny = (\n")
    assert f"error: {path}:2: SyntaxError: '(' was never closed" in refused(either, path)


def test_nobody_at_the_address(either):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    said = refused(either, harmless(either), master=address)
    assert f"at {address}: connection refused; expected the" in said


@pytest.mark.parametrize(
    "kind, flink_says, spark_says",
    [
        (
            "http",
            "the answer is HTTP 418 of `teapot/1",
            "what listens there is an HTTP server, which answers HTTP 418 of `teapot/1",
        ),
        (
            "text",
            "does not speak HTTP: it said 'SSH-2.0-somebody'",
            "does not speak Spark's protocol: it said 'SSH-2.0-somebody'",
        ),
        ("silence", "nothing was answered within 4 s", "nothing was answered within 4 s"),
    ],
)
def test_another_service_at_the_address_is_quoted(either, stranger, kind, flink_says, spark_says):
    address = stranger(kind)
    said = refused(either, harmless(either), master=address)
    assert f"at {address}: " in said and (flink_says if either.engine == "flink" else spark_says) in said


def test_the_peers_own_other_addresses_are_told_apart(flink, spark):
    page = known("MILLSTREAM_SPARK_PAGE")
    said = refused(spark, harmless(spark), master=f"spark://{page[len('http://') :]}")
    assert f"is the web page of {spark.master}, which is the address to give" in said
    said = refused(spark, harmless(spark), master=known("MILLSTREAM_SPARK_WORKER"))
    assert "a process of Spark, but no master" in said
    assert "that is a page of Spark's" in refused(flink, harmless(flink), master=page)
    assert "no Flink cluster at" in refused(flink, harmless(flink), master=spark.master[len("spark://") :])
    assert "no Spark master at" in refused(spark, harmless(spark), master=flink.master)


@pytest.mark.parametrize("address", ["", "nowhere", "host:port", "yarn://host:1"])
def test_what_is_no_address_is_refused(either, address):
    assert "expected the" in refused(either, harmless(either), master=address)


def test_names_that_only_we_have_are_refused_with_their_lines(flink, program):
    path = program(
        """
        from millstream.flink.datastream import StreamExecutionEnvironment
        from millstream.flink.nowhere import Nothing
        from millstream.errors import TaskError
        import millstream.spark

        env = StreamExecutionEnvironment.get_execution_environment()
        numbers = env.add_source([1]).map(lambda n: n)
        numbers.key_by(lambda n: n).summ(0)
        numbers.print(identifier="x")
        """
    )
    said = refused(flink, path)
    assert said.splitlines()[0].startswith("error: Flink 2.") and "lacks 5 names" in said
    for line, what in [
        (2, "has no module `pyflink.nowhere`"),
        (3, "`millstream.errors` is Millstream's own"),
        (4, "`millstream.spark` is for Spark, but the program is handed to Flink"),
        (8, "has no name `summ`; there is `sum`"),
        (9, "has no argument `identifier`; there is `sink_identifier`"),
    ]:
        assert any(text.startswith(f"{path}:{line}: ") and what in text for text in said.splitlines()), said
    assert "    numbers.key_by(lambda n: n).summ(0)\n" in said


def test_names_of_spark_are_looked_for_beside_the_program_too(spark, program):
    program(
        "from millstream.spark import RDD\n\ndef twice(rdd: RDD):\n    return rdd.map_twice(2)\n", "beside.py"
    )
    path = program("import beside\nfrom millstream.spark import SparkContext\nSparkContext().nap()\n")
    said = refused(spark, path)
    assert f"{path.parent}/beside.py:4: `RDD` of Spark 4." in said and "has no name `map_twice`" in said
    assert f"{path}:3: `SparkContext` of Spark 4." in said


def test_what_the_program_itself_guards_is_not_refused(spark, program):
    ran = spark.run(
        program(
            """
            try:
                from millstream.spark import Nothing
            except ImportError:
                print("guarded")
            raise SystemExit("enough")
            """
        )
    )
    assert ran.ended() == 1 and ran.output == "guarded\n" and "enough" in ran.errors


def test_none_of_the_peers_own_examples_is_refused(either):
    looked = subprocess.run(
        [either.client, "-c", EXAMPLES, either.engine],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=True,
    )
    *refusals, count = looked.stdout.splitlines()
    assert refusals == [] and int(count) > 30


EXAMPLES = """
import pathlib, sys
from millstream.handover import client, translation

peer = client.peer(sys.argv[1])
programs = sorted(pathlib.Path(client.home(peer), "examples").glob("**/*.py"))
for program in programs:
    found = translation.translate(program.read_text(), str(program), peer, client.version(peer))
    print(*found.refusals, sep="\\n", end="\\n" if found.refusals else "")
print(len(programs))
"""


def test_a_source_without_end_is_refused_by_the_driver(flink, program):
    before = submitted(flink)
    path = program(
        """
        import itertools
        from millstream.flink.datastream import StreamExecutionEnvironment
        env = StreamExecutionEnvironment.get_execution_environment()
        env.add_source(itertools.count()).print()
        env.execute("never")
        """
    )
    ran = flink.run(path)
    assert ran.ended() == 1 and "the source has not ended after 1,000,000 records" in ran.errors, ran.said()
    assert f'File "{path}", line 4' in ran.errors and submitted(flink) == before
