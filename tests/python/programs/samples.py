from millstream.spark import SparkContext

sc = SparkContext("local[2]", "samples")
numbers = sc.parallelize(range(100), 4)
print(numbers.sample(False, 0.1, 81).collect(), numbers.sample(True, 0.3, 5).collect())
print([part.collect() for part in sc.parallelize(range(20), 2).randomSplit([2, 3], 17)])
print(numbers.takeSample(False, 5, 3), numbers.takeSample(True, 7, 1), len(numbers.takeSample(False, 500)))
pairs = sc.parallelize([("ab"[n % 2], n) for n in range(60)], 2)
print(pairs.sampleByKey(False, {"a": 0.2, "b": 0.1}, 0).collect())
sc.stop()
