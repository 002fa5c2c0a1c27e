"""How long state lives.

Answers for what a program asks for: how long, from when on, and whether what is over may still be seen. How
expired values are cleaned up is the engine's: those settings are kept, and said once to do nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Optional

from millstream.flink._notices import without_effect
from millstream.flink.common.execution_config import whole
from millstream.flink.common.time import Duration, Time, millis

_OWN_CLEANUP = "the engine cleans expired values up in its own way"


class StateTtlConfig:
    """How long state lives.

    >>> hour = StateTtlConfig.new_builder(Time.hours(1)).update_ttl_on_read_and_write().build()
    >>> hour.get_ttl().to_milliseconds(), hour.get_update_type().name
    (3600000, 'OnReadAndWrite')
    """

    class UpdateType(Enum):
        """From when on a value's time is counted."""

        #: State lives for ever.
        Disabled = 0
        #: From when it was last written.
        OnCreateAndWrite = 1
        #: From when it was last written or read.
        OnReadAndWrite = 2

    class StateVisibility(Enum):
        """Whether a value whose time is over may still be seen."""

        #: Until it is cleaned up.
        ReturnExpiredIfNotCleanedUp = 0
        #: Never.
        NeverReturnExpired = 1

    class TtlTimeCharacteristic(Enum):
        """By which clock."""

        #: By the clock of the machine.
        ProcessingTime = 0

    def __init__(
        self,
        update_type: "StateTtlConfig.UpdateType",
        state_visibility: "StateTtlConfig.StateVisibility",
        ttl_time_characteristic: "StateTtlConfig.TtlTimeCharacteristic",
        ttl: Time,
        cleanup_strategies: "StateTtlConfig.CleanupStrategies",
    ) -> None:
        self._update_type = update_type
        self._state_visibility = state_visibility
        self._ttl_time_characteristic = ttl_time_characteristic
        self._ttl = ttl
        self._cleanup_strategies = cleanup_strategies

    @staticmethod
    def new_builder(ttl: Time) -> "StateTtlConfig.Builder":
        """Begins with how long state lives."""
        return StateTtlConfig.Builder(ttl)

    def get_update_type(self) -> "StateTtlConfig.UpdateType":
        """From when on a value's time is counted."""
        return self._update_type

    def get_state_visibility(self) -> "StateTtlConfig.StateVisibility":
        """Whether a value whose time is over may still be seen."""
        return self._state_visibility

    def get_ttl(self) -> Time:
        """How long state lives."""
        return self._ttl

    def get_ttl_time_characteristic(self) -> "StateTtlConfig.TtlTimeCharacteristic":
        """By which clock."""
        return self._ttl_time_characteristic

    def get_cleanup_strategies(self) -> "StateTtlConfig.CleanupStrategies":
        """What was said about cleaning up."""
        return self._cleanup_strategies

    def is_enabled(self) -> bool:
        """Whether state ever expires."""
        return self._update_type is not StateTtlConfig.UpdateType.Disabled

    def __repr__(self) -> str:
        return (
            f"StateTtlConfig<update_type={self._update_type}, state_visibility={self._state_visibility}, "
            f"ttl_time_characteristic={self._ttl_time_characteristic}, ttl={self._ttl}>"
        )

    class Builder:
        """Puts it together."""

        def __init__(self, ttl: Time) -> None:
            self._update_type = StateTtlConfig.UpdateType.OnCreateAndWrite
            self._state_visibility = StateTtlConfig.StateVisibility.NeverReturnExpired
            self._ttl_time_characteristic = StateTtlConfig.TtlTimeCharacteristic.ProcessingTime
            self._strategies: Dict[Any, Any] = {}
            self._is_cleanup_in_background = True
            self.set_ttl(ttl)

        def set_ttl(self, ttl: Time) -> "StateTtlConfig.Builder":
            """How long state lives."""
            self._ttl = Time.milliseconds(millis(ttl, "the time that state lives", least=1))
            return self

        def set_update_type(self, update_type: "StateTtlConfig.UpdateType") -> "StateTtlConfig.Builder":
            """From when on a value's time is counted."""
            self._update_type = _one_of(StateTtlConfig.UpdateType, update_type)
            return self

        def update_ttl_on_create_and_write(self) -> "StateTtlConfig.Builder":
            """From when it was last written; so it is if nothing is said."""
            return self.set_update_type(StateTtlConfig.UpdateType.OnCreateAndWrite)

        def update_ttl_on_read_and_write(self) -> "StateTtlConfig.Builder":
            """From when it was last written or read."""
            return self.set_update_type(StateTtlConfig.UpdateType.OnReadAndWrite)

        def set_state_visibility(
            self, state_visibility: "StateTtlConfig.StateVisibility"
        ) -> "StateTtlConfig.Builder":
            """Whether a value whose time is over may still be seen."""
            self._state_visibility = _one_of(StateTtlConfig.StateVisibility, state_visibility)
            return self

        def return_expired_if_not_cleaned_up(self) -> "StateTtlConfig.Builder":
            """It may, until it is cleaned up."""
            return self.set_state_visibility(StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp)

        def never_return_expired(self) -> "StateTtlConfig.Builder":
            """It may not; so it is if nothing is said."""
            return self.set_state_visibility(StateTtlConfig.StateVisibility.NeverReturnExpired)

        def set_ttl_time_characteristic(
            self, ttl_time_characteristic: "StateTtlConfig.TtlTimeCharacteristic"
        ) -> "StateTtlConfig.Builder":
            """By which clock."""
            self._ttl_time_characteristic = _one_of(
                StateTtlConfig.TtlTimeCharacteristic, ttl_time_characteristic
            )
            return self

        def use_processing_time(self) -> "StateTtlConfig.Builder":
            """By the clock of the machine; there is no other."""
            return self.set_ttl_time_characteristic(StateTtlConfig.TtlTimeCharacteristic.ProcessingTime)

        def cleanup_full_snapshot(self) -> "StateTtlConfig.Builder":
            """Kept, and does nothing."""
            empty = StateTtlConfig.CleanupStrategies.EMPTY_STRATEGY
            return self._cleanup("FULL_STATE_SCAN_SNAPSHOT", empty, "cleanup_full_snapshot")

        def cleanup_incrementally(
            self, cleanup_size: int, run_cleanup_for_every_record: bool
        ) -> "StateTtlConfig.Builder":
            """Kept, and does nothing."""
            strategy = StateTtlConfig.CleanupStrategies.IncrementalCleanupStrategy(
                whole(cleanup_size, "cleanup_size", 1, "keys"), run_cleanup_for_every_record
            )
            return self._cleanup("INCREMENTAL_CLEANUP", strategy, "cleanup_incrementally")

        def cleanup_in_rocksdb_compact_filter(
            self, query_time_after_num_entries: int, periodic_compaction_time: Optional[Duration] = None
        ) -> "StateTtlConfig.Builder":
            """Kept, and does nothing."""
            strategy = StateTtlConfig.CleanupStrategies.RocksdbCompactFilterCleanupStrategy(
                query_time_after_num_entries, periodic_compaction_time
            )
            return self._cleanup("ROCKSDB_COMPACTION_FILTER", strategy, "cleanup_in_rocksdb_compact_filter")

        def disable_cleanup_in_background(self) -> "StateTtlConfig.Builder":
            """Kept, and does nothing."""
            without_effect("StateTtlConfig.Builder.disable_cleanup_in_background", _OWN_CLEANUP)
            self._is_cleanup_in_background = False
            return self

        def _cleanup(self, kind: str, strategy: Any, method: str) -> "StateTtlConfig.Builder":
            without_effect(f"StateTtlConfig.Builder.{method}", _OWN_CLEANUP)
            self._strategies[StateTtlConfig.CleanupStrategies.Strategies[kind]] = strategy
            return self

        def build(self) -> "StateTtlConfig":
            """It."""
            return StateTtlConfig(
                self._update_type,
                self._state_visibility,
                self._ttl_time_characteristic,
                self._ttl,
                StateTtlConfig.CleanupStrategies(dict(self._strategies), self._is_cleanup_in_background),
            )

    class CleanupStrategies:
        """What a program said about cleaning up."""

        class Strategies(Enum):
            """The ways of Flink."""

            FULL_STATE_SCAN_SNAPSHOT = 0
            INCREMENTAL_CLEANUP = 1
            ROCKSDB_COMPACTION_FILTER = 2

        class CleanupStrategy:
            """One of them."""

        class EmptyCleanupStrategy(CleanupStrategy):
            """One that nothing is said about."""

        class IncrementalCleanupStrategy(CleanupStrategy):
            """A few keys at a time."""

            def __init__(self, cleanup_size: int, run_cleanup_for_every_record: bool) -> None:
                self._cleanup_size = cleanup_size
                self._run_cleanup_for_every_record = run_cleanup_for_every_record

            def get_cleanup_size(self) -> int:
                """How many keys at a time."""
                return self._cleanup_size

            def run_cleanup_for_every_record(self) -> bool:
                """Whether with each record."""
                return self._run_cleanup_for_every_record

        class RocksdbCompactFilterCleanupStrategy(CleanupStrategy):
            """When RocksDB compacts its files."""

            def __init__(
                self, query_time_after_num_entries: int, periodic_compaction_time: Optional[Duration] = None
            ) -> None:
                self._query_time_after_num_entries = query_time_after_num_entries
                self._periodic_compaction_time = periodic_compaction_time or Duration.of_days(30)

            def get_query_time_after_num_entries(self) -> int:
                """After how many values the clock is read."""
                return self._query_time_after_num_entries

            def get_periodic_compaction_time(self) -> Duration:
                """After how long a file is compacted in any case."""
                return self._periodic_compaction_time

        EMPTY_STRATEGY = EmptyCleanupStrategy()

        def __init__(self, strategies: Dict[Any, Any], is_cleanup_in_background: bool) -> None:
            self._strategies = strategies
            self._is_cleanup_in_background = is_cleanup_in_background

        def is_cleanup_in_background(self) -> bool:
            """Whether it was left to the engine."""
            return self._is_cleanup_in_background

        def in_full_snapshot(self) -> bool:
            """Whether it was to be done with full snapshots."""
            return self._asked("FULL_STATE_SCAN_SNAPSHOT") is not None

        def get_incremental_cleanup_strategy(self) -> Any:
            """What was said about cleaning up a few keys at a time."""
            default = StateTtlConfig.CleanupStrategies.IncrementalCleanupStrategy(5, False)
            return self._asked("INCREMENTAL_CLEANUP", default if self._is_cleanup_in_background else None)

        def get_rocksdb_compact_filter_cleanup_strategy(self) -> Any:
            """What was said about cleaning up when RocksDB compacts its files."""
            default = StateTtlConfig.CleanupStrategies.RocksdbCompactFilterCleanupStrategy(1000)
            return self._asked(
                "ROCKSDB_COMPACTION_FILTER", default if self._is_cleanup_in_background else None
            )

        def _asked(self, kind: str, default: Any = None) -> Any:
            return self._strategies.get(StateTtlConfig.CleanupStrategies.Strategies[kind], default)


def _one_of(kind: Any, given: Any) -> Any:
    if not isinstance(given, kind):
        known = ", ".join(f"{kind.__name__}.{one.name}" for one in kind)
        raise TypeError(f"one of {known} is asked for, {given!r} was given")
    return given
