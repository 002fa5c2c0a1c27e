"""Streams: what is done to their records, and where these go."""

from millstream.flink.datastream._all_windowed_stream import AllWindowedStream
from millstream.flink.datastream._broadcast_stream import BroadcastConnectedStream, BroadcastStream
from millstream.flink.datastream._closeable_iterator import CloseableIterator
from millstream.flink.datastream._connected_streams import ConnectedStreams
from millstream.flink.datastream._data_stream import DataStream
from millstream.flink.datastream._keyed_stream import KeyedStream
from millstream.flink.datastream._sink import DataStreamSink
from millstream.flink.datastream._windowed_stream import WindowedStream

__all__ = [
    "AllWindowedStream",
    "BroadcastConnectedStream",
    "BroadcastStream",
    "CloseableIterator",
    "ConnectedStreams",
    "DataStream",
    "DataStreamSink",
    "KeyedStream",
    "WindowedStream",
]
