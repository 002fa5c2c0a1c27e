import os
import tempfile

from millstream.spark import SparkContext

sc = SparkContext("local[2]", "files")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "text")
    with open(path, "wb") as file:
        file.write("one\r\ntwo\n\nvierundzwanzig ä\nlast".encode() + b"\nbad \xff byte")
    print(sc.textFile(path).collect(), sc.textFile(path, 3).getNumPartitions())
    print(sc.textFile(path, use_unicode=False).collect())
    out = os.path.join(folder, "out")
    sc.parallelize(["x", 1, None, ("a", 2), "ä"], 2).saveAsTextFile(out)
    print(sorted(name for name in os.listdir(out) if not name.startswith(".")))
    print(sc.textFile(out).collect(), sc.textFile(out + "/part-0000*").count())
    sc.parallelize(range(5), 2).saveAsTextFile(out + "-gz", "org.apache.hadoop.io.compress.GzipCodec")
    print(sorted(name for name in os.listdir(out + "-gz") if not name.startswith(".")))
    print(sorted(sc.textFile(out + "-gz").collect()))
    print([(os.path.basename(name), text) for name, text in sorted(sc.wholeTextFiles(out).collect())])
    sc.parallelize([1, "a", (2, [3])], 2).saveAsPickleFile(out + "-pickle")
    print(sorted(map(str, sc.pickleFile(out + "-pickle").collect())))
    with open(path, "wb") as file:
        file.write(b"aabbcc")
    print(sc.binaryRecords(path, 2).collect(), [content for _, content in sc.binaryFiles(path).collect()])
sc.stop()
