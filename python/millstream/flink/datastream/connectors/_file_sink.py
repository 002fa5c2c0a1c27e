"""Records as lines of text files.

Answers for the names by which a program asks for it. The files are written by the engine: hidden while they are written,
visible once their checkpoint is complete, or when the job ends.
Holds: each record is in one visible file, once, whatever fails in between, if the job takes checkpoints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

from millstream.flink._notices import without_effect
from millstream.flink.common.execution_config import whole
from millstream.flink.common.serialization import Encoder
from millstream.flink.common.time import millis
from millstream.flink.datastream.connectors.base import Sink

if TYPE_CHECKING:
    from millstream.flink.common.typeinfo import TypeInformation

__all__ = ["BucketAssigner", "FileCompactStrategy", "FileCompactor", "FileSink", "OutputFileConfig", "RollingPolicy"]

_FOR_EVER = (1 << 63) - 1


class BucketAssigner:
    """Which folder below the sink's a record is written to."""

    def __init__(self, pattern: Optional[str]) -> None:
        self._pattern = pattern

    @staticmethod
    def base_path_bucket_assigner() -> "BucketAssigner":
        """The sink's folder itself."""
        return BucketAssigner(None)

    @staticmethod
    def date_time_bucket_assigner(
        format_str: str = "yyyy-MM-dd--HH", timezone_id: Optional[str] = None
    ) -> "BucketAssigner":
        """One for each time of writing, in UTC, as the format shows it; so it is if nothing is said, by the hour."""
        if timezone_id not in (None, "UTC", "Etc/UTC", "Z"):
            raise ValueError(
                f"folders are named by the time in UTC, {timezone_id!r} is not supported here yet"
            )
        return BucketAssigner(format_str)


class RollingPolicy:
    """When a file is closed and the next begun, besides at each checkpoint."""

    def __init__(self, limits: Tuple[int, int, int]) -> None:
        self._limits = limits

    @staticmethod
    def default_rolling_policy(
        part_size: int = 128 << 20, rollover_interval: int = 60_000, inactivity_interval: int = 60_000
    ) -> "RollingPolicy":
        """Once it has so many bytes, is so old, or nothing came for so long (milliseconds)."""
        return RollingPolicy(
            (
                whole(part_size, "part_size", 1, "bytes"),
                whole(rollover_interval, "rollover_interval", 1, "milliseconds"),
                whole(inactivity_interval, "inactivity_interval", 1, "milliseconds"),
            )
        )

    @staticmethod
    def on_checkpoint_rolling_policy() -> "RollingPolicy":
        """At checkpoints only."""
        return RollingPolicy((_FOR_EVER, _FOR_EVER, _FOR_EVER))


class OutputFileConfig:
    """What files are called. Kept, and does nothing: they are called `part-<subtask>-<number>.txt`."""

    def __init__(self, part_prefix: str, part_suffix: str) -> None:
        self._prefix, self._suffix = part_prefix, part_suffix

    @staticmethod
    def builder() -> "OutputFileConfig.OutputFileConfigBuilder":
        """Begins with what files are called in Flink."""
        return OutputFileConfig.OutputFileConfigBuilder()

    def get_part_prefix(self) -> str:
        """What was set."""
        return self._prefix

    def get_part_suffix(self) -> str:
        """What was set."""
        return self._suffix

    class OutputFileConfigBuilder:
        """Puts it together."""

        def __init__(self) -> None:
            self._prefix, self._suffix = "part", ""

        def with_part_prefix(self, prefix: str) -> "OutputFileConfig.OutputFileConfigBuilder":
            """What names begin with."""
            self._prefix = prefix
            return self

        def with_part_suffix(self, suffix: str) -> "OutputFileConfig.OutputFileConfigBuilder":
            """What names end with."""
            self._suffix = suffix
            return self

        def build(self) -> "OutputFileConfig":
            """It."""
            return OutputFileConfig(self._prefix, self._suffix)


class FileCompactStrategy:
    """Which files are put together: those of one checkpoint and folder, before any of them is visible."""

    def __init__(self, size_threshold: int) -> None:
        self._size_threshold = size_threshold

    @staticmethod
    def builder() -> "FileCompactStrategy.Builder":
        """Begins with files of 128 MiB."""
        return FileCompactStrategy.Builder()

    class Builder:
        """Puts it together."""

        def __init__(self) -> None:
            self._size_threshold = 128 << 20

        def set_size_threshold(self, size_threshold: int) -> "FileCompactStrategy.Builder":
            """Smaller files are put together into files of about so many bytes."""
            self._size_threshold = whole(size_threshold, "the size threshold", 1, "bytes")
            return self

        def enable_compaction_on_checkpoint(self, num_checkpoints: int) -> "FileCompactStrategy.Builder":
            """Accepted for 1: each checkpoint puts its own files together, and none waits for a later one."""
            if whole(num_checkpoints, "the number of checkpoints", 1, "checkpoints") > 1:
                without_effect(
                    "enable_compaction_on_checkpoint", "each checkpoint puts its own files together: give them a longer interval"
                )
            return self

        def set_num_compact_threads(self, num_compact_threads: int) -> "FileCompactStrategy.Builder":
            """Accepted, and does nothing."""
            whole(num_compact_threads, "the number of threads", 1, "threads")
            without_effect("set_num_compact_threads", "whoever commits a checkpoint puts its files together")
            return self

        def build(self) -> "FileCompactStrategy":
            """It."""
            return FileCompactStrategy(self._size_threshold)


class FileCompactor:
    """How files are put together."""

    @staticmethod
    def concat_file_compactor(file_delimiter: Optional[bytes] = None) -> "FileCompactor":
        """One behind the other. Their lines have ends, so that nothing need stand between."""
        if file_delimiter:
            raise NotImplementedError(
                "nothing can be put between joined files here yet: leave file_delimiter out, each line has its end"
            )
        return FileCompactor()

    @staticmethod
    def identical_file_compactor() -> "FileCompactor":
        """Refused: files that stay as they are need no compactor."""
        raise NotImplementedError("identical_file_compactor leaves files as they are: leave enable_compact out")


class FileSink(Sink):
    """Writes each record on a line: exactly once with checkpoints.

    >>> import pathlib, tempfile
    >>> from millstream.flink.common import Encoder
    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> folder = tempfile.mkdtemp()
    >>> sink = FileSink.for_row_format(folder, Encoder.simple_string_encoder())
    >>> sink = sink.with_bucket_assigner(BucketAssigner.base_path_bucket_assigner()).build()
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> _ = env.from_collection(["a", "b"]).sink_to(sink)
    >>> _ = env.execute()
    >>> [(path.name, path.read_text()) for path in pathlib.Path(folder).iterdir()]
    [('part-0-0.txt', 'a\\nb\\n')]
    """

    def __init__(
        self, folder: str, pattern: Optional[str], rolling: Tuple[int, int, int], joined: Optional[int] = None
    ) -> None:
        self._told = {"folder": folder, "pattern": pattern, "rolling": rolling, "joined": joined}

    def _text_sink(self) -> Tuple[str, str, Dict[str, Any]]:
        return "files", "FileSink", self._told

    @staticmethod
    def for_row_format(base_path: str, encoder: Encoder) -> "FileSink.RowFormatBuilder":
        """Below a folder, as text."""
        if not isinstance(encoder, Encoder):
            raise TypeError(f"the encoder is Encoder.simple_string_encoder(), {encoder!r} was given")
        if encoder._schema._charset.upper().replace("-", "") != "UTF8":
            raise ValueError(
                f"files are written in UTF-8, {encoder._schema._charset!r} is not supported here yet"
            )
        return FileSink.RowFormatBuilder(base_path)

    @staticmethod
    def for_bulk_format(base_path: str, writer_factory: Any) -> Any:
        """Refused: Parquet and the like are not written yet."""
        raise NotImplementedError(
            "FileSink.for_bulk_format is not supported here yet; for_row_format writes text"
        )

    @staticmethod
    def _printed(declared: "TypeInformation") -> Any:
        """How records of a type are shown: as Java shows them, rows too."""
        from millstream.flink.common._printing import AsJava

        return AsJava(declared)

    class RowFormatBuilder:
        """Puts it together."""

        def __init__(self, base_path: str) -> None:
            from millstream.flink.datastream._job_settings import folder_anywhere

            self._folder = folder_anywhere(base_path, "base_path of a FileSink")
            self._buckets = BucketAssigner.date_time_bucket_assigner()
            self._rolling = RollingPolicy.default_rolling_policy()
            self._compact: Optional[FileCompactStrategy] = None

        def with_bucket_assigner(self, bucket_assigner: BucketAssigner) -> "FileSink.RowFormatBuilder":
            """Which folders; one for each hour if nothing is said."""
            self._buckets = _of(BucketAssigner, bucket_assigner, "BucketAssigner.base_path_bucket_assigner()")
            return self

        def with_rolling_policy(self, rolling_policy: RollingPolicy) -> "FileSink.RowFormatBuilder":
            """When a file is closed."""
            self._rolling = _of(RollingPolicy, rolling_policy, "RollingPolicy.default_rolling_policy()")
            return self

        def with_output_file_config(
            self, output_file_config: OutputFileConfig
        ) -> "FileSink.RowFormatBuilder":
            """Accepted, and does nothing."""
            _of(OutputFileConfig, output_file_config, "OutputFileConfig.builder().build()")
            without_effect("with_output_file_config", "files are called part-<subtask>-<number>.txt")
            return self

        def with_bucket_check_interval(self, interval: Any) -> "FileSink.RowFormatBuilder":
            """Accepted, and does nothing."""
            if not isinstance(interval, int):
                millis(interval, "the interval of with_bucket_check_interval")
            without_effect("with_bucket_check_interval", "a file is closed when it is due, whoever looks")
            return self

        def enable_compact(
            self, strategy: FileCompactStrategy, compactor: FileCompactor
        ) -> "FileSink.RowFormatBuilder":
            """Puts the small files of a checkpoint together, before any of them is visible."""
            self._compact = _of(FileCompactStrategy, strategy, "FileCompactStrategy.builder().build()")
            _of(FileCompactor, compactor, "FileCompactor.concat_file_compactor()")
            return self

        def disable_compact(self) -> "FileSink.RowFormatBuilder":
            """Leaves files as they are; so it is if nothing is said."""
            self._compact = None
            return self

        def build(self) -> "FileSink":
            """The sink."""
            joined = None if self._compact is None else self._compact._size_threshold
            return FileSink(self._folder, self._buckets._pattern, self._rolling._limits, joined)


def _of(kind: type, given: Any, right: str) -> Any:
    if not isinstance(given, kind):
        raise TypeError(f"{right} or the like is asked for, {given!r} was given")
    return given
