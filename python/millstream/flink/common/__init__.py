"""What streams are made of: types, rows, spans of time, settings, and what is known of a job.

>>> from millstream.flink.common import Row, Types
>>> Types.ROW([Types.STRING(), Types.LONG()]).adopt(("a", 1))
Row(f0='a', f1=1)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from millstream.flink._names import importer
from millstream.flink.common.configuration import Configuration
from millstream.flink.common.execution_config import ExecutionConfig
from millstream.flink.common.job_execution_result import JobExecutionResult
from millstream.flink.common.job_id import JobID
from millstream.flink.common.job_status import JobStatus
from millstream.flink.common.time import Duration, Instant, Time
from millstream.flink.common.typeinfo import TypeInformation, Types
from millstream.flink.common.types import Row, RowKind
from millstream.flink.common.watermark_strategy import WatermarkStrategy

if TYPE_CHECKING:
    from millstream.flink.common.completable_future import CompletableFuture
    from millstream.flink.common.config_options import ConfigOption, ConfigOptions
    from millstream.flink.common.input_dependency_constraint import InputDependencyConstraint
    from millstream.flink.common.job_client import JobClient
    from millstream.flink.common.restart_strategy import RestartStrategies, RestartStrategyConfiguration
    from millstream.flink.common.serialization import (
        ByteArraySchema,
        DeserializationSchema,
        Encoder,
        SerializationSchema,
        SimpleStringSchema,
    )
    from millstream.flink.common.serializer import TypeSerializer
    from millstream.flink.common.watermark_strategy import AssignerWithPeriodicWatermarksWrapper

__all__ = [
    "AssignerWithPeriodicWatermarksWrapper",
    "ByteArraySchema",
    "CompletableFuture",
    "ConfigOption",
    "ConfigOptions",
    "Configuration",
    "DeserializationSchema",
    "Duration",
    "Encoder",
    "ExecutionConfig",
    "InputDependencyConstraint",
    "Instant",
    "JobClient",
    "JobExecutionResult",
    "JobID",
    "JobStatus",
    "RestartStrategies",
    "RestartStrategyConfiguration",
    "Row",
    "RowKind",
    "SerializationSchema",
    "SimpleStringSchema",
    "Time",
    "TypeInformation",
    "TypeSerializer",
    "Types",
    "WatermarkStrategy",
]

_LATER = {
    "AssignerWithPeriodicWatermarksWrapper": "watermark_strategy",
    "ByteArraySchema": "serialization",
    "CompletableFuture": "completable_future",
    "ConfigOption": "config_options",
    "ConfigOptions": "config_options",
    "DeserializationSchema": "serialization",
    "Encoder": "serialization",
    "InputDependencyConstraint": "input_dependency_constraint",
    "JobClient": "job_client",
    "RestartStrategies": "restart_strategy",
    "RestartStrategyConfiguration": "restart_strategy",
    "SerializationSchema": "serialization",
    "SimpleStringSchema": "serialization",
    "TypeSerializer": "serializer",
}

__getattr__ = importer(__name__, _LATER)


def __dir__() -> Any:
    return __all__
