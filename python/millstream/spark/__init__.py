"""The names of PySpark.

>>> from millstream.spark import SparkContext
>>> with SparkContext("local", "example") as sc:
...     sc.parallelize(["to be or", "not to be"]).flatMap(str.split).countByValue()["be"]
2
"""

from millstream.spark.accumulators import Accumulator, AccumulatorParam
from millstream.spark.broadcast import Broadcast
from millstream.spark.conf import SparkConf
from millstream.spark.context import SparkContext
from millstream.spark.files import SparkFiles
from millstream.spark.rdd import RDD
from millstream.spark.status import SparkJobInfo, SparkStageInfo, StatusTracker
from millstream.spark.storagelevel import StorageLevel
from millstream.spark.taskcontext import TaskContext

__all__ = [
    "Accumulator",
    "AccumulatorParam",
    "Broadcast",
    "RDD",
    "SparkConf",
    "SparkContext",
    "SparkFiles",
    "SparkJobInfo",
    "SparkStageInfo",
    "StatusTracker",
    "StorageLevel",
    "TaskContext",
]
