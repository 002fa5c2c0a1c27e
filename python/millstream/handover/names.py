"""What the installed client of a peer has: its modules, the names in them, and of what type a call's result
is.

Answers by looking at the client itself, so that no list of names can be out of date. Not for programs
(`inference`). Holds: what is not certain is `None`, never a guess; nothing of the client is called.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import inspect
import re
import textwrap
import typing
from types import ModuleType
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Optional, Union

from millstream._names import snake_case

#: Spellings of ours that no rule makes, and the names they stand for.
SPELLINGS = {"flatmap": "flatMap"}
PARAMETERS = {"batch_interval": "batchDuration"}


class Module(NamedTuple):
    """A module of the peer, or a package."""

    value: ModuleType


class Class(NamedTuple):
    """A class of the peer."""

    value: type


class Instance(NamedTuple):
    """Some object of a class of the peer."""

    type: type


class Function(NamedTuple):
    """A function or method of the peer; of a method, the class it was found in."""

    value: Callable[..., Any]
    owner: Optional[type]


#: What is known of an expression.
Known = Optional[Union[Module, Class, Instance, Function]]


def module(name: str) -> Optional[ModuleType]:
    """A module by its whole name, or `None` if there is none. One that exists but cannot be imported
    raises."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            return None
        raise


def of_value(value: Any, package: str) -> Known:
    """What is known of a value found in the peer's package."""
    if isinstance(value, ModuleType):
        return Module(value) if _within(value.__name__, package) else None
    if isinstance(value, type):
        return Class(value) if _within(value.__module__, package) else None
    if inspect.isroutine(value):
        return Function(value, None)
    return Instance(type(value)) if _within(type(value).__module__, package) else None


def member(owner: Union[Module, Class, Instance], name: str) -> Any:
    """The attribute of that name as it is stored, or `MISSING`."""
    if isinstance(owner, Module):
        found = getattr(owner.value, name, MISSING)
        if found is MISSING and hasattr(owner.value, "__path__"):
            try:
                found = module(f"{owner.value.__name__}.{name}") or MISSING
            except Exception:
                # It is there, and cannot be imported here.
                found = None
        return found
    cls = owner.type if isinstance(owner, Instance) else owner.value
    found = inspect.getattr_static(cls, name, MISSING)
    if found is MISSING and isinstance(owner, Class):
        found = inspect.getattr_static(type(cls), name, MISSING)
    if found is MISSING and isinstance(owner, Instance):
        if _answers_all(cls) or name in set_by_itself(cls) or _in_subclass(cls, name):
            return None
    return found


#: In the place of a name that is not there.
MISSING: Any = inspect.Parameter.empty


def attribute(owner: Union[Module, Class, Instance], name: str, package: str) -> Known:
    """What is known of the attribute of that name."""
    found = member(owner, name)
    if found is MISSING or found is None:
        return None
    if isinstance(owner, Module):
        return of_value(found, package)
    cls = owner.type if isinstance(owner, Instance) else owner.value
    if isinstance(found, (staticmethod, classmethod)):
        return Function(found.__func__, cls)
    if isinstance(found, property):
        result = result_of(Function(found.fget, cls), package) if found.fget else None
        return result if isinstance(owner, Instance) else None
    if inspect.isroutine(found):
        return Function(found, cls)
    # What another kind of descriptor gives is not known.
    return None if hasattr(type(found), "__get__") else of_value(found, package)


def result_of(called: Known, package: str) -> Known:
    """What a call gives."""
    if isinstance(called, Class):
        return Instance(called.value)
    if not isinstance(called, Function):
        return None
    annotation = getattr(called.value, "__annotations__", {}).get("return")
    found = _annotated(annotation, called, package)
    return Instance(found) if found is not None and _within(found.__module__, package) else None


def _annotated(annotation: Any, of: Function, package: str) -> Optional[type]:
    """The class that an annotation speaks of, where it is one class or `None`."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    origin = typing.get_origin(annotation)
    if origin is Union:
        others = [one for one in typing.get_args(annotation) if one is not type(None)]
        return _annotated(others[0], of, package) if len(others) == 1 else None
    of_itself: Any = origin or annotation
    if isinstance(of_itself, type):
        return of_itself
    if not isinstance(annotation, str):
        return None
    named = re.match(r"[\"' ]*(?:(?:typing\.)?Optional\[[\"']*)?([A-Za-z_][A-Za-z_0-9.]*)", annotation)
    if named is None or "|" in annotation:
        return None
    name = named.group(1).rsplit(".", 1)[-1]
    if name == "Self":
        return of.owner
    found = getattr(inspect.unwrap(of.value), "__globals__", {}).get(name) or _classes(package).get(name)
    return found if isinstance(found, type) else None


def parameters(called: Known) -> Optional[FrozenSet[str]]:
    """The names that arguments can be given by, or `None` if any can be, or it is not known."""
    function: Any = called.value if isinstance(called, Function) else None
    if isinstance(called, Class):
        function = inspect.getattr_static(called.value, "__init__", None)
    if function is None or not inspect.isroutine(function):
        return None
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in found):
        return None
    return frozenset(parameter.name for parameter in found)


def meant(spelling: str, candidates: FrozenSet[str]) -> Optional[str]:
    """The name among the candidates that a PEP 8 spelling of ours stands for.

    >>> meant("reduce_by_key", frozenset({"reduceByKey", "reduce"}))
    'reduceByKey'
    >>> meant("batch_interval", frozenset({"batchDuration"}))
    'batchDuration'
    """
    stands_for = SPELLINGS.get(spelling) or PARAMETERS.get(spelling)
    if stands_for in candidates:
        return stands_for
    return next(
        (name for name in sorted(candidates) if name != spelling and snake_case(name) == spelling), None
    )


def names_of(owner: Union[Module, Class, Instance]) -> FrozenSet[str]:
    """All public names."""
    value = owner.type if isinstance(owner, Instance) else owner.value
    return frozenset(name for name in dir(value) if not name.startswith("_"))


def near(name: str, candidates: FrozenSet[str]) -> List[str]:
    """The candidates that look most like a name that is not there."""
    return difflib.get_close_matches(name, sorted(candidates), 2, 0.7)


@functools.lru_cache(maxsize=None)
def set_by_itself(cls: type) -> FrozenSet[str]:
    """The attributes that the methods of a class and of its ancestors set on `self`, and its fields."""
    found = set()
    for owner in cls.__mro__:
        found |= set(vars(owner).get("__annotations__", ()))
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "self"
            ):
                if isinstance(node.ctx, ast.Store):
                    found.add(node.attr)
    return frozenset(found)


def _in_subclass(cls: type, name: str) -> bool:
    """True if an object could have the name by being of a class that is derived from the annotated one."""
    derived: List[Any] = type.__subclasses__(cls)
    return any(name in vars(one) or name in set_by_itself(one) or _in_subclass(one, name) for one in derived)


def _answers_all(cls: type) -> bool:
    return any(
        "__getattr__" in vars(owner) or "__getattribute__" in vars(owner) for owner in cls.__mro__[:-1]
    )


@functools.lru_cache(maxsize=None)
def _classes(package: str) -> Dict[str, type]:
    """The classes in the modules of the peer that are imported, by name; a name that two have is left out."""
    import sys

    found: Dict[str, type] = {}
    twice = set()
    for name, loaded in list(sys.modules.items()):
        if _within(name, package):
            for value in list(vars(loaded).values()):
                if isinstance(value, type) and _within(value.__module__, package):
                    if found.setdefault(value.__name__, value) is not value:
                        twice.add(value.__name__)
    return {name: value for name, value in found.items() if name not in twice}


def _within(name: Optional[str], package: str) -> bool:
    return name == package or (name or "").startswith(package + ".")
