"""Streams: what is done to their records, and where these go."""

from millstream.flink.datastream._closeable_iterator import CloseableIterator
from millstream.flink.datastream._data_stream import DataStream
from millstream.flink.datastream._keyed_stream import KeyedStream
from millstream.flink.datastream._sink import DataStreamSink

__all__ = ["CloseableIterator", "DataStream", "DataStreamSink", "KeyedStream"]
