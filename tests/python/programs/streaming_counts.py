"""Streams of a queue, batch by batch: what `pprint` prints."""

import contextlib
import io
import re
import time

from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext

BATCHES = 4

sc = SparkContext("local[2]", "counts")
sc.setLogLevel("OFF")
ssc = StreamingContext(sc, 0.5)
lines = ssc.queueStream([["to be", "or not", "to be"], ["that is the question"], []])
words = lines.flatMap(lambda line: line.split(" "))
words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b).pprint()
words.pprint(2)
lines.count().pprint()
words.map(len).reduce(lambda a, b: a + b).pprint()
words.countByValue().filter(lambda pair: pair[1] > 1).pprint()
words.map(lambda word: (word[0], word)).groupByKey().mapValues(sorted).pprint()
words.map(lambda word: (len(word), word)).combineByKey(lambda v: [v], lambda c, v: c + [v], lambda a, b: a + b).pprint()
words.glom().map(len).pprint()
words.repartition(1).glom().map(sorted).pprint()
words.mapPartitionsWithIndex(lambda index, records: [(index, sum(1 for _ in records))]).pprint()
words.transform(lambda rdd: rdd.sortBy(lambda word: word)).pprint(3)
words.map(lambda word: (word, {"n": 1})).flatMapValues(lambda value: [value, None]).pprint(1)
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
