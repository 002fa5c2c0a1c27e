"""Where Flink keeps the state of a running job. This engine keeps it in memory, whichever is named."""

from __future__ import annotations

from enum import Enum
from typing import Any, List, Optional

from millstream.flink._notices import without_effect
from millstream.flink.common.execution_config import whole

__all__ = [
    "CustomStateBackend",
    "EmbeddedRocksDBStateBackend",
    "HashMapStateBackend",
    "PredefinedOptions",
    "StateBackend",
]

_IN_MEMORY = "state is kept in memory"


class StateBackend:
    """Where state is kept."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class HashMapStateBackend(StateBackend):
    """In memory: so it is here in any case."""

    def __init__(self, j_hashmap_state_backend: Any = None) -> None:
        _no_java(j_hashmap_state_backend)


class PredefinedOptions(Enum):
    """Ways in which RocksDB can be set up."""

    DEFAULT = 0
    SPINNING_DISK_OPTIMIZED = 1
    SPINNING_DISK_OPTIMIZED_HIGH_MEM = 2
    FLASH_SSD_OPTIMIZED = 3


class EmbeddedRocksDBStateBackend(StateBackend):
    """On the disk, in RocksDB. What is set is kept, and does nothing.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     EmbeddedRocksDBStateBackend(True).is_incremental_checkpoints_enabled()
    True
    """

    def __init__(
        self,
        enable_incremental_checkpointing: Optional[bool] = None,
        j_embedded_rocks_db_state_backend: Any = None,
    ) -> None:
        _no_java(j_embedded_rocks_db_state_backend)
        if enable_incremental_checkpointing not in (None, True, False):
            raise TypeError(
                "enable_incremental_checkpointing is True, False or None, "
                f"{enable_incremental_checkpointing!r} was given"
            )
        without_effect("EmbeddedRocksDBStateBackend", _IN_MEMORY)
        self._incremental = bool(enable_incremental_checkpointing)
        self._options = PredefinedOptions.DEFAULT
        self._factory: Optional[str] = None
        self._paths: List[str] = []
        self._threads = 4

    def is_incremental_checkpoints_enabled(self) -> bool:
        """What was set."""
        return self._incremental

    def set_predefined_options(self, options: PredefinedOptions) -> None:
        """Kept, and does nothing."""
        if not isinstance(options, PredefinedOptions):
            raise TypeError(
                f"PredefinedOptions.DEFAULT or another of these is asked for, {options!r} was given"
            )
        self._options = options

    def get_predefined_options(self) -> PredefinedOptions:
        """What was set."""
        return self._options

    def set_options(self, options_factory_class_name: str) -> None:
        """Kept, and does nothing: it names a class of Java."""
        without_effect("EmbeddedRocksDBStateBackend.set_options", "it names a class of Java")
        self._factory = options_factory_class_name

    def get_options(self) -> Optional[str]:
        """What was set."""
        return self._factory

    def set_db_storage_paths(self, *paths: str) -> None:
        """Kept, and does nothing."""
        if not paths:
            raise ValueError("set_db_storage_paths takes at least one path, none was given")
        self._paths = list(paths)

    def get_db_storage_paths(self) -> List[str]:
        """What was set."""
        return list(self._paths)

    def set_number_of_transfer_threads(self, number_of_transfering_threads: int) -> None:
        """Kept, and does nothing."""
        self._threads = whole(number_of_transfering_threads, "the number of transfer threads", 1, "threads")

    def get_number_of_transfer_threads(self) -> int:
        """What was set."""
        return self._threads


class CustomStateBackend(StateBackend):
    """PyFlink's wrapper of a Java object, which cannot be made here."""

    def __init__(self, j_custom_state_backend: Any) -> None:
        _no_java(j_custom_state_backend)


def _no_java(given: Any) -> None:
    if given is not None:
        raise TypeError(
            "a state backend of Java was given, and there is no JVM here: state is kept in memory"
        )
