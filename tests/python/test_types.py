"""What type checkers see: annotations, spellings, a program that is right and one that is wrong."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import pytest

import millstream
import spellings
from millstream import _native

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(millstream.__path__, "millstream.")
    if not any(part.startswith("_") for part in info.name.split(".")[1:])
)

PROGRAM = """
from typing import List

from millstream.spark import RDD, SparkConf, SparkContext
from millstream.spark.streaming import DStream, StreamingContext


def counts(lines: RDD) -> RDD:
    words = lines.flat_map(lambda line: line.split(" ")).map(lambda word: (word, 1))
    words = words.join(words, num_partitions=2).keys().distinct(numPartitions=3).repartition(num_partitions=2)
    return words.reduce_by_key(lambda a, b: a + b, num_partitions=2)


conf = SparkConf().set_master("local").set_app_name("types")
sc = SparkContext.get_or_create(conf)
first: List[str] = sc.text_file("job.py").take(1)
parts: int = counts(sc.text_file("job.py")).get_num_partitions() + sc.default_parallelism
ssc = StreamingContext(sc, batch_interval=1)
lines: DStream = ssc.socket_text_stream("localhost", 9999).flatmap(str.split)
lines.foreach_rdd(lambda rdd: print(rdd.count()))
ssc.await_termination_or_timeout(1)
"""

WRONG = """
from millstream.spark import SparkContext

sc = SparkContext("local", "types")
sc.range(3).reduce_by_keys(max)
sc.text_file(3)
sc.range(3).get_num_partitions().upper()
sc.range(3).distinct(num_partition=3)
"""


def checked(path, text):
    path.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(path.parent / "cache"), str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=path.parent)


def test_mypy_finds_nothing_in_a_program_that_is_right(tmp_path):
    ended = checked(tmp_path / "job.py", PROGRAM)
    assert ended.returncode == 0, ended.stdout


def test_mypy_finds_what_is_wrong_with_another(tmp_path):
    ended = checked(tmp_path / "job.py", WRONG)
    found = re.findall(r"job\.py:(\d+): error: .*\[([\w-]+)\]", ended.stdout)
    assert found == [("5", "attr-defined"), ("6", "arg-type"), ("7", "attr-defined"), ("8", "call-overload")], ended.stdout
    assert "reduce_by_key" in ended.stdout


def test_mypy_finds_nothing_in_the_package_itself(tmp_path):
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", str(tmp_path), "-p", "millstream"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_stub_of_spellings_is_what_would_be_written():
    assert (
        spellings.STUB.read_text(encoding="utf-8") == spellings.written()
    ), "run python tests/python/spellings.py"


def test_the_stub_of_the_native_half_has_all_of_it():
    path = importlib.import_module("millstream").__path__[0] + "/_native.pyi"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    missing = [
        name for name in dir(_native) if not name.startswith("_") and not re.search(rf"\b{name}\b", text)
    ]
    for owner in vars(_native).values():
        if isinstance(owner, type) and owner.__module__.endswith("_native"):
            names = [name for name in vars(owner) if not name.startswith("_")]
            missing += [f"{owner.__name__}.{name}" for name in names if not re.search(rf"\b{name}\b", text)]
    assert missing == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_annotated(name):
    bare = []
    for public, member in vars(importlib.import_module(name)).items():
        if public.startswith("_") or getattr(member, "__module__", None) != name:
            continue
        if inspect.isfunction(member):
            bare += _bare(public, member)
        elif inspect.isclass(member):
            for called, function in vars(member).items():
                function = getattr(function, "__func__", getattr(function, "fget", function))
                is_written = called == "__init__" and not getattr(member, "_is_protocol", False)
                if inspect.isfunction(function) and (is_written or not called.startswith("_")):
                    bare += _bare(f"{public}.{called}", function)
    assert bare == []


def _bare(name, function):
    """What of a function has no annotation."""
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    without = [f"{name}({one.name})" for one in parameters if one.annotation is one.empty]
    if signature.return_annotation is signature.empty and not name.endswith("__init__"):
        without.append(f"{name} ->")
    return without
