"""Streams cut into batches, by the names of `pyspark.streaming`.

>>> from millstream.spark import SparkContext
>>> from millstream.spark.streaming import ManualClock, StreamingContext
>>> clock = ManualClock()  # a program leaves this out: the machine's clock cuts its batches
>>> with SparkContext("local", "example") as sc:
...     ssc = StreamingContext(sc, 1, clock=clock)
...     counts = []
...     ssc.queueStream([["to be", "or not to be"]]).flatMap(str.split).countByValue().foreachRDD(
...         lambda rdd: counts.append(dict(rdd.collect())))
...     ssc.start()
...     clock.advance(1)
...     ssc.awaitBatches(1)
...     ssc.stop(stopSparkContext=False)
...     counts[0]["be"]
2
"""

from millstream.spark.streaming.clock import ManualClock
from millstream.spark.streaming.context import StreamingContext
from millstream.spark.streaming.dstream import DStream, TransformedDStream
from millstream.spark.streaming.listener import StreamingListener

__all__ = ["DStream", "ManualClock", "StreamingContext", "StreamingListener", "TransformedDStream"]
