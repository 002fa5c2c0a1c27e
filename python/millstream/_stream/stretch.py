"""A stretch: all operations between two exchanges, as one operator of the engine.

Called by the native half: `opened` once for each subtask and attempt; then `batch`, `watermark`, `tick`,
`idle`, `end`, `snapshot` and `close` of what it gave. A call gives `None`, or changes of timers, when it
wants to be called again (milliseconds), and what was written to state.

Answers for building the operations and for calling the first of them. Not for what they do.
"""

from __future__ import annotations

import pickle
import threading
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from millstream._stream import operations
from millstream._stream.faults import at
from millstream._stream.operations import Exit, Operation, fan


class Place(NamedTuple):
    """Where a subtask stands."""

    index: int  # type: ignore[assignment]
    of: int
    attempt: int
    max_parallelism: int
    is_batch: bool
    #: How far event time had come in the checkpoint.
    watermark: int


class Node(NamedTuple):
    """One operation of a stretch, as it travels."""

    kind: str
    name: str
    #: The pickled function, if it has one.
    function: Optional[bytes]
    #: The declared type of its results, pickled; `None` if everything is taken.
    convert: Optional[bytes]
    #: What else it is told.
    told: Dict[str, Any]
    #: Those that read it.
    readers: Tuple[Any, ...]
    #: Those that read its side outputs, by their name.
    sides: Dict[str, Tuple[Any, ...]]


class ExitNode(NamedTuple):
    """An end of a stretch, as it travels."""

    number: int
    way: str
    receivers: int
    input: int
    #: The pickled key selector and partitioner, if there are any.
    key: Optional[bytes]
    partition: Optional[bytes]
    name: str


class Spec(NamedTuple):
    """A stretch, as it travels."""

    name: str
    #: What records come to first.
    heads: Tuple[Any, ...]
    #: Whether the one head tells inputs apart.
    has_inputs: bool
    #: Parameters of the job.
    parameters: Dict[str, str]


Reply = Optional[Tuple[Optional[List[Any]], Optional[int], Optional[List[Any]]]]

#: The method of a function class that does the work of an operation.
METHODS = {"map": "map", "filter": "filter", "flat_map": "flat_map", "sink": "invoke"}
_PLAIN = {
    "map": operations.Map,
    "filter": operations.Filter,
    "flat_map": operations.FlatMap,
    "sink": operations.Sink,
}


#: Subtasks are built one after the other: modules that import each other must not be imported by two threads
#: at once.
_BUILDING = threading.Lock()


def method(function: Any, name: str) -> Any:
    """The method of a function object, or the callable itself."""
    found = getattr(function, name, None)
    return function if found is None or isinstance(function, type) else found


def opened(spec: bytes, place: Tuple[Any, ...], entries: Optional[List[Any]], out: Any) -> "Stretch":
    """A subtask's stretch, with what it kept."""
    return Stretch(pickle.loads(spec), Place(*place), entries, out)


class Stretch:
    """One subtask of a stretch."""

    def __init__(self, spec: Spec, place: Place, entries: Optional[List[Any]], out: Any) -> None:
        self._spec, self._place, self._out = spec, place, out
        self._keyed: Any = None
        self._opening: List[Tuple[Operation, Any]] = []
        if entries is not None:
            from millstream._stream.keyed import KeyedState

            self._keyed = KeyedState(entries, place)
        #: What wants to be called by the clock.
        self._clocked: List[Any] = []
        with _BUILDING:
            self._head = fan([self._built(node) for node in spec.heads])
        try:
            for operation, context in self._opening:
                operation.open(context)
        except BaseException:
            self.close()
            raise

    def _built(self, node: Any) -> Any:
        if isinstance(node, ExitNode):
            exit_ = Exit(node.number, node.way, node.receivers, node.input, self._place, self._out)
            exit_.name = node.name
            if node.key is not None:
                exit_.key = method(pickle.loads(node.key), "get_key")
            if node.partition is not None:
                exit_.partition = method(pickle.loads(node.partition), "partition")
            return exit_
        function = None
        if node.function is not None:
            try:
                function = pickle.loads(node.function)
            except BaseException as error:
                raise at(error, node.name) from None
        convert = None if node.convert is None else pickle.loads(node.convert).convert
        operation = self._operation(node, function, convert)
        operation.down = fan([self._built(reader) for reader in node.readers])
        if node.sides:
            operation.sides = {
                tag: fan([self._built(reader) for reader in readers]) for tag, readers in node.sides.items()
            }
        from millstream._stream.context import Context

        keyed = self._keyed if node.told.get("keyed") else None
        context = Context(node.name, self._place, keyed, self._spec.parameters)
        self._opening.append((operation, context))
        return operation

    def _operation(self, node: Node, function: Any, convert: Any) -> Any:
        plain = _PLAIN.get(node.kind)
        if plain is not None and not node.told.get("keyed"):
            return plain(node.name, function, method(function, METHODS[node.kind]), convert)
        from millstream._stream import building

        made = building.operation(node, function, convert, self._place, self._keyed)
        if hasattr(made, "tick"):
            self._clocked.append(made)
        return made

    # What the engine calls

    def batch(self, input: int, records: List[Any], times: Optional[List[int]]) -> Reply:
        """Records came in."""
        if self._spec.has_inputs:
            self._head.batch_of(input, records, times)
        else:
            self._head.batch(records, times)
        return self._reply()

    def watermark(self, time: int, due: List[Any]) -> Reply:
        """Event time has come this far; the timers that are due with it."""
        if self._keyed is not None:
            self._keyed.fire(True, time, due)
        self._head.watermark(time)
        return self._reply()

    def tick(self, now: int, due: List[Any]) -> Reply:
        """The clock has come this far; the timers that are due with it."""
        if due and self._keyed is not None:
            self._keyed.fire(False, now, due)
        for operation in self._clocked:
            operation.tick(now)
        return self._reply()

    def idle(self) -> Reply:
        """No record is expected for now."""
        self._head.idle()
        return self._reply()

    def end(self) -> Reply:
        """No record follows."""
        self._head.end()
        self._head.close()
        return self._reply()

    def snapshot(self) -> Reply:
        """What was written to state since the last time."""
        return None, None, self._keyed.written()

    def close(self) -> None:
        """It is over."""
        self._head.close()

    def _reply(self) -> Reply:
        changes = self._keyed.timer_changes() if self._keyed is not None else None
        wake = None
        for operation in self._clocked:
            wanted = operation.wake()
            if wanted is not None and (wake is None or wanted < wake):
                wake = wanted
        return None if changes is None and wake is None else (changes, wake, None)
