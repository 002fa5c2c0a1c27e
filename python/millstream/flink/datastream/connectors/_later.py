"""Connectors that are not there yet: asking for one says so."""

from __future__ import annotations

from typing import Any, Callable


def refusing(module: str, instead: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module of PyFlink's whose classes are not there yet.

    >>> refusing("kafka", "add_source takes any iterable")("KafkaSource")
    Traceback (most recent call last):
    ...
    ImportError: kafka.KafkaSource is not supported here yet; add_source takes any iterable
    """

    def absent(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(f"{module}.{name} is not supported here yet; {instead}")

    return absent
