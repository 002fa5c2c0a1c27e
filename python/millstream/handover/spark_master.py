"""Is a Spark master there, and who answers if not.

A master is asked over its own protocol, at the address that programs use: it listens to HTTP at another port,
which an address does not tell. The question is the one that every client begins with: whether an endpoint of
the name `Master` is here. Asked so, a master logs no error.

The frames: eight bytes of length (its own among them), a byte of kind, eight bytes of number, four of the
body's length, the body. A question's body: the asker's address (absent), the asked one's, the endpoint's
name, then the question as Java writes an object.
"""

from __future__ import annotations

import socket
import struct
from enum import Enum
from typing import List, NamedTuple, Optional

from millstream.handover.server import PATIENCE, NoAnswer, Server, host_and_port, shown, unreachable
from millstream.handover.refusal import Refused

_QUESTION, _ANSWER, _FAILURE = 3, 4, 5
_CLASS = "org.apache.spark.rpc.netty.RpcEndpointVerifier$CheckExistence"
#: The version of that class in Spark 4. Another one would be answered by a failure that names the class.
_CLASS_VERSION = 5378738997755484868
_LIMIT = 1 << 16
EXPECTED = "expected the address of a standalone master, as spark://host:7077"


class Found(Enum):
    """Who listens at an address."""

    MASTER = "a master"
    OTHER_SPARK = "a process of Spark, but no master (perhaps a worker or a driver)"
    HTTP = "an HTTP server"


class Master(NamedTuple):
    """A master that was asked and found to be one."""

    #: As it is given to Spark: `spark://host:port`, or several hosts separated by commas.
    url: str


def find(address: str) -> Master:
    """The master at an address: `spark://host:port[,host:port]`, `host:port`, or the URL of its web page.

    Refused, with who answered what, if there is none.
    """
    if address.startswith(("http://", "https://")):
        return _by_web_page(address)
    hosts = address[len("spark://") :] if address.startswith("spark://") else address
    if "://" in hosts:
        raise Refused(f"--master: `{address}` is no address of a Spark cluster; {EXPECTED}")
    faults: List[str] = []
    for part in hosts.split(","):
        try:
            found = _ask(*host_and_port(part))
        except ValueError as error:
            raise Refused(f"--master: {error}; {EXPECTED}") from None
        except NoAnswer as why:
            faults.append(f"no Spark master at {part}: {_by_http(part) or why}")
            continue
        if found is Found.MASTER:
            return Master(f"spark://{hosts}")
        faults.append(f"no Spark master at {part}: {_hint(part, found)}")
    raise Refused(f"{'; '.join(faults)}; {EXPECTED}")


def _hint(part: str, found: Found) -> str:
    if found is not Found.HTTP:
        return f"what listens there is {found.value}"
    try:
        master = _by_web_page(f"http://{part}")
        return f"what listens there is the web page of {master.url}, which is the address to give"
    except Refused:
        return _by_http(part) or f"what listens there is {found.value}"


def _by_http(part: str) -> Optional[str]:
    """What is answered there by HTTP; a server of that kind may wait for the rest of a line that never
    comes."""
    try:
        reply = Server(part, 3.0).get("/json/")
        return f"what listens there is an HTTP server, which answers {reply.described()}"
    except NoAnswer:
        return None


def _by_web_page(url: str) -> Master:
    try:
        server = Server(url)
        reply = server.get("/json/")
    except ValueError as error:
        raise Refused(f"--master: {error}; {EXPECTED}") from None
    except NoAnswer as why:
        raise Refused(f"no Spark master at {url}: {why}; {EXPECTED}") from None
    told = reply.json()
    if (
        reply.status != 200
        or not isinstance(told, dict)
        or not str(told.get("url", "")).startswith("spark://")
    ):
        raise Refused(f"no Spark master at {url}: the answer is {reply.described()}; {EXPECTED}")
    if told.get("status") != "ALIVE":
        raise Refused(
            f"the Spark master at {url} is {told.get('status')}: give the address of the one that is ALIVE"
        )
    if not told.get("aliveworkers"):
        raise Refused(f"the Spark master at {url} has no worker: the program would wait for one for ever")
    return Master(told["url"])


def _ask(host: str, port: int) -> Found:
    """Who listens there; raises `NoAnswer` if nobody says anything."""
    try:
        with socket.create_connection((host, port), PATIENCE) as connection:
            connection.settimeout(PATIENCE)
            connection.sendall(question(host, port))
            told = connection.recv(_LIMIT)
            while told and not complete(told) and len(told) < _LIMIT:
                more = connection.recv(_LIMIT)
                if not more:
                    break
                told += more
    except OSError as error:
        raise NoAnswer(unreachable(error, PATIENCE)) from None
    return understood(told)


def question(host: str, port: int) -> bytes:
    """The frame that asks the process at an address whether it is a master."""
    checked = b"sr" + _text(_CLASS) + struct.pack(">qBH", _CLASS_VERSION, 2, 1)
    checked += b"L" + _text("name") + b"t" + _text("Ljava/lang/String;") + b"xp" + b"t" + _text("Master")
    receiver = b"\x01" + _text(host) + struct.pack(">i", port) + _text("endpoint-verifier")
    body = b"\x00" + receiver + b"\xac\xed\x00\x05" + checked
    return struct.pack(">qBqi", 8 + 13 + len(body), _QUESTION, 1, len(body)) + body


def complete(told: bytes) -> bool:
    """True if the bytes are at least one frame, or none of Spark's."""
    if len(told) < 8:
        return False
    length = int(struct.unpack_from(">q", told)[0])
    return not 21 <= length < _LIMIT or len(told) >= length


def understood(told: bytes) -> Found:
    """What the bytes that were answered say.

    >>> understood(b"HTTP/1.1 400 Bad Request")
    <Found.HTTP: 'an HTTP server'>
    """
    if told.startswith(b"HTTP/"):
        return Found.HTTP
    if len(told) < 21 or told[8] not in (_ANSWER, _FAILURE):
        if not told:
            raise NoAnswer("what listens there closes the connection without an answer")
        raise NoAnswer(f"what listens there does not speak Spark's protocol: it said {shown(told)}")
    if told[8] == _ANSWER:
        return Found.MASTER if told.endswith(b"\x01") else Found.OTHER_SPARK
    # Another version of the class, or one that wants to know first who asks: a Spark, of which no more can be
    # known.
    return Found.OTHER_SPARK if b"Could not find" in told else Found.MASTER


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded
