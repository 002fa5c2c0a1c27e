from millstream.spark import SparkContext

sc = SparkContext("local[2]", "word count")
lines = sc.parallelize(["to be or not", "to be that is", "the question är", "naïve 東京 😀 be"], 3)
counts = lines.flatMap(lambda line: line.split(" ")).map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b)
print(counts.collect())
print(counts.glom().collect())
print(sorted(counts.collectAsMap().items()))
sc.stop()
