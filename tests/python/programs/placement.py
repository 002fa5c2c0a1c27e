from millstream.spark import SparkContext

sc = SparkContext("local[2]", "placement")
keys = [0, 1, -1, 2**61 - 1, 2**61, -(2**70), 1.0, 2.5, -0.5, True, None, "", "a", "é", "東", "😀", b"bytes", b""]
keys += [(1, "a"), (None, 2.0), ("x", ("y", b"z")), ()]
for parts in (2, 7):
    placed = sc.parallelize([(key, at) for at, key in enumerate(keys)], 3).partitionBy(parts)
    print([[at for _, at in part] for part in placed.glom().collect()])
sc.stop()
