"""Pairs of ints reduced or sorted in two processes, by the calls that Spark's program makes. Arguments: which, how many."""

import sys
import time
from heapq import merge
from multiprocessing import Pool

to_pair = lambda n: (n % 100_000, n)  # noqa: E731
add = lambda a, b: a + b  # noqa: E731
spread = lambda n: (n * 2654435761 % 4294967296, n)  # noqa: E731


def reduce_half(numbers):
    sums = {}
    for n in numbers:
        key, value = to_pair(n)
        if key in sums:
            sums[key] = add(sums[key], value)
        else:
            sums[key] = value
    return sums


def reduced(pool, halves):
    one, two = pool.map(reduce_half, halves)
    for key, total in two.items():
        one[key] = add(one[key], total) if key in one else total
    return len(one), sum(key * total for key, total in one.items())


def sort_half(numbers):
    pairs = sorted(map(spread, numbers), key=lambda pair: pair[0])
    return pairs[0], pairs[-1], len(pairs)


def ordered(pool, halves):
    one, two = pool.map(sort_half, halves)
    firsts = merge([one[0]], [two[0]])
    return next(firsts), max(one[1], two[1]), one[2] + two[2]


if __name__ == "__main__":
    work, count = {"reduce": reduced, "sort": ordered}[sys.argv[1]], int(sys.argv[2])
    with Pool(2) as pool:
        pool.map(abs, range(2))
        start = time.perf_counter()
        result = work(pool, [range(count // 2), range(count // 2, count)])
        print("seconds", "warm", time.perf_counter() - start)
    print("result", result)
