"""Where Flink keeps checkpoints. Here it is the setting `execution.checkpointing.dir` that says so."""

from __future__ import annotations

from typing import Any, Optional

from millstream.flink._notices import without_effect
from millstream.flink.common.execution_config import whole

__all__ = [
    "CheckpointStorage",
    "CustomCheckpointStorage",
    "FileSystemCheckpointStorage",
    "JobManagerCheckpointStorage",
]

_BY_SETTING = "the setting execution.checkpointing.dir of a Configuration names the folder"


class CheckpointStorage:
    """Where checkpoints are kept."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({vars(self)})"


class JobManagerCheckpointStorage(CheckpointStorage):
    """In the memory of Flink's job manager. What is set is kept, and does nothing."""

    DEFAULT_MAX_STATE_SIZE = 5 * 1024 * 1024

    def __init__(
        self,
        checkpoint_path: Optional[str] = None,
        max_state_size: Optional[int] = None,
        j_jobmanager_checkpoint_storage: Any = None,
    ) -> None:
        _no_java(j_jobmanager_checkpoint_storage)
        size = self.DEFAULT_MAX_STATE_SIZE if max_state_size is None else max_state_size
        self._max_state_size = whole(size, "max_state_size", 1, "bytes")
        self._checkpoint_path = checkpoint_path
        without_effect("JobManagerCheckpointStorage", _BY_SETTING)

    def get_checkpoint_path(self) -> Optional[str]:
        """What was set."""
        return self._checkpoint_path

    def get_savepoint_path(self) -> Optional[str]:
        """None: a savepoint says its own folder."""
        return None

    def get_max_state_size(self) -> int:
        """What was set, in bytes."""
        return self._max_state_size


class FileSystemCheckpointStorage(CheckpointStorage):
    """In a folder. What is set is kept, and does nothing.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     FileSystemCheckpointStorage("file:///tmp/checkpoints").get_checkpoint_path()
    'file:///tmp/checkpoints'
    """

    MAX_FILE_STATE_THRESHOLD = 1024 * 1024

    def __init__(
        self,
        checkpoint_path: Optional[str] = None,
        file_state_size_threshold: Optional[int] = None,
        write_buffer_size: int = -1,
        j_filesystem_checkpoint_storage: Any = None,
    ) -> None:
        _no_java(j_filesystem_checkpoint_storage)
        if not checkpoint_path:
            raise ValueError(f"FileSystemCheckpointStorage needs a folder, {checkpoint_path!r} was given")
        self._checkpoint_path = checkpoint_path
        self._threshold = 20 * 1024 if file_state_size_threshold in (None, -1) else file_state_size_threshold
        self._buffer = 4096 if write_buffer_size == -1 else write_buffer_size
        without_effect("FileSystemCheckpointStorage", _BY_SETTING)

    def get_checkpoint_path(self) -> str:
        """What was set."""
        return self._checkpoint_path

    def get_savepoint_path(self) -> Optional[str]:
        """None: a savepoint says its own folder."""
        return None

    def get_min_file_size_threshold(self) -> int:
        """What was set, in bytes."""
        return whole(self._threshold, "file_state_size_threshold", 0, "bytes")

    def get_write_buffer_size(self) -> int:
        """What was set, in bytes."""
        return self._buffer


class CustomCheckpointStorage(CheckpointStorage):
    """PyFlink's wrapper of a Java object, which cannot be made here."""

    def __init__(self, j_custom_checkpoint_storage: Any) -> None:
        _no_java(j_custom_checkpoint_storage)


def _no_java(given: Any) -> None:
    if given is not None:
        raise TypeError(f"a checkpoint storage of Java was given, and there is no JVM here: {_BY_SETTING}")
