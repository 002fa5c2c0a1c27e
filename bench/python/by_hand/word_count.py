"""Counts the words of a file in two processes, by the calls that the word count of Spark makes. Argument: the file."""

import os
import sys
import time
from multiprocessing import Pool

split = lambda line: line.split(" ")  # noqa: E731
to_pair = lambda word: (word, 1)  # noqa: E731
add = lambda a, b: a + b  # noqa: E731


def count(part):
    start, end = part
    counts = {}
    with open(sys.argv[1], "rb") as file:
        if start:
            file.seek(start - 1)
            file.readline()
        while file.tell() < end:
            for line in file.readlines(min(1 << 20, end - file.tell())):
                for word in split(line.decode().rstrip("\n")):
                    key, value = to_pair(word)
                    if key in counts:
                        counts[key] = add(counts[key], value)
                    else:
                        counts[key] = value
    return counts


if __name__ == "__main__":
    size = os.path.getsize(sys.argv[1])
    with Pool(2) as pool:
        pool.map(abs, range(2))
        start = time.perf_counter()
        one, two = pool.map(count, [(0, size // 2), (size // 2, size)])
        for word, seen in two.items():
            one[word] = add(one[word], seen) if word in one else seen
        print("seconds", "warm", time.perf_counter() - start)
    counts = list(one.items())
    print("result", len(counts), sum(seen for _, seen in counts), max(counts, key=lambda pair: (pair[1], pair[0])))
