"""Sources and sinks of the outside world. Those that are not there yet say so when they are imported."""

from __future__ import annotations

import sys
from typing import Any

_BOTH = "add_source takes any iterable or generator function, add_sink any function of one record"
_OUT = "add_sink takes any function of one record, or an object with a method invoke(value)"
_LATER = {
    "aws": _OUT,
    "cassandra": _OUT,
    "elasticsearch": _OUT,
    "hybrid_source": "add_source takes any iterable, such as an itertools.chain of two",
    "jdbc": _OUT,
    "kinesis": _BOTH,
    "pulsar": _BOTH,
    "rabbitmq": _BOTH,
}


class _Later:
    """Finds none of them, and says what can be used instead."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        """Called for modules that nobody else has found."""
        package, _, module = name.rpartition(".")
        if package == __name__ and module in _LATER:
            raise ModuleNotFoundError(f"{name} is not supported here yet; {_LATER[module]}", name=name)


sys.meta_path.append(_Later)  # type: ignore[arg-type]
