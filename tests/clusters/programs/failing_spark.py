from pyspark import SparkContext


def invert(number):
    return 12 // (number - 2)


sc = SparkContext(appName="division")
numbers = sc.parallelize([1, 2, 3], 3)
print(numbers.map(invert).collect())
