"""Streams of a queue: state, and several streams together."""

import contextlib
import io
import re
import tempfile
import time

from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext

BATCHES = 5

sc = SparkContext("local[2]", "state")
sc.setLogLevel("OFF")
ssc = StreamingContext(sc, 0.5)
ssc.checkpoint(tempfile.mkdtemp())
lines = ssc.queueStream([[("a", 1), ("b", 2), ("a", 3)], [], [("c", 4), ("a", 5)], [("b", -2)]])
other = ssc.queueStream([[("a", "x"), ("z", "y")], [("b", "z")]], True, [("c", "again")])


def total(new, state):
    result = sum(new) + (state or 0)
    return result or None


lines.updateStateByKey(total).pprint()
lines.updateStateByKey(total, 3, sc.parallelize([("z", 100), ("a", 1000)])).pprint()
lines.updateStateByKey(lambda new, state: (state or []) + [new], initialRDD=[("i", [])]).pprint()
lines.join(other).pprint()
lines.leftOuterJoin(other).pprint()
lines.rightOuterJoin(other).pprint()
lines.fullOuterJoin(other, 1).pprint()
lines.cogroup(other).mapValues(lambda groups: tuple(map(list, groups))).pprint()
lines.union(other).pprint()
ssc.union(lines, other).count().pprint()
ssc.transform([lines, other], lambda rdds: rdds[0].union(rdds[1]).keys().distinct()).pprint()
lines.transformWith(lambda left, right: left.subtractByKey(right), other).pprint()
lines.transform(lambda at, rdd: rdd.map(lambda pair, kind=type(at).__name__: (kind, pair))).pprint()
ssc.queueStream([sc.range(2), sc.range(2, 4)], oneAtATime=False).pprint()
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
