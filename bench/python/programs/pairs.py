"""Pairs of ints reduced, sorted or joined. Arguments: which of them, how many pairs."""

import sys
import time

from pyspark import SparkContext


def reduced(sc, count):
    pairs = sc.parallelize(range(count), 2).map(lambda n: (n % 100_000, n))
    sums = pairs.reduceByKey(lambda a, b: a + b).collect()
    return len(sums), sum(key * total for key, total in sums)


def ends(pairs):
    first = last = None
    count = 0
    for pair in pairs:
        if first is None:
            first = pair
        last = pair
        count += 1
    return [(first, last, count)]


def ordered(sc, count):
    pairs = sc.parallelize(range(count), 2).map(lambda n: (n * 2654435761 % 4294967296, n))
    runs = pairs.sortByKey(numPartitions=2).mapPartitions(ends).collect()
    assert all(one[1] <= two[0] for one, two in zip(runs, runs[1:]))
    return runs[0][0], runs[-1][1], sum(run[2] for run in runs)


def joined(sc, count):
    few = count // 10
    left = sc.parallelize(range(count), 2).map(lambda n: (n % few, n))
    right = sc.parallelize(range(few), 2).map(lambda n: (n, -n))
    both = left.join(right, 2).mapPartitions(lambda rows: [sum(a * 3 + b for _, (a, b) in rows)])
    return both.sum()


work, count = {"reduce": reduced, "sort": ordered, "join": joined}[sys.argv[1]], int(sys.argv[2])
sc = SparkContext("local[2]", "pairs")
sc.parallelize(range(2), 2).map(lambda n: n).collect()
for label in ("first", "warm"):
    start = time.perf_counter()
    result = work(sc, count)
    print("seconds", label, time.perf_counter() - start)
print("result", result)
sc.stop()
