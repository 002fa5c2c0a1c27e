"""The PEP 8 spelling of camelCase names: one mechanism for all classes."""

from __future__ import annotations

import functools
import re
from types import FunctionType
from typing import Any, Callable, Dict, Type, TypeVar

C = TypeVar("C")

#: Spellings that no rule makes.
_ALSO = {"flatMap": "flatmap"}


def snake_case(name: str) -> str:
    """`reduceByKey` is `reduce_by_key`, `foreachRDD` is `foreach_rdd`, `toDF` is `to_df`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def pep8(cls: Type[C]) -> Type[C]:
    """Gives each public camelCase name of a class, of methods as of parameters, its PEP 8 spelling."""
    for name in dir(cls):
        if name == "__init__" or not name.startswith("_"):
            member = next(vars(owner)[name] for owner in cls.__mro__ if name in vars(owner))
            if name.lower() == name:
                setattr(cls, name, _alias(member))
            elif name.upper() != name:
                for spelling in {snake_case(name), _ALSO.get(name, name)} - {name}:
                    setattr(cls, spelling, _alias(member))
    return cls


def _alias(member: Any) -> Any:
    if isinstance(member, classmethod):
        return classmethod(_renaming(member.__func__))
    if isinstance(member, staticmethod):
        return staticmethod(_renaming(member.__func__))
    return _renaming(member) if isinstance(member, FunctionType) else member


def _renaming(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taking its parameters by their PEP 8 names as well."""
    # The module `inspect` would take longer to import than all of this takes.
    code = function.__code__
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    spellings: Dict[str, str] = {snake_case(name): name for name in parameters if name.lower() != name}
    if not spellings:
        return function

    @functools.wraps(function)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{spellings.get(name, name): value for name, value in kwargs.items()})

    return renamed
