"""Numbers that functions report: kept in the subtask, for the function itself to read."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from millstream.flink.metrics import Counter, Distribution, Meter, MetricGroup


class _Counter(Counter):
    def __init__(self) -> None:
        self._count = 0

    def inc(self, n: int = 1) -> None:
        self._count += n

    def dec(self, n: int = 1) -> None:
        self._count -= n

    def get_count(self) -> int:
        return self._count


class _Meter(Meter):
    def __init__(self) -> None:
        self._count = 0

    def mark_event(self, value: int = 1) -> None:
        self._count += value

    def get_count(self) -> int:
        return self._count


class _Distribution(Distribution):
    def __init__(self) -> None:
        self.sum = self.count = 0
        self.min: Optional[int] = None
        self.max: Optional[int] = None

    def update(self, value: int) -> None:
        self.sum += value
        self.count += 1
        self.min = value if self.min is None else min(self.min, value)
        self.max = value if self.max is None else max(self.max, value)


class Group(MetricGroup):
    """The numbers of one function in one subtask."""

    def __init__(self) -> None:
        self._known: Dict[Any, Any] = {}

    def _one(self, kind: str, name: str, make: Callable[[], Any]) -> Any:
        found = self._known.get((kind, name))
        if found is None:
            found = self._known[kind, name] = make()
        return found

    def add_group(self, name: str, extra: Optional[str] = None) -> "MetricGroup":
        return self._one("group", name if extra is None else f"{name}.{extra}", Group)

    def counter(self, name: str) -> Counter:
        return self._one("counter", name, _Counter)

    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        self._known["gauge", name] = obj

    def meter(self, name: str, time_span_in_seconds: int = 60) -> Meter:
        return self._one("meter", name, _Meter)

    def distribution(self, name: str) -> Distribution:
        return self._one("distribution", name, _Distribution)
