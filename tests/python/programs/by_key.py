from millstream.spark import SparkContext

sc = SparkContext("local[2]", "by key")
pairs = sc.parallelize([("a", 1), ("b", 1), ("a", 2), ("b", 5), ("c", 0)], 3)
print(pairs.combineByKey(lambda v: [v], lambda c, v: c + [v], lambda a, b: a + b).collect())
print(pairs.aggregateByKey([], lambda c, v: c + [v], lambda a, b: a + b, 2).collect())
print(pairs.foldByKey(10, lambda a, b: a + b).collect())
print(pairs.reduceByKey(max, 2).getNumPartitions(), pairs.reduceByKeyLocally(lambda a, b: a + b))
print(pairs.countByKey(), pairs.lookup("a"), pairs.partitionBy(2).lookup("b"))
print(pairs.flatMapValues(lambda v: range(v)).collect(), pairs.mapValues(str).collect(), pairs.keys().collect())
print(pairs.map(lambda pair: pair[0]).distinct().collect())
print([(k, sorted(v)) for k, v in pairs.partitionBy(2, lambda key: ord(key)).groupByKey(2).collect()])
sc.stop()
