"""What is said about a name of PyFlink or PySpark that has no counterpart here.

Answers for the exception saying which line of the program asked for which name, why it is not there and what
is. Not for which names there are: an exception that nobody caught is explained after it was raised.
Holds: only what is about our modules and classes is explained; every other exception stays as it is.
"""

from __future__ import annotations

import importlib
import re
import sys
from types import FrameType, ModuleType
from typing import Any, Dict, List, Optional, Tuple

from millstream._answers import PACKAGES, answered

_OURS = __file__[: -len("_counterparts.py")]

_IMPORTLIB = importlib.__file__[: -len("__init__.py")]

_NO_JAVA = "it reaches for Java, and there is none here: the engine is no JVM"

#: Why whole parts of the peers have no counterpart. The first that a name begins with counts.
_REASONS: Tuple[Tuple[str, str], ...] = (
    ("pyflink.java_gateway", _NO_JAVA),
    ("pyflink.pyflink_gateway_server", _NO_JAVA),
    ("pyflink.table", "there are no tables and no SQL in Python yet; DataStream programs run"),
    ("pyflink.ml", "there is no machine learning here"),
    ("pyflink.datastream.connectors", "this connector does not exist in Python yet"),
    ("pyspark.java_gateway", _NO_JAVA),
    ("pyspark.sql", "there are no DataFrames and no SQL in Python yet; programs of RDDs and DStreams run"),
    ("pyspark.pandas", "there are no DataFrames in Python yet; programs of RDDs and DStreams run"),
    ("pyspark.ml", "there is no machine learning here"),
    ("pyspark.mllib", "there is no machine learning here"),
    ("pyspark.serializers", "records are encoded by the engine, in columns or by pickle"),
)

#: Packages that programs import for the sake of Java.
_BRIDGES = ("py4j", "pemja", "findspark")

#: Attributes that hold objects of Java, in either package: `_jvm`, `_j_stream_execution_environment`,
#: `get_gateway`.
_JAVA = re.compile(
    r"_?j(_|vm|sc|rdd|conf|ssc|dstream|avaobj|query|gateway)|_*j_\w+|_?gateway$|get_gateway|get_java_|Java"
)


def no_module(name: str) -> ModuleNotFoundError:
    """For the import of a module that we have no counterpart of."""
    place = _place_of_the_call()
    return ModuleNotFoundError(f"{place}{_absent(name)}", name=name)


def explain(error: BaseException) -> None:
    """Lets the exception say what it is about, if it is about a name that we do not have."""
    place = _place(error)
    if isinstance(error, ImportError):
        is_said_by_us = _cut_our_end(error)
        said = _import(error)
        if said is None and is_said_by_us and place not in str(error.msg):
            said = str(error.msg)
        if said is not None:
            error.msg = place + said
            error.args = (error.msg,)
    elif isinstance(error, AttributeError):
        said = _attribute(error)
        if said is not None:
            error.args = (place + said,)


def _import(error: ImportError) -> Optional[str]:
    name = error.name or ""
    root = name.partition(".")[0]
    found = re.match(
        r"cannot import name '(\w+)' from '(millstream\.(?:flink|spark)[\w.]*)'", error.msg or ""
    )
    if found is not None:
        wanted, module = found.groups()
        return _absent(f"{_peers(module)}.{wanted}", wanted, sys.modules.get(module))
    if isinstance(error, ModuleNotFoundError):
        if root in PACKAGES and root not in answered():
            way = f"run the program with `millstream run --as {root}`, or import {PACKAGES[root]} instead"
            return f"{error.msg}: {way}"
        if root in _BRIDGES and answered():
            return f"`{name}` has no counterpart: {_NO_JAVA}"
    return None


def _attribute(error: AttributeError) -> Optional[str]:
    owner, name = _owner_and_name(error)
    if owner is None or not re.match(r"millstream\.(flink|spark)(\.|$)", _module_of(owner)):
        return None
    shown = (
        _peers(owner.__name__)
        if isinstance(owner, ModuleType)
        else getattr(owner, "__name__", type(owner).__name__)
    )
    return _absent(f"{shown}.{name}", name, owner)


def _owner_and_name(error: AttributeError) -> Tuple[Any, str]:
    """Whose attribute is missing. Before Python 3.10 only the exception's words say it."""
    if hasattr(error, "obj"):
        return error.obj, str(error.name or "")
    found = re.match(r"(?:(module|type object) )?'([\w.]+)'(?: object)? has no attribute '(\w+)'", str(error))
    if found is None:
        return None, ""
    kind, owner, name = found.groups()
    if kind == "module":
        return sys.modules.get(owner), name
    classes = [
        value
        for path, module in list(sys.modules.items())
        if path.startswith(("millstream.flink", "millstream.spark"))
        for value in vars(module).values()
        if isinstance(value, type) and value.__name__ == owner
    ]
    return (classes[0] if classes else None), name


def _module_of(owner: Any) -> str:
    if isinstance(owner, ModuleType):
        return owner.__name__
    return str((owner if isinstance(owner, type) else type(owner)).__module__)


def _absent(shown: str, name: str = "", owner: Any = None) -> str:
    """That a name is absent, why, and what there is."""
    reason = next((why for begin, why in _REASONS if f"{shown}.".startswith(f"{begin}.")), None)
    if reason is None and name and _JAVA.match(name):
        reason = _NO_JAVA
    if reason is None and owner is not None:
        reason = _there_is(name, owner)
    return f"`{shown}` has no counterpart in Millstream" + (f": {reason}" if reason else "")


def _there_is(name: str, owner: Any) -> Optional[str]:
    import difflib

    folded: Dict[str, List[str]] = {}
    for other in dir(owner):
        if not other.startswith("_"):
            folded.setdefault(other.lower(), []).append(other)
    near = difflib.get_close_matches(name.lower(), list(folded), n=3, cutoff=0.7)
    return "there is " + ", ".join(f"`{other}`" for like in near for other in folded[like]) if near else None


def _peers(module: str) -> str:
    """The name that a program knows a module of ours by."""
    for package, ours in PACKAGES.items():
        if package in answered() and (module == ours or module.startswith(ours + ".")):
            return package + module[len(ours) :]
    return module


def _place(error: BaseException) -> str:
    """Where the program asked: the innermost line that is not the library's."""
    lines: List[Tuple[FrameType, int]] = []
    trace = error.__traceback__
    while trace is not None:
        lines.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    for frame, line in reversed(lines):
        if _is_users(frame):
            return f"{frame.f_code.co_filename}, line {line}: "
    return ""


def _cut_our_end(error: BaseException) -> bool:
    """Lets the traceback end with the import statement rather than inside of what answers it; whether it did not."""
    trace, last = error.__traceback__, None
    while trace is not None:
        last = trace if _is_users(trace.tb_frame) else last
        trace = trace.tb_next
    if last is None or last.tb_next is None:
        return False
    last.tb_next = None
    return True


def _place_of_the_call() -> str:
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and not _is_users(frame):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}, line {frame.f_lineno}: " if frame is not None else ""


def _is_users(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return not file.startswith((_OURS, "<frozen importlib", _IMPORTLIB))
