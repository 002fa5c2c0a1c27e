"""From the steps of a program to nodes of the engine: what runs together is one stretch.

A step begins a stretch if it keeps state, reads several streams, reads a source, or is apart from what it
reads by an exchange. All else is added to the stretch that it reads.

Answers for that, and for the exits of stretches. Not for what a stretch does with records. Holds: where a
stretch begins does not depend on the parallelism (but for what is forwarded), so that state is found again at
another one.
"""

from __future__ import annotations

import pickle
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from millstream import _native
from millstream._stream.stretch import ExitNode, Node, Spec
from millstream._stream.transformations import Input, Step

#: Operations that run no code of the user's.
_OURS = ("text",)


class Job(NamedTuple):
    """A plan that is ready to start, with what its `collect` steps leave."""

    plan: Any
    collected: Dict[int, Any]


class _Stretch:
    def __init__(self, head: Step, parallelism: int) -> None:
        self.head, self.parallelism = head, parallelism
        self.steps: List[Step] = [head]
        self.source: Optional[Step] = None
        self.number = -1
        self.exits = 0
        #: Node of the engine to connect to, with how, for each exit.
        self.edges: List[Tuple[int, Any, str]] = []

    @property
    def is_ours(self) -> bool:
        return all(step.kind in _OURS or step.is_source for step in self.steps)


class Planner:
    """Makes the engine's plan of the steps of one program."""

    def __init__(self, steps: List[Step], parallelism: int, python: Optional[str], files: List[str]) -> None:
        self._steps, self._default = steps, parallelism
        self._python, self._files = python, files
        self._readers: Dict[int, List[Tuple[Step, int, Input]]] = {}
        self._stretch_of: Dict[int, _Stretch] = {}
        self._stretches: List[_Stretch] = []
        for step in steps:
            for number, united in enumerate(step.inputs):
                for one in united:
                    self._readers.setdefault(id(one.step), []).append((step, number, one))

    def parallelism(self, step: Step) -> int:
        """The number of the step's subtasks."""
        if step.parallelism is None and step.told.get("follows"):
            read = step.inputs[0][0]
            if read.way in ("unset", "forward"):
                return self.parallelism(read.step)
        return step.parallelism or self._default

    def widest(self) -> int:
        """The most subtasks that any step has that runs code of the user's."""
        return max(
            [
                self.parallelism(step)
                for step in self._steps
                if not step.is_source and not step.is_engine_sink
            ],
            default=1,
        )

    def job(self, parameters: Dict[str, str], is_exact: bool, slots: Optional[int] = None) -> Job:
        """The engine's plan. In a process of a cluster, which has `slots`, functions run in interpreters of their own where
        it has several, each started when it is needed: which subtasks run here is not known yet."""
        widest = self.widest()
        if widest > 1 and (slots is None or slots > 1):
            from millstream._stream.worker import launch

            plan = _native.StreamPlan(launch(self._python, self._files), widest, slots is not None)
        else:
            plan = _native.StreamPlan()
        for step in self._steps:
            self._place(step)
        collected: Dict[int, Any] = {}
        nodes: Dict[int, int] = {}
        for step in self._steps:
            identity = (step.name, step.uid, self.parallelism(step))
            if step.is_source and step.told.get("engine") is not None:
                make = getattr(plan, step.told["engine"])
                nodes[id(step)] = make(identity, *step.told["arguments"])
            elif step.is_source:
                told = step.told
                opener = told["opener"](self.parallelism(step))
                nodes[id(step)] = plan.source(
                    identity, opener, opener.splits, told["bounded"], told["promise"]
                )
            elif step.kind == "print":
                nodes[id(step)] = plan.print(identity, step.told["identifier"])
            elif step.kind == "files":
                told = step.told
                nodes[id(step)] = plan.files(identity, told["folder"], told["pattern"], told["rolling"], told["joined"])
            elif step.kind == "output":
                nodes[id(step)] = plan.standard_output(identity)
            elif step.kind == "webhook":
                nodes[id(step)] = plan.webhook(
                    identity, step.told["address"], step.told["headers"], step.told["settings"]
                )
            elif step.kind == "kafka":
                nodes[id(step)] = plan.kafka_sink(identity, step.told["told"])
            elif step.kind == "collect":
                nodes[id(step)], collected[id(step)] = plan.collect(identity, is_exact)
        specs = [(stretch, *self._spec(stretch, parameters)) for stretch in self._stretches]
        for stretch, spec, is_keyed in specs:
            head = stretch.head
            name = head.name if not head.is_source else f"{head.name} exit"
            uid = head.uid if not head.is_source or head.uid is None else f"{head.uid} exit"
            identity = (name, uid, stretch.parallelism)
            stretch.number = plan.stretch(identity, pickle.dumps(spec, 5), is_keyed, stretch.is_ours)
        for stretch in self._stretches:
            if stretch.source is not None:
                plan.connect(nodes[id(stretch.source)], None, stretch.number, "forward")
            for number, target, way in stretch.edges:
                to = nodes[id(target)] if isinstance(target, Step) else target.number
                plan.connect(stretch.number, number, to, way)
        return Job(plan, collected)

    # What runs together

    def _place(self, step: Step) -> None:
        if step.is_source:
            stretch = _Stretch(step, self.parallelism(step))
            stretch.source = step
        elif step.is_engine_sink:
            return
        else:
            united = [one for several in step.inputs for one in several]
            stretch = self._stretch_of[id(united[0].step)] if len(united) == 1 else None  # type: ignore
            if stretch is not None and self._joins(step, united[0], stretch):
                stretch.steps.append(step)
                self._stretch_of[id(step)] = stretch
                return
            stretch = _Stretch(step, self.parallelism(step))
        self._stretch_of[id(step)] = stretch
        self._stretches.append(stretch)

    def _joins(self, step: Step, read: Input, stretch: _Stretch) -> bool:
        return (
            not step.is_keyed
            and len(step.inputs) == 1
            and read.way in ("unset", "forward")
            and self.parallelism(step) == stretch.parallelism
        )

    # Its description

    def _spec(self, stretch: _Stretch, parameters: Dict[str, str]) -> Tuple[Spec, bool]:
        head = stretch.head
        if head.is_source:
            heads = self._readers_of(stretch, head, None)
        else:
            heads = (self._node(stretch, head),)
        return Spec(head.name, heads, len(head.inputs) > 1, parameters), head.is_keyed

    def _node(self, stretch: _Stretch, step: Step) -> Node:
        # In one order in every process: the exits of a stretch are numbered as they are met.
        sides = sorted({one.side for _, _, one in self._readers.get(id(step), ()) if one.side is not None})
        output_type = step.output_type
        is_free = output_type is None or output_type.takes_everything
        return Node(
            step.kind,
            step.name,
            step.function,
            None if is_free else pickle.dumps(output_type, 5),
            step.told,
            self._readers_of(stretch, step, None),
            {side: self._readers_of(stretch, step, side) for side in sides},
        )

    def _readers_of(self, stretch: _Stretch, step: Step, side: Optional[str]) -> Tuple[Any, ...]:
        made: List[Any] = []
        for reader, number, one in self._readers.get(id(step), ()):
            if one.side != side:
                continue
            if self._stretch_of.get(id(reader)) is stretch:
                made.append(self._node(stretch, reader))
            else:
                made.append(self._exit(stretch, reader, number, one))
        return tuple(made)

    def _exit(self, stretch: _Stretch, reader: Step, input: int, one: Input) -> ExitNode:
        number, stretch.exits = stretch.exits, stretch.exits + 1
        receivers = self.parallelism(reader)
        senders = stretch.parallelism
        way = one.way
        if way == "unset":
            way = "forward" if senders == receivers else "deal"
        if way == "forward" and senders != receivers:
            raise ValueError(
                f"forward() needs as many subtasks before `{reader.name}` as it has itself, but there "
                f"are {senders} and "
                f"{receivers}"
            )
        # One to one, nothing needs to be chosen, and the engine makes one thread of both.
        is_plain = way == "forward" or senders == receivers == 1
        edge = "forward" if is_plain else "broadcast" if way == "broadcast" else "chosen"
        target = reader if reader.is_engine_sink else self._stretch_of[id(reader)]
        stretch.edges.append((number, target, edge))
        way = "deal" if way == "rescale" else way
        return ExitNode(number, way, receivers, input, one.key, one.partition, f"{reader.name} (its key)")
