"""The `millstream` command: `millstream run job.py`, or `python -m millstream run job.py`."""

from __future__ import annotations

import sys
from typing import NoReturn

from millstream import _native


def main() -> NoReturn:
    """Does what the command line says, and ends the process."""
    sys.exit(_native.command(sys.argv[1:]))


if __name__ == "__main__":
    main()
