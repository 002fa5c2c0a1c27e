"""Standard input and output, and webhooks."""

import http.server
import json
import subprocess
import sys
import textwrap
import threading

import pytest

from millstream.flink.common import Row, Types
from millstream.flink.datastream import StreamExecutionEnvironment
from millstream.flink.datastream.connectors.base import Sink, Source
from millstream.flink.datastream.connectors.file_system import FileSink, FileSource
from millstream.flink.datastream.connectors.number_seq import NumberSequenceSource
from millstream.flink.datastream.connectors.standard_io import StandardInputSource, StandardOutputSink
from millstream.flink.datastream.connectors.webhook import WebhookSink

PIPED = """
    import sys
    from millstream.flink.common import WatermarkStrategy
    from millstream.flink.datastream import StreamExecutionEnvironment
    from millstream.flink.datastream.connectors.standard_io import StandardInputSource, StandardOutputSink

    env = StreamExecutionEnvironment.get_execution_environment().set_parallelism(2)
    source = StandardInputSource(**dict(argument.split("=") for argument in sys.argv[1:]))
    lines = env.from_source(source, WatermarkStrategy.no_watermarks(), "in")
    lines.map(lambda line: line.upper()).sink_to(StandardOutputSink())
    env.execute("piped")
"""


def piped(text, *arguments):
    command = [sys.executable, "-c", textwrap.dedent(PIPED), *arguments]
    return subprocess.run(command, input=text, capture_output=True, timeout=120)


def test_a_job_stands_in_a_pipe():
    done = piped("to be\nor nöt\nlast".encode())
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.decode().splitlines()) == ["LAST", "OR NÖT", "TO BE"]


def test_bad_text_and_bad_settings_of_a_pipe_are_told():
    assert b"standard input" in piped(b"good\n\xff\n").stderr
    assert piped(b"good\n\xff\n", "bad_text=skip").stdout == b"GOOD\n"
    told = piped(b"", "bad_txt=skip").stderr.decode()
    assert "bad-txt" in told and "bad-text" in told


class Taking(http.server.BaseHTTPRequestHandler):
    """Answers the first request that it is busy, and takes the others."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.headers, body))
        self.send_response(503 if len(self.server.requests) == 1 else self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    taking = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    taking.requests, taking.status = [], 204
    threading.Thread(target=taking.serve_forever, daemon=True).start()
    yield taking
    taking.shutdown()
    taking.server_close()


def post(server, records, kind=None, **properties):
    builder = WebhookSink.builder().set_url(f"http://127.0.0.1:{server.server_port}/secret-path")
    builder.set_header("Authorization", "Bearer hush").set_property("retry-first-delay", "1 ms")
    for name, value in properties.items():
        builder.set_property(name.replace("_", "-"), value)
    env = StreamExecutionEnvironment.get_execution_environment()
    env.from_collection(records, kind).sink_to(builder.build())
    env.execute("posting")


def test_records_are_posted_as_json_until_they_are_taken(server):
    named = Types.ROW_NAMED(["airport", "minutes"], [Types.STRING(), Types.INT()])
    post(server, [Row("JFK", 5), Row("LGÄ", 7)], named)
    (_, refused), (headers, taken) = server.requests
    assert refused == taken and headers["Authorization"] == "Bearer hush"
    assert json.loads(taken) == [{"airport": "JFK", "minutes": 5}, {"airport": "LGÄ", "minutes": 7}]
    server.requests.clear()
    post(server, [{"n": n} for n in range(5)], format="json-lines", batch_records="2")
    taken = b"".join(body for _, body in server.requests[1:])
    assert [json.loads(line) for line in taken.splitlines()] == [{"n": n} for n in range(5)]


def test_a_webhook_that_refuses_fails_the_job_and_tells_no_secret(server):
    server.status = 403
    with pytest.raises(Exception) as told:
        post(server, [1, 2])
    assert "403" in str(told.value) and f"127.0.0.1:{server.server_port}" in str(told.value)
    assert "hush" not in str(told.value) and "secret-path" not in str(told.value)
    with pytest.raises(Exception, match="batch-recrds"):
        post(server, [1], batch_recrds=1)
    with pytest.raises(ValueError, match=r"needs set_url\(\.\.\.\)"):
        WebhookSink.builder().build()


def test_sources_and_sinks_are_what_base_says():
    assert issubclass(NumberSequenceSource, Source) and issubclass(FileSource, Source)
    assert issubclass(StandardInputSource, Source)
    assert all(issubclass(kind, Sink) for kind in (FileSink, StandardOutputSink, WebhookSink))
