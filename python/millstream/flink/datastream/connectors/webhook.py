"""Records posted to an HTTP server. Flink has no such sink of its own; the names are this package's.

>>> delays = WebhookSink.builder().set_url("https://hooks.example/delays").set_header("Authorization", "Bearer ...")
>>> delays = delays.set_property("format", "json-lines").set_property("batch-records", "100").build()
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from millstream.flink.datastream.connectors.base import Sink

__all__ = ["WebhookSink", "WebhookSinkBuilder"]


def _plain(value: Any) -> Any:
    """What JSON has no name for, as what it has: rows with names as objects, other rows and tuples as arrays."""
    from millstream.flink.common.types import Row

    if isinstance(value, Row):
        return value.as_dict() if getattr(value, "_fields", None) else list(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat()
    raise TypeError(
        f"a WebhookSink posts JSON, which has no {type(value).__name__}: map the records to dicts, lists, numbers and texts"
    )


def _json(record: Any) -> str:
    import json

    return json.dumps(record, default=_plain, ensure_ascii=False, separators=(",", ":"))


class WebhookSink(Sink):
    """Posts records as JSON, many in a request. At least once: a checkpoint is complete only when all that stands before
    it was answered with a success; what was not is posted again, with the same key in `Idempotency-Key`."""

    def __init__(self, url: str, headers: List[Tuple[str, str]], properties: Dict[str, str]) -> None:
        self._url, self._headers, self._properties = url, headers, properties

    @staticmethod
    def builder() -> "WebhookSinkBuilder":
        """Begins to put one together."""
        return WebhookSinkBuilder()

    def _sink_engine(self) -> Tuple[str, str, Any, Dict[str, Any]]:
        settings = {"address": self._url, "headers": self._headers, "settings": list(self._properties.items())}
        return "webhook", "WebhookSink", _json, settings


class WebhookSinkBuilder:
    """Puts a `WebhookSink` together."""

    def __init__(self) -> None:
        self._url: Optional[str] = None
        self._headers: List[Tuple[str, str]] = []
        self._properties: Dict[str, str] = {}

    def set_url(self, url: str) -> "WebhookSinkBuilder":
        """Where to, beginning with `http://` or `https://`."""
        self._url = url
        return self

    def set_header(self, name: str, value: str) -> "WebhookSinkBuilder":
        """Gives each request a header; its value is in no message."""
        self._headers.append((name, value))
        return self

    def set_property(self, name: str, value: Any) -> "WebhookSinkBuilder":
        """One of the engine's settings, such as `format`, `batch-records`, `give-up-after` or `tls-ca`."""
        self._properties[name] = str(value)
        return self

    def build(self) -> WebhookSink:
        """The sink."""
        if self._url is None:
            raise ValueError("a WebhookSink needs set_url(...), such as https://hooks.example/path")
        return WebhookSink(self._url, list(self._headers), dict(self._properties))
