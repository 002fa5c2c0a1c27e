"""How a program is executed: what `StreamExecutionEnvironment.get_config()` gives.

Answers for the settings that an environment hands on, and for those that a JVM needs and this engine does
not: they are kept, and said once to do nothing.
"""

from __future__ import annotations

from typing import Any, Dict, List

from millstream.flink._notices import without_effect

__all__ = ["ExecutionConfig"]


def whole(value: Any, place: str, least: int, unit: str) -> int:
    """A whole number that a program gave, from `least` on. Raises an error that names the place."""
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(
            f"{place} is a whole number of {unit}, {value!r} of type {type(value).__name__} was given"
        )
    if value < least:
        raise ValueError(f"{place} is a whole number of {unit} from {least} on, {value} was given")
    return value.__index__()


class ExecutionConfig:
    """How a program is executed.

    >>> config = ExecutionConfig().set_parallelism(2).set_auto_watermark_interval(100)
    >>> config.get_parallelism(), config.get_auto_watermark_interval()
    (2, 100)
    """

    PARALLELISM_DEFAULT = -1
    PARALLELISM_UNKNOWN = -2

    def __init__(self) -> None:
        self._parallelism = 1
        #: -1: not said.
        self._max_parallelism = -1
        self._auto_watermark_interval = 200
        self._global_job_parameters: Dict[str, str] = {}
        self._kept: Dict[str, Any] = {}

    def set_parallelism(self, parallelism: int) -> "ExecutionConfig":
        """How many subtasks an operator has that says nothing else; -1 for the default."""
        if parallelism != ExecutionConfig.PARALLELISM_DEFAULT:
            whole(parallelism, "the parallelism", 1, "subtasks")
        self._parallelism = parallelism
        return self

    def get_parallelism(self) -> int:
        """How many subtasks an operator has that says nothing else."""
        return self._parallelism

    def set_max_parallelism(self, max_parallelism: int) -> "ExecutionConfig":
        """How many subtasks a keyed operator can ever have: the key groups, from 1 to 32768."""
        if whole(max_parallelism, "the maximum parallelism", 1, "key groups") > 32768:
            raise ValueError(
                f"the maximum parallelism is at most 32768 key groups, {max_parallelism} was given"
            )
        self._max_parallelism = max_parallelism
        return self

    def get_max_parallelism(self) -> int:
        """How many subtasks a keyed operator can ever have; -1 if nothing was said."""
        return self._max_parallelism

    def set_auto_watermark_interval(self, interval: int) -> "ExecutionConfig":
        """How often watermarks are emitted, in milliseconds; 0: with each batch of records."""
        self._auto_watermark_interval = whole(interval, "the watermark interval", 0, "milliseconds")
        return self

    def get_auto_watermark_interval(self) -> int:
        """How often watermarks are emitted, in milliseconds."""
        return self._auto_watermark_interval

    def set_global_job_parameters(self, global_job_parameters_dict: Dict[str, str]) -> "ExecutionConfig":
        """What functions read with `RuntimeContext.get_job_parameter`."""
        given = global_job_parameters_dict
        if not isinstance(given, dict):
            raise TypeError(f"the parameters of a job are a dictionary of text, {given!r} was given")
        self._global_job_parameters = {str(key): str(value) for key, value in given.items()}
        return self

    def get_global_job_parameters(self) -> Dict[str, str]:
        """What functions read with `RuntimeContext.get_job_parameter`."""
        return dict(self._global_job_parameters)

    def _keep(self, name: str, value: Any, method: str, why: str) -> "ExecutionConfig":
        without_effect(f"ExecutionConfig.{method}", why)
        self._kept[name] = value
        return self

    def set_latency_tracking_interval(self, interval: int) -> "ExecutionConfig":
        """Kept, and does nothing: no markers are sent to measure how long records take."""
        whole(interval, "the latency tracking interval", 0, "milliseconds")
        return self._keep(
            "latency", interval, "set_latency_tracking_interval", "latency is not measured by markers"
        )

    def get_latency_tracking_interval(self) -> int:
        """What was set, in milliseconds."""
        return self._kept.get("latency", 0)

    def set_task_cancellation_interval(self, interval: int) -> "ExecutionConfig":
        """Kept, and does nothing: a task that is cancelled is asked once."""
        whole(interval, "the cancellation interval", 0, "milliseconds")
        return self._keep(
            "interval", interval, "set_task_cancellation_interval", "a task is asked once to end"
        )

    def get_task_cancellation_interval(self) -> int:
        """What was set, in milliseconds."""
        return self._kept.get("interval", 30_000)

    def set_task_cancellation_timeout(self, timeout: int) -> "ExecutionConfig":
        """Kept, and does nothing: a task that does not end is ended with its process."""
        whole(timeout, "the cancellation timeout", 0, "milliseconds")
        why = "a task that does not end is ended with its process"
        return self._keep("timeout", timeout, "set_task_cancellation_timeout", why)

    def get_task_cancellation_timeout(self) -> int:
        """What was set, in milliseconds."""
        return self._kept.get("timeout", 180_000)

    def enable_closure_cleaner(self) -> "ExecutionConfig":
        """Kept, and does nothing: it is about functions of Java."""
        return self._keep("closures", True, "enable_closure_cleaner", "it is about functions of Java")

    def disable_closure_cleaner(self) -> "ExecutionConfig":
        """Kept, and does nothing: it is about functions of Java."""
        return self._keep("closures", False, "disable_closure_cleaner", "it is about functions of Java")

    def is_closure_cleaner_enabled(self) -> bool:
        """What was set."""
        return self._kept.get("closures", True)

    def enable_force_kryo(self) -> "ExecutionConfig":
        """Kept, and does nothing: Kryo is a serializer of Java."""
        return self._keep("kryo", True, "enable_force_kryo", "Kryo is a serializer of Java")

    def disable_force_kryo(self) -> "ExecutionConfig":
        """Kept, and does nothing: Kryo is a serializer of Java."""
        return self._keep("kryo", False, "disable_force_kryo", "Kryo is a serializer of Java")

    def is_force_kryo_enabled(self) -> bool:
        """What was set."""
        return self._kept.get("kryo", False)

    def enable_force_avro(self) -> "ExecutionConfig":
        """Kept, and does nothing: it is about classes of Java."""
        return self._keep("avro", True, "enable_force_avro", "it is about classes of Java")

    def disable_force_avro(self) -> "ExecutionConfig":
        """Kept, and does nothing: it is about classes of Java."""
        return self._keep("avro", False, "disable_force_avro", "it is about classes of Java")

    def is_force_avro_enabled(self) -> bool:
        """What was set."""
        return self._kept.get("avro", False)

    def enable_generic_types(self) -> "ExecutionConfig":
        """Kept, and does nothing: objects of any type travel pickled."""
        return self._keep("generic", True, "enable_generic_types", "objects of any type travel pickled")

    def disable_generic_types(self) -> "ExecutionConfig":
        """Kept, and does nothing: objects of any type travel pickled."""
        return self._keep("generic", False, "disable_generic_types", "objects of any type travel pickled")

    def has_generic_types_disabled(self) -> bool:
        """What was set."""
        return not self._kept.get("generic", True)

    def enable_auto_generated_uids(self) -> "ExecutionConfig":
        """Kept, and does nothing: an operator without `uid` is found again by its place."""
        why = "an operator without uid is found again by its place"
        return self._keep("uids", True, "enable_auto_generated_uids", why)

    def disable_auto_generated_uids(self) -> "ExecutionConfig":
        """Kept, and does nothing: an operator without `uid` is found again by its place."""
        why = "an operator without uid is found again by its place"
        return self._keep("uids", False, "disable_auto_generated_uids", why)

    def has_auto_generated_uids_enabled(self) -> bool:
        """What was set."""
        return self._kept.get("uids", True)

    def enable_object_reuse(self) -> "ExecutionConfig":
        """Kept, and does nothing: functions of one chain always see the same object."""
        return self._keep(
            "reuse", True, "enable_object_reuse", "functions of one chain see the same object anyway"
        )

    def disable_object_reuse(self) -> "ExecutionConfig":
        """Kept, and does nothing: functions of one chain always see the same object."""
        return self._keep(
            "reuse", False, "disable_object_reuse", "functions of one chain see the same object anyway"
        )

    def is_object_reuse_enabled(self) -> bool:
        """What was set."""
        return self._kept.get("reuse", False)

    def set_use_snapshot_compression(self, use_snapshot_compression: bool) -> "ExecutionConfig":
        """Kept, and does nothing: how checkpoints are written is the engine's."""
        why = "how checkpoints are written is the engine's"
        return self._keep("snappy", use_snapshot_compression, "set_use_snapshot_compression", why)

    def is_use_snapshot_compression(self) -> bool:
        """What was set."""
        return self._kept.get("snappy", False)

    def get_default_kryo_serializer_classes(self) -> Dict[str, str]:
        """None: Kryo is a serializer of Java."""
        return {}

    def get_registered_kryo_types(self) -> List[str]:
        """None: Kryo is a serializer of Java."""
        return []

    def get_registered_pojo_types(self) -> List[str]:
        """None: there are no classes of Java."""
        return []

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, ExecutionConfig) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self._parallelism, self._max_parallelism, self._auto_watermark_interval))
