"""Streams of a queue, several batches together."""

import contextlib
import io
import re
import time

from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext

BATCHES = 10

sc = SparkContext("local[2]", "windows")
sc.setLogLevel("OFF")
ssc = StreamingContext(sc, 0.5)
# (That of functions with an inverse needs a folder in PySpark.)
import tempfile

ssc.checkpoint(tempfile.mkdtemp())
lines = ssc.queueStream([[("a", 1), ("b", 2)], [("a", 3)], [], [("c", 4), ("a", 5)], [("b", 6)], [], [("d", 7)]])
lines.window(1.5).pprint()
lines.window(1, 1).pprint()
lines.reduceByKeyAndWindow(lambda a, b: a + b, None, 1.5).pprint()
lines.reduceByKeyAndWindow(lambda a, b: a + b, lambda a, b: a - b, 2.5, 0.5).pprint()
lines.reduceByKeyAndWindow(lambda a, b: a + b, lambda a, b: a - b, 2.5, 0.5, 1, lambda pair: pair[1] > 0).pprint()
lines.reduceByKeyAndWindow(lambda a, b: a + b, lambda a, b: a - b, 1, 0.5, 3).pprint()
lines.countByWindow(3, 0.5).pprint()
lines.map(lambda pair: pair[0]).countByValueAndWindow(2.5, 0.5).pprint()
lines.groupByKeyAndWindow(2.5, 0.5).mapValues(list).pprint()
lines.map(lambda pair: pair[1]).reduceByWindow(lambda a, b: a + b, lambda a, b: a - b, 3, 0.5).pprint()
lines.map(lambda pair: pair[1]).reduceByWindow(max, None, 1, 1).pprint()
done = []
lines.foreachRDD(lambda rdd: done.append(rdd.count()))

printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    ssc.start()
    while len(done) < BATCHES:
        time.sleep(0.01)
    ssc.stop(stopSparkContext=False)
sc.stop()

batches = re.split(r"(?m)(?=^-+\nTime: )", printed.getvalue())[1:]
times = list(dict.fromkeys(re.search(r"Time: (.*)", batch).group(1) for batch in batches))[:BATCHES]
for batch in batches:
    at = re.search(r"Time: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?)\n", batch).group(1)
    if at in times:
        print(batch.replace(at, f"{times.index(at)}"), end="")
print(done[:BATCHES])
