"""How checkpoints are taken: what `StreamExecutionEnvironment.get_checkpoint_config()` gives.

Answers for the settings, and for refusing what cannot be. The environment hands them to the engine.
"""

from __future__ import annotations

from typing import Any, Optional

from millstream.flink._notices import without_effect
from millstream.flink.common.execution_config import whole
from millstream.flink.common.time import Duration, millis
from millstream.flink.datastream.checkpointing_mode import CheckpointingMode
from millstream.flink.datastream.externalized_checkpoint_retention import ExternalizedCheckpointRetention

__all__ = ["CheckpointConfig"]

_UNALIGNED = "a checkpoint waits for the records that are on their way, of which there is a bounded number"


class CheckpointConfig:
    """How checkpoints are taken.

    >>> config = CheckpointConfig().set_checkpoint_interval(1000).set_checkpointing_mode(CheckpointingMode.AT_LEAST_ONCE)
    >>> config.is_checkpointing_enabled(), config.get_checkpointing_mode().name
    (True, 'AT_LEAST_ONCE')
    """

    DEFAULT_TIMEOUT = 600_000

    def __init__(self) -> None:
        #: In milliseconds; `None`: none are taken.
        self._interval: Optional[int] = None
        self._mode = CheckpointingMode.EXACTLY_ONCE
        self._timeout = CheckpointConfig.DEFAULT_TIMEOUT
        self._min_pause = 0
        self._max_concurrent = 1
        self._tolerable_failures = 0
        self._retention = ExternalizedCheckpointRetention.NO_EXTERNALIZED_CHECKPOINTS
        self._unaligned = False
        self._force_unaligned = False
        self._aligned_timeout = 0

    def is_checkpointing_enabled(self) -> bool:
        """Whether checkpoints are taken."""
        return self._interval is not None

    def set_checkpoint_interval(self, checkpoint_interval: int) -> "CheckpointConfig":
        """From the begin of one checkpoint to the begin of the next, in milliseconds, from 10 on."""
        self._interval = whole(checkpoint_interval, "the checkpoint interval", 10, "milliseconds")
        return self

    def get_checkpoint_interval(self) -> int:
        """From the begin of one checkpoint to the begin of the next, in milliseconds; -1 if none are taken."""
        return -1 if self._interval is None else self._interval

    def set_checkpointing_mode(self, checkpointing_mode: CheckpointingMode) -> "CheckpointConfig":
        """What a checkpoint promises."""
        if not isinstance(checkpointing_mode, CheckpointingMode):
            raise TypeError(
                "the mode is CheckpointingMode.EXACTLY_ONCE or CheckpointingMode.AT_LEAST_ONCE, "
                f"{checkpointing_mode!r} was given"
            )
        self._mode = checkpointing_mode
        return self

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """What a checkpoint promises."""
        return self._mode

    def set_checkpoint_timeout(self, checkpoint_timeout: int) -> "CheckpointConfig":
        """How long a checkpoint may take before it is given up, in milliseconds, from 10 on."""
        self._timeout = whole(checkpoint_timeout, "the checkpoint timeout", 10, "milliseconds")
        return self

    def get_checkpoint_timeout(self) -> int:
        """How long a checkpoint may take before it is given up, in milliseconds."""
        return self._timeout

    def set_min_pause_between_checkpoints(self, min_pause_between_checkpoints: int) -> "CheckpointConfig":
        """The least time from the end of a checkpoint to the begin of the next, in milliseconds."""
        self._min_pause = whole(min_pause_between_checkpoints, "the least pause", 0, "milliseconds")
        return self

    def get_min_pause_between_checkpoints(self) -> int:
        """The least time from the end of a checkpoint to the begin of the next, in milliseconds."""
        return self._min_pause

    def set_max_concurrent_checkpoints(self, max_concurrent_checkpoints: int) -> "CheckpointConfig":
        """Kept; one checkpoint is taken at a time, whatever is said."""
        wanted = whole(max_concurrent_checkpoints, "the number of concurrent checkpoints", 1, "checkpoints")
        if wanted > 1:
            without_effect(
                "CheckpointConfig.set_max_concurrent_checkpoints", "one checkpoint is taken at a time"
            )
        self._max_concurrent = wanted
        return self

    def get_max_concurrent_checkpoints(self) -> int:
        """What was set."""
        return self._max_concurrent

    def set_tolerable_checkpoint_failure_number(
        self, tolerable_checkpoint_failure_number: int
    ) -> "CheckpointConfig":
        """How many checkpoints may fail in a row before the job does."""
        self._tolerable_failures = whole(
            tolerable_checkpoint_failure_number, "the number of tolerable failures", 0, "checkpoints"
        )
        return self

    def get_tolerable_checkpoint_failure_number(self) -> int:
        """How many checkpoints may fail in a row before the job does."""
        return self._tolerable_failures

    def set_fail_on_checkpointing_errors(self, fail_on_checkpointing_errors: bool) -> "CheckpointConfig":
        """Whether a failed checkpoint fails the job; see `set_tolerable_checkpoint_failure_number`."""
        self._tolerable_failures = 0 if fail_on_checkpointing_errors else (1 << 31) - 1
        return self

    def is_fail_on_checkpointing_errors(self) -> bool:
        """Whether a failed checkpoint fails the job."""
        return self._tolerable_failures == 0

    def set_externalized_checkpoint_retention(
        self, retention_mode: ExternalizedCheckpointRetention
    ) -> "CheckpointConfig":
        """Kept; the newest checkpoints stay in their folder when a job is cancelled, whatever is said."""
        if not isinstance(retention_mode, ExternalizedCheckpointRetention):
            raise TypeError(
                "the retention is ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION or another of these, "
                f"{retention_mode!r} was given"
            )
        if retention_mode is not ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION:
            why = f"checkpoints stay in their folder when a job is cancelled, {retention_mode.name} or not"
            without_effect("CheckpointConfig.set_externalized_checkpoint_retention", why)
        self._retention = retention_mode
        return self

    def get_externalized_checkpoint_retention(self) -> ExternalizedCheckpointRetention:
        """What was set."""
        return self._retention

    def is_externalized_checkpoints_enabled(self) -> bool:
        """Whether checkpoints are to stay."""
        return self._retention is not ExternalizedCheckpointRetention.NO_EXTERNALIZED_CHECKPOINTS

    def enable_unaligned_checkpoints(self, enabled: bool = True) -> "CheckpointConfig":
        """Kept, and does nothing: a checkpoint waits for the records that are on their way."""
        if enabled:
            without_effect("CheckpointConfig.enable_unaligned_checkpoints", _UNALIGNED)
        self._unaligned = enabled
        return self

    def disable_unaligned_checkpoints(self) -> "CheckpointConfig":
        """So it is in any case."""
        return self.enable_unaligned_checkpoints(False)

    def is_unaligned_checkpoints_enabled(self) -> bool:
        """What was set."""
        return self._unaligned

    def set_force_unaligned_checkpoints(self, force_unaligned_checkpoints: bool = True) -> "CheckpointConfig":
        """Kept, and does nothing: a checkpoint waits for the records that are on their way."""
        without_effect("CheckpointConfig.set_force_unaligned_checkpoints", _UNALIGNED)
        self._force_unaligned = force_unaligned_checkpoints
        return self

    def is_force_unaligned_checkpoints(self) -> bool:
        """What was set."""
        return self._force_unaligned

    def set_aligned_checkpoint_timeout(self, alignment_timeout: Any) -> "CheckpointConfig":
        """Kept, and does nothing: a checkpoint waits for the records that are on their way."""
        self._aligned_timeout = millis(alignment_timeout, "the alignment timeout", least=0)
        without_effect("CheckpointConfig.set_aligned_checkpoint_timeout", _UNALIGNED)
        return self

    def get_aligned_checkpoint_timeout(self) -> Duration:
        """What was set."""
        return Duration.of_millis(self._aligned_timeout)

    set_alignment_timeout = set_aligned_checkpoint_timeout
    get_alignment_timeout = get_aligned_checkpoint_timeout

    def __repr__(self) -> str:
        if self._interval is None:
            return "CheckpointConfig(no checkpoints)"
        return f"CheckpointConfig(every {self._interval} ms, {self._mode.name}, timeout {self._timeout} ms)"
