from millstream.spark import SparkContext

sc = SparkContext("local[2]", "sorting")
pairs = sc.parallelize([("d", 1), ("a", 2), ("B", 3), ("a", 4), ("c", 5), ("é", 6)], 3)
print(pairs.sortByKey().collect())
print(pairs.sortByKey().glom().collect())
print(pairs.sortByKey(False, 2).glom().collect())
print(pairs.sortByKey(True, 2, keyfunc=lambda key: key.lower()).collect())
print(pairs.sortByKey(numPartitions=1).glom().collect())
print(sc.parallelize([5, 3, -1, 4, 3], 2).sortBy(lambda n: n).glom().collect())
print(sc.parallelize([5.5, 3, -1, 4, 3], 2).sortBy(lambda n: -n).collect())
print(pairs.repartitionAndSortWithinPartitions(2, lambda key: ord(key[0]), False).glom().collect())
print(pairs.top(2), pairs.takeOrdered(2, key=lambda pair: -pair[1]))
sc.stop()
