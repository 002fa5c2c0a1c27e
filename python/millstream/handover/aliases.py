"""Our spellings of the peer's names on the peer's own classes, in the driver.

For the names of a program whose owner is known only when it runs: a parameter of a function, an element of a
list. Holds: only spellings that the program uses are added, none in the place of a name that is there; what
is added calls the peer's name on the same object, so that an override in a subclass is found.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
from types import FunctionType
from typing import Any, Callable, Dict, Iterable, Iterator, List, Set, Type

from millstream.handover import names


def install(pending: Iterable[str], package: str, modules: List[str]) -> None:
    """Adds the spellings among `pending` to the classes of some of the peer's modules."""
    wanted = set(pending)
    for cls in _classes(package, modules):
        there = frozenset(name for name in vars(cls) if not name.startswith("_"))
        for name in wanted - set(dir(cls)):
            real = names.meant(name, there)
            if real is not None:
                setattr(cls, name, _alias(cls, real, wanted))
        for name in ("__init__", *sorted(there)):
            function = vars(cls).get(name)
            if isinstance(function, FunctionType):
                spellings = _spellings(function, wanted)
                if spellings:
                    setattr(cls, name, _renaming(function, spellings))


def _classes(package: str, modules: List[str]) -> Iterator[Type[Any]]:
    seen: Set[int] = set()
    for name in modules:
        for value in list(vars(importlib.import_module(name)).values()):
            if isinstance(value, type) and value.__module__.startswith(package) and id(value) not in seen:
                seen.add(id(value))
                yield value


def _alias(cls: Type[Any], real: str, wanted: Set[str]) -> Any:
    stored = vars(cls)[real]
    if isinstance(stored, (property, int, float, str)):
        return stored
    function = stored.__func__ if isinstance(stored, (staticmethod, classmethod)) else stored
    spellings = _spellings(function, wanted) if isinstance(function, FunctionType) else {}
    if isinstance(stored, staticmethod):
        return staticmethod(_renaming(function, spellings)) if spellings else stored
    if isinstance(stored, classmethod):
        return classmethod(_renaming(function, spellings)) if spellings else stored

    @functools.wraps(function)
    def alias(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, real)(
            *args, **{spellings.get(name, name): value for name, value in kwargs.items()}
        )

    return _placed(alias, function)


def _spellings(function: FunctionType, wanted: Set[str]) -> Dict[str, str]:
    real = frozenset(inspect.signature(function).parameters)
    return {name: meant for name in wanted - real for meant in [names.meant(name, real)] if meant}


def _renaming(function: Callable[..., Any], spellings: Dict[str, str]) -> Any:
    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{spellings.get(name, name): value for name, value in kwargs.items()})

    return _placed(renamed, function)


def _placed(wrapper: Any, function: Any) -> Any:
    """Lies about the file of the wrapper: Spark takes the first frame outside of its own files for the
    user's."""
    file = inspect.unwrap(function).__code__.co_filename if hasattr(function, "__code__") else os.devnull
    wrapper.__code__ = wrapper.__code__.replace(co_filename=file)
    return wrapper
