"""Functions as bytes, and which part of one cannot be."""

from __future__ import annotations

import io
from types import FunctionType, ModuleType
from typing import Any, Iterator, Optional, Set, Tuple


def pickled(function: Any, operator: str) -> bytes:
    """The function with copies of all it captured.

    Raises what pickling raised, with the path to what cannot be pickled.
    """
    import cloudpickle

    try:
        return cloudpickle.dumps(function, 5)
    except Exception as error:
        from millstream.spark.errors import PySparkException

        if isinstance(error, PySparkException):
            raise
        path = culprit(function)
        import pickle

        raise pickle.PicklingError(
            f"the function given to `{operator}` cannot be sent to a task: {path or 'it'} cannot be pickled "
            f"({type(error).__name__}: {error})"
        ) from error


def culprit(function: Any) -> Optional[str]:
    """The path from a function to the innermost part of it that cannot be pickled."""
    path, found = getattr(function, "__name__", type(function).__name__), function
    seen: Set[int] = set()
    while True:
        seen.add(id(found))
        for name, part in parts(found):
            if id(part) not in seen and not _can_be_pickled(part):
                path, found = path + name, part
                break
        else:
            return None if found is function else f"{path} ({type(found).__name__})"


def parts(thing: Any) -> Iterator[Tuple[str, Any]]:
    """What a thing takes along when it is pickled, each with how it is reached."""
    if isinstance(thing, FunctionType):
        code = thing.__code__
        for name, cell in zip(code.co_freevars, thing.__closure__ or ()):
            try:
                yield f" -> {name}", cell.cell_contents
            except ValueError:
                pass  # a variable that has no value yet
        for name in code.co_names:
            if name in thing.__globals__ and not isinstance(thing.__globals__[name], ModuleType):
                yield f" -> {name}", thing.__globals__[name]
        for at, value in enumerate(thing.__defaults__ or ()):
            yield f" -> default {at}", value
    elif hasattr(thing, "__func__"):
        yield " -> self", thing.__self__
        yield " -> function", thing.__func__
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield f"[{key!r}]", value
    elif isinstance(thing, (list, tuple, set, frozenset)):
        for at, value in enumerate(thing):
            yield f"[{at}]", value
    elif not isinstance(thing, (type, ModuleType)):
        for name, value in getattr(thing, "__dict__", {}).items():
            yield f".{name}", value


def _can_be_pickled(thing: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.CloudPickler(io.BytesIO(), 5).dump(thing)
    except Exception:
        return False
    return True

