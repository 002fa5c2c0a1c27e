"""Files that were added to a context."""

from __future__ import annotations

import os
from typing import ClassVar, Optional

from millstream._names import pep8
from millstream.spark._spellings import OfSparkFiles

__all__ = ["SparkFiles"]


@pep8
class SparkFiles(OfSparkFiles):
    """Where files are that `SparkContext.addFile` was given."""

    _root: ClassVar[Optional[str]] = None

    @classmethod
    def get(cls, filename: str) -> str:
        """The path of a file that was added."""
        return os.path.join(cls.getRootDirectory(), filename)

    @classmethod
    def getRootDirectory(cls) -> str:
        """The folder of all of them."""
        return cls._root or os.environ.get("MILLSTREAM_FILES", "")
