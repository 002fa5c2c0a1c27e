"""The name of one execution of a job."""

from __future__ import annotations

from typing import Any, Optional

__all__ = ["JobID"]


class JobID:
    """Sixteen bytes that no two executions share, shown as 32 hexadecimal digits.

    >>> len(str(JobID()))
    32
    """

    def __init__(self, text: Optional[str] = None) -> None:
        if text is None:
            import os

            text = os.urandom(16).hex()
        self._text = text

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"JobID({self._text!r})"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, JobID) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)
