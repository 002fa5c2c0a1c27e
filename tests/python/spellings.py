"""Writes `python/millstream/spark/_spellings.pyi`: the PEP 8 spellings as type checkers see them.

    python tests/python/spellings.py      # in an environment with the package

The spellings are made when a class is (`millstream._names.pep8`), which no type checker follows. A test
compares the file with what would be written.
"""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import textwrap

import millstream.spark
from millstream._names import snake_case

STUB = pathlib.Path(__file__).parents[2] / "python" / "millstream" / "spark" / "_spellings.pyi"

HEAD = '''\
"""The PEP 8 spellings of camelCase names, a class for each that has them. Written by tests/python/spellings.py."""

from datetime import datetime
from typing import Any, Callable, Dict, Iterable, Iterator, List, NoReturn, Optional, Sequence, Set, Tuple, Type, Union, overload

from millstream.spark._pairs import Hash
from millstream.spark.accumulators import Accumulator, AccumulatorParam
from millstream.spark.broadcast import Broadcast
from millstream.spark.conf import SparkConf
from millstream.spark.context import SparkContext
from millstream.spark.rdd import RDD, Partitioner
from millstream.spark.resultiterable import ResultIterable
from millstream.spark.statcounter import StatCounter
from millstream.spark.status import SparkJobInfo, SparkStageInfo, StatusTracker
from millstream.spark.storagelevel import StorageLevel
from millstream.spark.streaming.context import StreamingContext
from millstream.spark.streaming.dstream import DStream
'''


def classes():
    """The classes that have spellings, by module and name."""
    found = set()
    for info in sorted(
        pkgutil.walk_packages(millstream.spark.__path__, "millstream.spark."), key=lambda one: one.name
    ):
        for cls in vars(importlib.import_module(info.name)).values():
            if (
                isinstance(cls, type)
                and cls.__module__ == info.name
                and f"Of{cls.__name__}" in _spelled_bases(cls)
            ):
                found.add(cls)
    return sorted(found, key=lambda cls: cls.__name__)


def _spelled_bases(cls):
    """The classes of `_spellings` among the bases that are written down."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    return [base.id for base in tree.body[0].bases if isinstance(base, ast.Name)]


def written():
    """The text of the file."""
    return HEAD + "".join(f"\nclass Of{cls.__name__}:\n{''.join(_members(cls))}" for cls in classes())


def _members(cls):
    for name in sorted(dir(cls)):
        member = next((vars(owner)[name] for owner in cls.__mro__ if name in vars(owner)), None)
        original = _original(cls, name, member)
        if original is None:
            yield from _with_either_parameters(cls, name, member)
            continue
        if isinstance(member, property):
            yield f"    @property\n    def {name}(self) -> {_annotation(member.fget)}: ...\n"
        elif isinstance(member, (classmethod, staticmethod)):
            kind = "classmethod" if isinstance(member, classmethod) else "staticmethod"
            yield f"    @{kind}\n    def {name}{_signature(member.__func__)}: ...\n"
        elif inspect.isfunction(member):
            yield f"    def {name}{_signature(member)}: ...\n"


def _with_either_parameters(cls, name, member):
    """A name that is its own spelling, with its parameters spelled as written and by PEP 8: if it comes from a base
    behind the class of spellings, which is asked first."""
    is_spelling = name == name.lower() and not name.startswith("_") and inspect.isfunction(member)
    if not is_spelling or f"def {name}(" in _source(cls):
        return
    either = [_signature(member, parameter) for parameter in (str, snake_case)]
    if either[0] != either[1]:
        yield from (f"    @overload\n    def {name}{signature}: ...\n" for signature in either)


def _original(cls, name, member):
    """The camelCase name that a spelling is made from."""
    if name.startswith("_"):
        return None
    written = [vars(owner) for owner in cls.__mro__ if f"def {name}(" in _source(owner)]
    if written:
        return None
    return next((other for other in dir(cls) if other != name and _spells(other, name)), None)


def _spells(camel, name):
    return (
        camel.lower() != camel
        and snake_case(camel).replace("_", "") == name.replace("_", "")
        and name.islower()
    )


def _source(owner):
    try:
        return inspect.getsource(owner)
    except (OSError, TypeError):
        return ""


def _annotation(function):
    return str(function.__annotations__.get("return", "Any")).strip("'\"")


def _signature(function, spelled=snake_case):
    signature = inspect.signature(function)
    parameters = []
    for parameter in signature.parameters.values():
        annotation = parameter.annotation
        if parameter.name in ("self", "cls"):
            annotation = parameter.empty
        elif isinstance(annotation, str):
            annotation = _Plain(annotation.strip("'\""))
        default = parameter.default if parameter.default is parameter.empty else _Plain("...")
        parameters.append(
            parameter.replace(name=spelled(parameter.name), annotation=annotation, default=default)
        )
    plain = _Plain(_annotation(function))
    return str(signature.replace(parameters=parameters, return_annotation=plain))


class _Plain:
    """What is printed as it is."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


if __name__ == "__main__":
    STUB.write_text(written(), encoding="utf-8")
