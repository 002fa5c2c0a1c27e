"""State: what a function keeps between records, for each key or the same in all subtasks.

Answers for what a program does with state, and for the descriptors by which it asks for it. The engine has
the classes that keep it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, Generic, Iterable, Iterator, List, Optional, Tuple, TypeVar

from millstream.flink.common.typeinfo import ListTypeInfo, MapTypeInfo, TypeInformation, declared
from millstream.flink.datastream._state_ttl import StateTtlConfig

__all__ = [
    "AggregatingState",
    "AggregatingStateDescriptor",
    "AppendingState",
    "BroadcastState",
    "ListState",
    "ListStateDescriptor",
    "MapState",
    "MapStateDescriptor",
    "MergingState",
    "OperatorStateStore",
    "ReadOnlyBroadcastState",
    "ReducingState",
    "ReducingStateDescriptor",
    "State",
    "StateDescriptor",
    "StateTtlConfig",
    "ValueState",
    "ValueStateDescriptor",
]

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")
IN = TypeVar("IN")
OUT = TypeVar("OUT")


class OperatorStateStore(ABC):
    """State that belongs to a subtask and to no key."""

    @abstractmethod
    def get_broadcast_state(self, state_descriptor: "MapStateDescriptor") -> "BroadcastState[Any, Any]":
        """State that is the same in all subtasks."""


class State(ABC):
    """What is kept, for the current key."""

    @abstractmethod
    def clear(self) -> None:
        """Forgets it."""


class ValueState(State, Generic[T]):
    """One value."""

    @abstractmethod
    def value(self) -> Optional[T]:
        """The value, `None` if there is none."""

    @abstractmethod
    def update(self, value: T) -> None:
        """Keeps this value."""


class AppendingState(State, Generic[IN, OUT]):
    """What is added to, and read as a whole."""

    @abstractmethod
    def get(self) -> Optional[OUT]:
        """What it amounts to, `None` if nothing was added."""

    @abstractmethod
    def add(self, value: IN) -> None:
        """Adds a value."""


class MergingState(AppendingState[IN, OUT]):
    """What can be merged when windows are."""


class ReducingState(MergingState[T, T]):
    """One value: the reduction of all that was added."""


class AggregatingState(MergingState[IN, OUT]):
    """An accumulator of all that was added."""


class ListState(MergingState[T, Iterable[T]]):
    """A list. `get` gives its elements in the order in which they were added."""

    @abstractmethod
    def get(self) -> Iterable[T]:
        """The elements; none if nothing was added."""

    @abstractmethod
    def update(self, values: List[T]) -> None:
        """Keeps these elements in place of those that there were."""

    @abstractmethod
    def add_all(self, values: List[T]) -> None:
        """Adds these elements."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.get())


class _ReadableMap(Generic[K, V]):
    @abstractmethod
    def get(self, key: K) -> Optional[V]:
        """The value of this key, `None` if there is none."""

    @abstractmethod
    def contains(self, key: K) -> bool:
        """Whether the key has a value."""

    @abstractmethod
    def items(self) -> Iterable[Tuple[K, V]]:
        """The keys, each with its value."""

    @abstractmethod
    def keys(self) -> Iterable[K]:
        """The keys."""

    @abstractmethod
    def values(self) -> Iterable[V]:
        """The values."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether no key has a value."""

    def __getitem__(self, key: K) -> Optional[V]:
        return self.get(key)

    def __contains__(self, key: Any) -> bool:
        return self.contains(key)

    def __iter__(self) -> Iterator[K]:
        return iter(self.keys())


class _WritableMap(_ReadableMap[K, V]):
    @abstractmethod
    def put(self, key: K, value: V) -> None:
        """Gives the key this value."""

    @abstractmethod
    def put_all(self, dict_value: Dict[K, V]) -> None:
        """Gives each key its value."""

    @abstractmethod
    def remove(self, key: K) -> None:
        """Forgets the key's value; nothing happens if there is none."""

    def __setitem__(self, key: K, value: V) -> None:
        self.put(key, value)

    def __delitem__(self, key: K) -> None:
        self.remove(key)


class MapState(_WritableMap[K, V], State):
    """A map, which is within the stream's key: each of those has a map of its own."""


class ReadOnlyBroadcastState(_ReadableMap[K, V], State):
    """A map that is the same in all subtasks, to read."""


class BroadcastState(_WritableMap[K, V], ReadOnlyBroadcastState[K, V]):
    """A map that is the same in all subtasks, to read and to write."""


class StateDescriptor(ABC):
    """The name of a state, and the type of what it holds."""

    def __init__(self, name: str, type_info: TypeInformation) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(
                f"{type(self).__name__} needs a name that is text and not empty, {name!r} was given"
            )
        if type_info is None:
            raise TypeError(f"the state {name!r} needs a type such as Types.LONG(), None was given")
        self.name = name
        self.type_info = declared(type_info, f"the type of the state {name!r}")
        self._ttl_config: Optional[StateTtlConfig] = None

    def get_name(self) -> str:
        """The name."""
        return self.name

    def enable_time_to_live(self, ttl_config: StateTtlConfig) -> None:
        """Forgets values some time after they were written."""
        if not isinstance(ttl_config, StateTtlConfig):
            raise TypeError(
                f"enable_time_to_live takes what StateTtlConfig.new_builder(Time.hours(1)).build() gives, "
                f"{ttl_config!r} was given"
            )
        self._ttl_config = ttl_config

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.type_info!r})"


class ValueStateDescriptor(StateDescriptor):
    """Asks for one value for each key.

    >>> from millstream.flink.common import Types
    >>> ValueStateDescriptor("count", Types.LONG())
    ValueStateDescriptor('count', Long)
    """

    def __init__(self, name: str, value_type_info: TypeInformation) -> None:
        super().__init__(name, value_type_info)


class ListStateDescriptor(StateDescriptor):
    """Asks for a list for each key."""

    def __init__(self, name: str, elem_type_info: TypeInformation) -> None:
        super().__init__(name, elem_type_info)
        self.type_info: TypeInformation = ListTypeInfo(self.type_info)


class MapStateDescriptor(StateDescriptor):
    """Asks for a map for each key, or for one that is the same in all subtasks."""

    def __init__(self, name: str, key_type_info: TypeInformation, value_type_info: TypeInformation) -> None:
        super().__init__(name, MapTypeInfo(key_type_info, value_type_info))


class ReducingStateDescriptor(StateDescriptor):
    """Asks for a value for each key that is the reduction of all that is added.

    >>> from millstream.flink.common import Types
    >>> total = ReducingStateDescriptor("total", lambda a, b: a + b, Types.LONG())
    >>> total.get_reduce_function().reduce(1, 2)
    3
    """

    def __init__(self, name: str, reduce_function: Any, type_info: TypeInformation) -> None:
        super().__init__(name, type_info)
        from millstream.flink.datastream._element_functions import ReduceFunction

        if not isinstance(reduce_function, ReduceFunction):
            if isinstance(reduce_function, type) or not callable(reduce_function):
                raise TypeError(
                    f"the state {name!r} needs a ReduceFunction or a function of two values, {reduce_function!r} was "
                    "given"
                )
            reduce_function = _reducer(reduce_function)
        self._reduce_function = reduce_function

    def get_reduce_function(self) -> Any:
        """The function, as a `ReduceFunction`."""
        return self._reduce_function


class AggregatingStateDescriptor(StateDescriptor):
    """Asks for an accumulator for each key, of all that is added; `state_type_info` is its type."""

    def __init__(self, name: str, agg_function: Any, state_type_info: TypeInformation) -> None:
        super().__init__(name, state_type_info)
        from millstream.flink.datastream._element_functions import AggregateFunction

        if not isinstance(agg_function, AggregateFunction):
            raise TypeError(f"the state {name!r} needs an AggregateFunction, {agg_function!r} was given")
        self._agg_function = agg_function

    def get_agg_function(self) -> Any:
        """The function."""
        return self._agg_function


def _reducer(function: Callable[[Any, Any], Any]) -> Any:
    from millstream.flink.datastream._element_functions import CallableReduceFunction

    return CallableReduceFunction(function)
