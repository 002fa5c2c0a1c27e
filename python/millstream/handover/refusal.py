"""Why a program is not handed over.

Holds: a refusal is raised before anything was submitted; its text says what was wrong, where, and what would
be right.
"""

from __future__ import annotations

from typing import Optional

#: The exit code of a refusal; the program's own codes begin where it has run.
EXIT = 2


class Refused(Exception):
    """The program was not handed over. The text is for the user and needs no traceback."""


def at_line(path: str, line: int, what: str, source: Optional[str] = None) -> str:
    """`what`, behind file and line and above the line itself.

    >>> print(at_line("job.py", 3, "`nap` is no name of Spark's RDD", "  rdd.nap()"))
    job.py:3: `nap` is no name of Spark's RDD
        rdd.nap()
    """
    text = f"{path}:{line}: {what}"
    return f"{text}\n    {source.strip()}" if source and source.strip() else text
