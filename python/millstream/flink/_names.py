"""Names that are imported when somebody asks for them, so that a package is there at once."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Callable, Dict


def importer(package: str, modules: Dict[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package, some of whose names are in modules of it.

    >>> importer("millstream.flink.common", {"JobID": "job_id"})("JobID").__name__
    'JobID'
    """

    def absent(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = f"{package}.{modules[name]}"
        try:
            return getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise AttributeError(f"module {package!r} has no {name!r} here") from None

    return absent
