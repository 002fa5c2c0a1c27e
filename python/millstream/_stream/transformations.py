"""A stream program as the user made it: steps, and what each of them reads.

Answers for one `Step` for each call of the program's. Not for what of it runs together (`plan`).
Holds: functions are pickled when they are given, so that what they captured is a copy of that moment.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional


class Input(NamedTuple):
    """What a step reads, and how records come from there."""

    step: "Step"
    #: The side output; `None` is the main one.
    side: Optional[str] = None
    #: `unset`, `forward`, `broadcast`, `deal`, `shuffle`, `global`, `keyed` or `custom`.
    way: str = "unset"
    #: The pickled key selector and partitioner, if there are any.
    key: Optional[bytes] = None
    partition: Optional[bytes] = None


class Step:
    """One call of the program's: a source, an operation or a sink."""

    def __init__(
        self,
        kind: str,
        name: str,
        inputs: List[List[Input]],
        parallelism: Optional[int],
        function: Optional[bytes] = None,
        output_type: Any = None,
        **told: Any,
    ) -> None:
        self.kind = kind
        self.name = name
        #: One list for each input that the operation tells apart; the streams of one list are united.
        self.inputs = inputs
        #: How many subtasks, `None` for the environment's.
        self.parallelism = parallelism
        self.function = function
        self.output_type = output_type
        self.told: Dict[str, Any] = told
        self.uid: Optional[str] = None
        self.description: Optional[str] = None

    @property
    def is_source(self) -> bool:
        """Whether it reads nothing of the job's."""
        return self.kind == "source"

    @property
    def is_engine_sink(self) -> bool:
        """Whether it is a sink of the engine's, and no function of the user's."""
        return self.kind in ("print", "output", "files", "webhook", "kafka", "collect")

    @property
    def is_keyed(self) -> bool:
        """Whether it keeps state by key."""
        return bool(self.told.get("keyed"))


def with_upstream(steps: List[Step]) -> List[Step]:
    """The steps and all that they read, be it of a job that was run before; each behind what it reads."""
    ordered: Dict[int, Step] = {}
    waiting = list(reversed(steps))
    while waiting:
        step = waiting[-1]
        read = [one.step for several in step.inputs for one in several if id(one.step) not in ordered]
        if id(step) in ordered or not read:
            ordered.setdefault(id(step), step)
            waiting.pop()
        else:
            waiting.extend(reversed(read))
    return list(ordered.values())
