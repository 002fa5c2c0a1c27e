"""Shuffle, cache and broadcast; a module beside the program; our spellings where their owner is not known."""

import os
import sys
import time

import prices
from millstream.spark import SparkContext, TaskContext


def revenue(sales, count):
    return sales.map(prices.valued).reduce_by_key(lambda a, b: a + b, num_partitions=count)


with SparkContext("local[2]", "revenue") as sc:
    known = sc.broadcast({"a": 2, "b": 3})
    prices.known = known
    sales = sc.parallelize([("a", 5), ("b", 1), ("a", 1), ("b", 10)], 2).map(lambda pair: pair).cache()
    print(sorted(revenue(sales, 2).collect()))
    # Long enough to be seen on the way.
    sc.range(2, num_slices=2).foreach(lambda _: time.sleep(2))
    print(sales.count(), sales.is_cached)
    print(sorted(sc.range(4, num_slices=2).map(lambda n: TaskContext.get().partition_id()).collect()))
    sc.parallelize("ab", 1).foreach(lambda article: print("task sees", article))
    print(os.path.basename(__file__), sys.argv[1:], __name__)
sys.exit(7)
