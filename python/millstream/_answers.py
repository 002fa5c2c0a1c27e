"""Answers the imports of PyFlink and PySpark with our modules of the same names.

Answers for `import pyspark.X` being `millstream.spark.X`: the same module, not a copy. Not for names inside
of modules.
Holds: once a package is answered, it is so everywhere in the process and in the worker interpreters it
starts, whether or not the package itself is installed.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Dict, List, Optional

#: The packages that can be answered, and by what.
PACKAGES = {"pyflink": "millstream.flink", "pyspark": "millstream.spark"}


def answer(package: str) -> None:
    """From now on, imports of the package find ours."""
    if package not in answered():
        sys.meta_path.insert(0, _Finder(package, PACKAGES[package]))


def answered() -> List[str]:
    """The packages that are answered."""
    return [finder.package for finder in sys.meta_path if isinstance(finder, _Finder)]


class _Finder(MetaPathFinder):
    def __init__(self, package: str, ours: str) -> None:
        self.package = package
        self.ours = ours

    def find_spec(
        self, fullname: str, path: Any = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """Ours, if the name is the package's or inside of it."""
        if fullname != self.package and not fullname.startswith(self.package + "."):
            return None
        name = self.ours + fullname[len(self.package) :]
        ours = find_spec(name)
        if ours is None:
            from millstream._counterparts import no_module

            raise no_module(fullname)
        return ModuleSpec(fullname, _Loader(name), is_package=ours.submodule_search_locations is not None)


class _Loader(Loader):
    """Puts a module of ours into the place of another name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def exec_module(self, module: ModuleType) -> None:
        """The machinery takes what is in `sys.modules` in the end, and leaves it as it is."""
        modules: Dict[str, ModuleType] = sys.modules
        modules[module.__name__] = import_module(self.name)
