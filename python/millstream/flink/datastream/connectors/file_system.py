"""Files: lines of text in, records as lines of text out.

Answers for the names that PyFlink's programs use. What cannot be done yet is refused by its name.
"""

from __future__ import annotations

import glob
import os
from typing import Any, Dict, List, Optional, Tuple

from millstream import _native
from millstream.flink.common.time import millis
from millstream.flink.common.typeinfo import TypeInformation, Types
from millstream.flink.datastream.connectors._file_sink import (
    BucketAssigner,
    FileCompactor,
    FileCompactStrategy,
    FileSink,
    OutputFileConfig,
    RollingPolicy,
)
from millstream.flink.datastream.connectors.base import Source

__all__ = [
    "BucketAssigner",
    "FileCompactStrategy",
    "FileCompactor",
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


class FileSource(Source):
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


class _MonitoredFiles(FileSource):
    """Files that are found and read by the engine, with those that appear later."""

    def __init__(self, stream_format: StreamFormat, paths: Tuple[str, ...], interval: int) -> None:
        super().__init__(stream_format, paths)
        self._interval = interval

    def _engine(self) -> Tuple[str, Tuple[Any, ...], TypeInformation, Dict[str, Any]]:
        from millstream.flink.datastream._job_settings import folder_anywhere

        path = folder_anywhere(self._paths[0], "path of a FileSource")
        settings = {"bounded": False, "promise": "exactly once", "parallel": True}
        if "://" in path:
            return "text_files", (f"{path}/**/*", self._interval), Types.STRING(), settings
        if not os.path.isdir(path):
            raise FileNotFoundError(f"a FileSource monitors the folder {path}, which does not exist")
        return "text_files", (os.path.join(glob.escape(path), "**", "*"), self._interval), Types.STRING(), settings


class _StoredFiles(FileSource):
    """Files in S3 or HDFS, which the engine finds and reads."""

    def _engine(self) -> Tuple[str, Tuple[Any, ...], TypeInformation, Dict[str, Any]]:
        settings = {"bounded": True, "promise": "exactly once", "parallel": True}
        path = self._paths[0].rstrip("/")
        # A folder is read with all that is below it, as one of this machine is.
        below = f"{path}/**/*"
        try:
            _native.stored_files(below)
        except OSError:
            # A file, or nothing, which the engine says in its own words.
            below = path
        return "text_files", (below, None), Types.STRING(), settings


class FileSourceBuilder:
    """Puts a `FileSource` together."""

    def __init__(self, stream_format: StreamFormat, paths: Tuple[str, ...]) -> None:
        self._format, self._paths = stream_format, paths
        self._interval: Optional[int] = None

    def process_static_file_set(self) -> "FileSourceBuilder":
        """Reads the files that there are; so it is if nothing is said."""
        self._interval = None
        return self

    def monitor_continuously(self, discovery_interval: Any) -> "FileSourceBuilder":
        """Looks for new files again and again, and reads each once. A file must be whole when it gets its name: write
        it under a name that begins with `.` or `_`, and rename it."""
        if len(self._paths) > 1:
            raise NotImplementedError("several paths cannot be monitored by one source yet: unite a source for each")
        if self._format._charset.upper().replace("-", "") != "UTF8":
            raise ValueError(f"monitored files are read in UTF-8, {self._format._charset!r} is not supported here yet")
        self._interval = millis(discovery_interval, "the interval of monitor_continuously", least=1)
        return self

    def build(self) -> FileSource:
        """The source."""
        if self._interval is not None:
            return _MonitoredFiles(self._format, self._paths, self._interval)
        if any(path.startswith(("hdfs://", "s3://", "s3a://", "s3n://")) for path in self._paths):
            if len(self._paths) > 1:
                raise NotImplementedError("several paths in S3 or HDFS cannot be read by one source yet: unite a source for each")
            if self._format._charset.upper().replace("-", "") != "UTF8":
                raise ValueError(
                    f"files in S3 and HDFS are read in UTF-8, {self._format._charset!r} is not supported here yet"
                )
            return _StoredFiles(self._format, self._paths)
        return FileSource(self._format, self._paths)
