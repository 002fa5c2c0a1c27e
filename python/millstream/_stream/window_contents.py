"""What is kept of the records of a window, and what is made of it."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Optional


class Contents:
    """What all kinds have in common. `function` is a window function, `None` where the contents themselves
    are emitted."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def functions(self) -> List[Any]:
        """The user's objects."""
        return [self.function]

    def open(self, context: Any) -> None:
        """Opens them."""
        for one in self.functions():
            if hasattr(one, "open"):
                one.open(context)

    def close(self) -> None:
        """Closes them."""
        for one in self.functions():
            if hasattr(one, "close"):
                one.close()

    def added(self, held: Any, record: Any) -> Any:
        """The contents with one more record; `held` is `None` for the first."""
        raise NotImplementedError

    def merged(self, first: Any, second: Any) -> Any:
        """The contents of two windows."""
        raise NotImplementedError

    def elements(self, held: Any) -> List[Any]:
        """What the window function is given."""
        raise NotImplementedError

    def results(self, key: Any, context: Any, held: Any) -> Iterable[Any]:
        """What is emitted."""
        elements = self.elements(held)
        if self.function is None:
            return elements
        if hasattr(self.function, "process"):
            return self.function.process(key, context, elements)
        return self.function.apply(key, context.window(), elements)

    def clear(self, context: Any) -> None:
        """The window is over."""
        if hasattr(self.function, "process"):
            self.function.clear(context)


class Records(Contents):
    """All of them."""

    def added(self, held: Any, record: Any) -> Any:
        if held is None:
            return [record]
        held.append(record)
        return held

    def merged(self, first: Any, second: Any) -> Any:
        return [*first, *second]

    def elements(self, held: Any) -> List[Any]:
        return list(held)


class Reduced(Contents):
    """Their reduction, in a list so that `None` is a value."""

    def __init__(self, reduce: Any, function: Any) -> None:
        super().__init__(function)
        self._given = reduce

    def functions(self) -> List[Any]:
        return [self._given, self.function]

    @property
    def _reduce(self) -> Callable[[Any, Any], Any]:
        return getattr(self._given, "reduce", self._given)

    def added(self, held: Any, record: Any) -> Any:
        return [record] if held is None else [self._reduce(held[0], record)]

    def merged(self, first: Any, second: Any) -> Any:
        return [self._reduce(first[0], second[0])]

    def elements(self, held: Any) -> List[Any]:
        return list(held)


class Aggregated(Contents):
    """An accumulator of them."""

    def __init__(self, aggregate: Any, function: Any) -> None:
        super().__init__(function)
        self._aggregate = aggregate

    def functions(self) -> List[Any]:
        return [self._aggregate, self.function]

    def added(self, held: Any, record: Any) -> Any:
        accumulator = self._aggregate.create_accumulator() if held is None else held[0]
        return [self._aggregate.add(record, accumulator)]

    def merged(self, first: Any, second: Any) -> Any:
        return [self._aggregate.merge(first[0], second[0])]

    def elements(self, held: Any) -> List[Any]:
        return [self._aggregate.get_result(held[0])]


def of(kind: str, first: Any, function: Optional[Any]) -> Contents:
    """The contents of a kind: `records`, `reduced` or `aggregated`."""
    if kind == "records":
        return Records(function)
    return Reduced(first, function) if kind == "reduced" else Aggregated(first, function)
