"""The plan of a program, as a file that travels.

One line of JSON says what made it; behind it are the steps of the program with their functions, and its settings, pickled.

Answers for writing and reading it, and for what both sides have to have in common. Not for what is made of the steps
(`_stream.plan`). Holds: nothing is unpickled by an interpreter that is unlike the one that pickled it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

from millstream import _native
from millstream._cluster.files import Sent


class StreamProgram(NamedTuple):
    """A stream program, ready to be made a graph of anywhere."""

    #: Each behind what it reads.
    steps: List[Any]
    #: Of each step that says nothing else.
    parallelism: int
    #: What functions may read.
    parameters: Dict[str, str]
    #: What the engine is told.
    settings: Any
    files: Sent


def surroundings() -> Dict[str, Any]:
    """What has to be the same here and there."""
    import cloudpickle

    return {
        "millstream": _native.VERSION,
        "python": "%d.%d" % sys.version_info[:2],
        "cloudpickle": cloudpickle.__version__.partition(".")[0],
    }


class TaskProgram(NamedTuple):
    """What an executor has to know before tasks of a program come that runs elsewhere."""

    #: Variables of its worker interpreters.
    environment: List[Tuple[str, str]]
    #: How many bytes of shuffle blocks and of kept partitions stay in memory; as many as the engine takes, if it is not said.
    shuffle_memory: Optional[int]
    cache_memory: Optional[int]


def write_tasks(program: TaskProgram, file: Any) -> None:
    """Writes what executors of a program are started with."""
    import pickle

    from millstream._answers import answered

    file.write(json.dumps({"made_by": surroundings(), "answers": answered()}).encode() + b"\n")
    pickle.dump(program, file, 5)


def write(program: StreamProgram, file: Any) -> None:
    """Writes the plan of a program."""
    import cloudpickle

    from millstream._answers import answered
    from millstream._pickle import pickled

    for step in program.steps:
        if step.told.get("opener") is not None:
            # One part for itself, so that what cannot be sent is named.
            pickled(step.told["opener"], step.name)
    header = {"made_by": surroundings(), "answers": answered()}
    file.write(json.dumps(header).encode() + b"\n")
    cloudpickle.dump(program, file, 5)


class Header(NamedTuple):
    """The first line."""

    made_by: Dict[str, str]
    #: The packages whose imports were answered.
    answers: List[str]

    def difference(self) -> Optional[str]:
        """What is not the same here as where the plan was made; `None` if nothing is."""
        here = surroundings()
        named = {"python": "Python", "millstream": "Millstream", "cloudpickle": "cloudpickle"}
        differs = [
            f"{named.get(name, name)} {theirs} there and {here.get(name, 'none')} here"
            for name, theirs in self.made_by.items()
            if here.get(name) != theirs
        ]
        if not differs:
            return None
        return (
            f"the interpreter {sys.executable} is unlike the one that made the plan: {', '.join(differs)}; functions "
            "travel between interpreters of one kind only: start the workers and the job manager with --python INTERPRETER"
        )


def read_header(file: Any) -> Header:
    """Reads the first line, and leaves the rest."""
    try:
        told = json.loads(file.readline())
        return Header(told["made_by"], told["answers"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"this is no plan of a program: {error}") from None


def read_program(file: Any) -> Union[StreamProgram, TaskProgram]:
    """Reads what is behind the header."""
    import pickle

    program: Union[StreamProgram, TaskProgram] = pickle.load(file)
    return program
