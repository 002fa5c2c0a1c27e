import sys

from millstream.spark import SparkContext
from millstream.spark.streaming import StreamingContext

sc = SparkContext("local", "NetworkWordCount")

ssc = StreamingContext(sc, batch_interval=1)

lines = ssc.socket_text_stream("localhost", int(sys.argv[1]))

words = lines.flatmap(lambda line: line.split(" "))

pairs = words.map(lambda word: (word, 1))

word_counts = pairs.reduce_by_key(lambda a, b: a + b)

word_counts.pprint()

ssc.start()

ssc.await_termination()
