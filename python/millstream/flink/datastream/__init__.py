"""Streams: the environment, what is done to records, their time, state and checkpoints."""

from __future__ import annotations

from typing import Any

from millstream.flink._names import importer

_MODULES = {
    "async_data_stream": "AsyncDataStream",
    "checkpoint_config": "CheckpointConfig",
    "checkpoint_storage": "CheckpointStorage CustomCheckpointStorage FileSystemCheckpointStorage "
    "JobManagerCheckpointStorage",
    "checkpointing_mode": "CheckpointingMode",
    "data_stream": "BroadcastConnectedStream BroadcastStream ConnectedStreams DataStream DataStreamSink KeyedStream "
    "WindowedStream",
    "execution_mode": "RuntimeExecutionMode",
    "externalized_checkpoint_retention": "ExternalizedCheckpointRetention",
    "functions": "AggregateFunction AsyncFunction AsyncRetryPredicate AsyncRetryStrategy BroadcastProcessFunction "
    "CoFlatMapFunction CoMapFunction CoProcessFunction FilterFunction FlatMapFunction KeySelector "
    "KeyedBroadcastProcessFunction KeyedCoProcessFunction KeyedProcessFunction MapFunction Partitioner "
    "ProcessFunction ProcessWindowFunction ReduceFunction RuntimeContext SinkFunction SourceFunction WindowFunction",
    "output_tag": "OutputTag",
    "slot_sharing_group": "MemorySize SlotSharingGroup",
    "state_backend": "CustomStateBackend EmbeddedRocksDBStateBackend HashMapStateBackend PredefinedOptions "
    "StateBackend",
    "positioned_source": "PositionedSource",
    "stream_execution_environment": "StreamExecutionEnvironment",
    "time_domain": "TimeDomain",
    "timerservice": "TimerService",
    "window": "CountWindow GlobalWindow MergingWindowAssigner TimeWindow Trigger TriggerResult Window WindowAssigner",
}
_LATER = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_LATER)

__getattr__ = importer(__name__, _LATER)


def __dir__() -> Any:
    return __all__
