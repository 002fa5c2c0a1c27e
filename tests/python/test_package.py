"""The package as a whole: its examples, what it imports, how long it takes."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import millstream

MODULES = [info.name for info in pkgutil.walk_packages(millstream.__path__, "millstream.") if "_native" not in info.name]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_documentation_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_an_import_loads_neither_cloudpickle_nor_numpy_nor_subprocess():
    shown = subprocess.run(
        [sys.executable, "-c", "import sys, millstream.spark; print(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"cloudpickle", "numpy", "subprocess", "asyncio"} & set(shown.stdout.split())


def test_a_name_that_is_not_there_is_absent():
    from millstream.spark import RDD, SparkContext

    for owner, name in ((RDD, "toDF"), (RDD, "barrier"), (SparkContext, "sequenceFile"), (SparkContext, "hadoopFile")):
        assert not hasattr(owner, name)
