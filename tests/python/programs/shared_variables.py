from millstream.spark import AccumulatorParam, SparkContext, StorageLevel


class Vector(AccumulatorParam):
    def zero(self, value):
        return [0.0] * len(value)

    def addInPlace(self, value1, value2):
        return [a + b for a, b in zip(value1, value2)]


sc = SparkContext("local[2]", "shared variables")
count, vector = sc.accumulator(0), sc.accumulator([1.0, 2.0], Vector())
table = sc.broadcast({"x": 3})


def visit(n):
    count.add(n)
    vector.add([n, -n])


numbers = sc.parallelize(range(5), 2)
numbers.foreach(visit)
print(count.value, vector.value, numbers.map(lambda n: n * table.value["x"]).collect())
cached = numbers.map(lambda n: n * n).persist(StorageLevel.MEMORY_AND_DISK)
print(cached.sum(), cached.sum(), cached.is_cached, cached.getStorageLevel(), cached.unpersist().is_cached)
print(StorageLevel.DISK_ONLY_2, StorageLevel.MEMORY_ONLY, repr(StorageLevel.OFF_HEAP))
try:
    sc.accumulator("text")
except TypeError:
    print("no accumulator of text")
print(sc.parallelize(["1", "2", "", "3"], 1).pipe("cat").collect())
sc.stop()
