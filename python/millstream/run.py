"""Runs a program as its own interpreter would: what `millstream run` does once the command line is
understood.

Answers for the program being `__main__`, with its own arguments, its own folder first among those that
modules come from, and tracebacks that begin in it. Not for the command line, nor for whether the file is
there: the native half has looked.
Holds: what a program sees is what it sees under `python job.py`, but for the packages whose imports are
answered.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, ModuleType, TracebackType
from typing import List, Optional, Tuple

__all__ = ["main"]

#: The exit code of a program that raised an exception.
RAISED = 1

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def main(
    program: str,
    arguments: List[str],
    answers: Optional[str] = None,
    foreign: Optional[Tuple[str, str]] = None,
    own: Optional[Tuple[str, Optional[str], Optional[str], bool]] = None,
) -> int:
    """Runs the program, here or on a cluster; the exit code.

    `answers` is the package whose imports are answered, `pyflink` or `pyspark`. `foreign` is the system that the
    program is handed to, `flink` or `spark`, and the address of its cluster; `own` is the cluster of Millstream's
    that its jobs run on: the address, the file of its token, the folder of its certificates, and whether they are left alone. A program that calls `sys.exit` leaves with its
    `SystemExit`, one that was interrupted with a `KeyboardInterrupt`.
    """
    if foreign is not None:
        from millstream import handover

        return handover.main(*foreign, program, list(arguments))
    if own is not None:
        from millstream._cluster import target

        target.command(target.Target(*own))
    if answers is not None:
        from millstream._answers import answer

        answer(answers)
    _take_the_place_of_the_command(program, arguments)
    code = _compiled(program)
    return RAISED if code is None else _run(code, program)


def _take_the_place_of_the_command(program: str, arguments: List[str]) -> None:
    """The program's arguments, and its folder in the place of the command's."""
    first = sys.path[0] if sys.path else None
    commands = {"", os.getcwd(), os.path.dirname(os.path.abspath(sys.argv[0])), os.path.dirname(sys.argv[0])}
    if not getattr(sys.flags, "safe_path", False):
        if first in commands:
            del sys.path[0]
        sys.path.insert(0, os.path.dirname(os.path.realpath(program)))
    sys.argv[:] = [program, *arguments]


def _compiled(program: str) -> Optional[CodeType]:
    """The program's code; `None` if its text is no Python, which is said as Python says it."""
    with open(program, "rb") as file:
        text = file.read()
    try:
        return compile(text, program, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        # Of a null byte Python does not say in which file; before 3.12 it is a ValueError.
        named = isinstance(error, SyntaxError) and error.filename is not None
        shown = error if named else SyntaxError(f"{error} (file {program})")
        sys.excepthook(type(shown), shown.with_traceback(None), None)
        return None


def _run(code: CodeType, program: str) -> int:
    from importlib.machinery import SourceFileLoader

    main = ModuleType("__main__")
    main.__file__ = program
    main.__loader__ = SourceFileLoader("__main__", program)
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    main.__dict__["__cached__"] = None
    main.__dict__["__annotations__"] = {}
    sys.modules["__main__"] = main
    try:
        exec(code, main.__dict__)
        return 0
    except SystemExit:
        raise
    except BaseException as error:
        from millstream._counterparts import explain

        error.__traceback__ = _without_ours(error.__traceback__)
        explain(error)
        # As the interpreter says it of a script: what ends with the program may want to know why.
        sys.last_value = error
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, KeyboardInterrupt):
            interrupted = error
        else:
            return RAISED
    # Python ends a process that was interrupted by the signal itself, once the rest is cleaned up; it is told
    # already.
    sys.excepthook = lambda kind, value, trace: None
    raise interrupted


def _without_ours(trace: Optional[TracebackType]) -> Optional[TracebackType]:
    """The traceback from where the program begins."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace
