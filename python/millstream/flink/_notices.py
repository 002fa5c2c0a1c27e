"""What is accepted and does nothing: said once for each name.

Answers for the one sentence that a program reads when it uses something of Flink that has no meaning here.
Not for values that are wrong: those are refused where they are given.
Holds: a name is spoken of once in a process, however often it is used.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Set

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_said: Set[str] = set()


class NoEffectWarning(UserWarning):
    """Something that was accepted and does nothing on this engine."""


def without_effect(name: str, why: str) -> None:
    """Says once that `name` was accepted and does nothing, and why, at the program's own line.

    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     for _ in range(2):
    ...         without_effect("set_lucky_number", "there is no luck here")
    >>> [str(warning.message) for warning in said]
    ['set_lucky_number does nothing here: there is no luck here']
    """
    if name in _said:
        return
    _said.add(name)
    depth, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_OURS):
        depth, frame = depth + 1, frame.f_back
    warnings.warn(f"{name} does nothing here: {why}", NoEffectWarning, stacklevel=depth)
