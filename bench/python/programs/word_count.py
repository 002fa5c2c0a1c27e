"""Counts the words of a file, first and warm. Argument: the file."""

import sys
import time

from pyspark import SparkContext

sc = SparkContext("local[2]", "word count")
sc.parallelize(range(2), 2).map(lambda n: n).collect()
for label in ("first", "warm"):
    start = time.perf_counter()
    lines = sc.textFile(sys.argv[1], 2)
    words = lines.flatMap(lambda line: line.split(" "))
    counts = words.map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b).collect()
    print("seconds", label, time.perf_counter() - start)
print("result", len(counts), sum(count for _, count in counts), max(counts, key=lambda pair: (pair[1], pair[0])))
sc.stop()
