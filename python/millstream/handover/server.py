"""Questions to a server that may be another than expected, or none.

Answers for a reply, or an error that says who answered what, within seconds.
Holds: no call takes longer than its limit between two bytes; what is shown of a stranger's answer is short
and printable.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from typing import Any, Dict, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

#: Seconds until a server that says nothing is taken for absent.
PATIENCE = 4.0


class NoAnswer(Exception):
    """Nobody is there, or somebody who does not speak HTTP. The text continues a sentence: "..., but
    <text>"."""


class Reply(NamedTuple):
    """What a server said."""

    status: int
    headers: Dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or `None` if it is something else."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def described(self) -> str:
        """Who answered what, for a message."""
        server = f" of `{self.headers['server']}`" if "server" in self.headers else ""
        kind = self.headers.get("content-type", "").split(";")[0]
        return f"HTTP {self.status}{server}, {kind or 'no type'}: {shown(self.body)}"


def shown(data: bytes, length: int = 60) -> str:
    """The beginning of bytes that came from a stranger.

    >>> shown(b"SSH-2.0-x\\r\\n"), shown(b"")
    ("'SSH-2.0-x'", 'nothing')
    """
    if not data:
        return "nothing"
    text = " ".join(data[: 4 * length].decode("utf-8", "backslashreplace").split())
    return repr(text if len(text) <= length else text[: length - 3] + "...")


class Server:
    """A server at an address, given as `host:port` or as a URL with an optional path in front of all
    others."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        wrong = ValueError(f"`{url}` is no address: expected host:port or http://host:port")
        parts = urlsplit(url if "://" in url else f"http://{url}")
        self.https = parts.scheme == "https"
        try:
            port = parts.port
        except ValueError:
            raise wrong from None
        if parts.scheme not in ("http", "https") or not parts.hostname or (port is None and "://" not in url):
            raise wrong
        self.host = parts.hostname
        self.port = port or (443 if self.https else 80)
        self.prefix = parts.path.rstrip("/")
        self.patience = patience

    def __str__(self) -> str:
        return f"{'https://' if self.https else ''}{self.host}:{self.port}{self.prefix}"

    def get(self, path: str) -> Reply:
        """The reply to a GET; raises `NoAnswer` if there is none."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str) -> Reply:
        """The reply to a question; raises `NoAnswer` if there is none."""
        try:
            connection = self._connection()
            try:
                connection.request(method, self.prefix + path, headers={"Accept": "application/json"})
                response = connection.getresponse()
                headers = {name.lower(): value for name, value in response.getheaders()}
                return Reply(response.status, headers, response.read())
            finally:
                connection.close()
        except http.client.RemoteDisconnected:
            raise NoAnswer("what listens there closes the connection without an answer") from None
        except http.client.BadStatusLine as error:
            raise NoAnswer(
                f"what listens there does not speak HTTP: it said {shown(str(error.args[0]).encode())}"
            ) from None
        except http.client.HTTPException as error:
            raise NoAnswer(f"what listens there does not speak HTTP well ({type(error).__name__})") from None
        except OSError as error:
            raise NoAnswer(unreachable(error, self.patience)) from None

    def _connection(self) -> http.client.HTTPConnection:
        if self.https:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self.port, timeout=self.patience, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=self.patience)


def unreachable(error: OSError, patience: float) -> str:
    """Why a socket failed, as the end of a sentence."""
    if isinstance(error, socket.timeout):
        return f"nothing was answered within {patience:g} s"
    if isinstance(error, socket.gaierror):
        return f"the name of the host is not known ({error.strerror})"
    if isinstance(error, ConnectionResetError):
        return "what listens there closes the connection without an answer"
    return (error.strerror or str(error)).lower()


def host_and_port(text: str, default: Optional[int] = None) -> Tuple[str, int]:
    """The two halves of `host:port`; raises `ValueError` with what would be right.

    >>> host_and_port("localhost:7077"), host_and_port("[::1]:7077")
    (('localhost', 7077), ('::1', 7077))
    """
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port or default
    except ValueError:
        host, port = None, None
    if not host or not port:
        raise ValueError(f"`{text}` is no address: expected host:port")
    return host, port
