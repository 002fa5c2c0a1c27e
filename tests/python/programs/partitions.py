from millstream.spark import SparkContext

sc = SparkContext("local[2]", "partitions")
for count, parts in ((10, 3), (4, 3), (7, 2), (2, 5), (0, 2)):
    print(sc.parallelize(list(range(count)), parts).glom().collect())
    print(sc.parallelize(range(count), parts).glom().collect())
print(sc.range(1, 20, 4, 3).glom().collect(), sc.range(5).getNumPartitions())
numbers = sc.parallelize(list(range(10)), 4)
print(numbers.coalesce(3).glom().collect(), numbers.coalesce(9).getNumPartitions())
print(numbers.zipWithIndex().collect(), numbers.zipWithUniqueId().collect())
print(numbers.zip(numbers.map(str)).collect())
print(numbers.cartesian(sc.parallelize(["a", "b"], 2)).glom().collect())
print(numbers.union(numbers).getNumPartitions(), (numbers + numbers).count())
print(numbers.mapPartitionsWithIndex(lambda index, it: [(index, sum(it))]).collect())
print(numbers.keyBy(lambda n: n % 3).values().collect(), numbers.first(), numbers.take(7), numbers.take(0))
print(sc.emptyRDD().collect(), sc.emptyRDD().isEmpty(), sc.emptyRDD().getNumPartitions())
print(list(numbers.toLocalIterator()), list(numbers.toLocalIterator(prefetchPartitions=True)))
sc.stop()
