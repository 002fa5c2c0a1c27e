"""The modules beside the program, which it imports: translated like the program, and sent along with its
functions.

Answers for imports of the driver. An import inside of a function that runs on the cluster finds what the
cluster has.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from types import CodeType, ModuleType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from millstream.handover.client import Peer
from millstream.handover.translation import Translation, translate


def file_of(folder: str, name: str) -> Optional[str]:
    """The file of a module in the program's folder, or `None` if it is not there."""
    path = os.path.join(folder, *name.split("."))
    return next(
        (file for file in (path + ".py", os.path.join(path, "__init__.py")) if os.path.isfile(file)), None
    )


def translations(
    folder: str, first: Translation, peer: Peer, version: str
) -> Iterator[Tuple[str, Translation]]:
    """Each module beside the program that it imports, by way of others too."""
    seen: Set[str] = set()
    waiting: List[Tuple[str, int, str]] = [(name, level, "") for name, level in first.imports]
    while waiting:
        name, level, package = waiting.pop()
        name = _absolute(name, level, package)
        # `import a.b` runs `a` as well.
        for whole in [".".join(name.split(".")[: count + 1]) for count in range(name.count(".") + 1)]:
            file = file_of(folder, whole) if whole and whole not in seen else None
            seen.add(whole)
            if file is not None:
                with open(file, encoding="utf-8") as opened:
                    found = translate(opened.read(), file, peer, version)
                within = whole if file.endswith("__init__.py") else whole.rpartition(".")[0]
                waiting.extend((other, up, within) for other, up in found.imports)
                yield file, found


def _absolute(name: str, level: int, package: str) -> str:
    if level == 0:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - level + 1], *([name] if name else [])])


class _Loader(importlib.machinery.SourceFileLoader):
    """Runs the translation of a file."""

    peer: Peer
    version: str

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = translate(self.get_data(path).decode("utf-8"), path, self.peer, self.version).tree
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        for pickler in _picklers(self.peer):
            pickler.register_pickle_by_value(module)
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules in the program's folder."""

    def __init__(self, folder: str, peer: Peer, version: str) -> None:
        self.folder = folder
        self.about: Dict[str, Any] = {"peer": peer, "version": version}

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        file = file_of(self.folder, fullname)
        if file is None:
            return None
        loader = _Loader(fullname, file)
        loader.__dict__.update(self.about)
        packages = [os.path.dirname(file)] if file.endswith("__init__.py") else None
        return importlib.util.spec_from_file_location(
            fullname, file, loader=loader, submodule_search_locations=packages
        )


def install(folder: str, peer: Peer, version: str) -> None:
    """Lets imports of this process find the modules in a folder first, translated."""
    sys.meta_path.insert(0, _Finder(folder, peer, version))


def _picklers(peer: Peer) -> List[Any]:
    """The modules that pickle the functions of a program."""
    if peer.engine == "flink":
        import cloudpickle

        return [cloudpickle]
    from pyspark import cloudpickle as of_spark

    return [of_spark]
