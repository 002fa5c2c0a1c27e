"""Files: lines of text in, records as lines of text out.

Answers for the names that PyFlink's programs use. What cannot be done yet is refused by its name.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Tuple

from millstream.flink.common.typeinfo import Types
from millstream.flink.datastream.connectors._file_sink import (
    BucketAssigner,
    FileSink,
    OutputFileConfig,
    RollingPolicy,
)

__all__ = [
    "BucketAssigner",
    "FileSink",
    "FileSource",
    "FileSourceBuilder",
    "OutputFileConfig",
    "RollingPolicy",
    "StreamFormat",
]


class StreamFormat:
    """How the bytes of a file become records."""

    def __init__(self, charset: str) -> None:
        import codecs

        try:
            codecs.lookup(charset)
        except LookupError:
            raise ValueError(
                f"text_line_format takes the name of an encoding, {charset!r} is unknown"
            ) from None
        self._charset = charset

    @staticmethod
    def text_line_format(charset_name: str = "UTF-8") -> "StreamFormat":
        """Each line is a record, without its end."""
        return StreamFormat(charset_name)


class FileSource:
    """The files that were below some paths when the job began; each is read by one subtask, from its start to
    its end."""

    def __init__(self, stream_format: StreamFormat, paths: Tuple[str, ...]) -> None:
        self._format, self._paths = stream_format, paths

    @staticmethod
    def for_record_stream_format(stream_format: StreamFormat, *paths: str) -> "FileSourceBuilder":
        """Files, or folders of files, in a format."""
        if not isinstance(stream_format, StreamFormat):
            raise TypeError(f"the format is StreamFormat.text_line_format(), {stream_format!r} was given")
        if not paths:
            raise ValueError("for_record_stream_format takes at least one path")
        return FileSourceBuilder(stream_format, paths)

    @staticmethod
    def for_bulk_file_format(bulk_format: Any, *paths: str) -> "FileSourceBuilder":
        """Refused: Parquet and the like are not read yet."""
        raise NotImplementedError(
            "FileSource.for_bulk_file_format is not supported here yet; lines of text are"
        )

    def _reads(self) -> Tuple[Any, Any, Dict[str, Any]]:
        from millstream._stream.sources import TextFiles

        settings = {"bounded": True, "promise": "exactly once", "parallel": True}
        return Types.STRING(), lambda _: TextFiles(self._files(), self._format._charset), settings

    def _files(self) -> List[str]:
        from millstream.flink.datastream._job_settings import local_folder

        found: List[str] = []
        for path in self._paths:
            path = local_folder(path, "path of a FileSource")
            if os.path.isfile(path):
                found.append(path)
            elif os.path.isdir(path):
                for folder, folders, names in os.walk(path):
                    folders[:] = sorted(name for name in folders if name[0] not in "._")
                    found += [os.path.join(folder, name) for name in sorted(names) if name[0] not in "._"]
            else:
                raise FileNotFoundError(f"a FileSource reads {path}, which does not exist")
        return found


class FileSourceBuilder:
    """Puts a `FileSource` together."""

    def __init__(self, stream_format: StreamFormat, paths: Tuple[str, ...]) -> None:
        self._format, self._paths = stream_format, paths

    def process_static_file_set(self) -> "FileSourceBuilder":
        """Reads the files that there are; so it is if nothing is said."""
        return self

    def monitor_continuously(self, discovery_interval: Any) -> "FileSourceBuilder":
        """Refused: files that appear later are not looked for yet."""
        raise NotImplementedError(
            "FileSourceBuilder.monitor_continuously is not supported here yet: the files that there "
            "are at the start are "
            "read"
        )

    def build(self) -> FileSource:
        """The source."""
        return FileSource(self._format, self._paths)
