"""Records as blocks: `encode` and `decode`."""

import math
import random

import pytest

from millstream._native import decode, encode

MIXED = [
    [],
    [1, 2, -(2**63), 2**63 - 1],
    [1, 2**63, 3],
    [1, True, 1.0],
    [True, False],
    [None, None],
    [None, 1],
    ["", "a", "ä", "東京", "😀" * 50],
    ["a", "\ud800"],
    [b"", b"\x00\xff"],
    [(), ()],
    [(1, "a"), (2, "b")],
    [(1, "a"), (2, 3), (4, "c")],
    [(1, "a"), (2,)],
    [(1, ("x", None)), (2, ("y", 3.5))],
    [("k", [1, 2]), ("l", {"m": 3})],
    [{"a": 1}, [2], {3}, frozenset({4}), 5j, range(3)],
]


@pytest.mark.parametrize("records", MIXED, ids=str)
def test_what_is_read_back_is_what_was_written(records):
    read = decode(encode(records))
    assert read == records
    assert list(map(_types, read)) == list(map(_types, records))


def _types(record):
    return tuple(map(_types, record)) if isinstance(record, tuple) else type(record)


def test_floats_keep_their_bits():
    read = decode(encode([math.nan, math.inf, -0.0, 5e-324]))
    assert math.isnan(read[0]) and read[1:] == [math.inf, 0.0, 5e-324] and math.copysign(1, read[2]) == -1


def test_subclasses_of_plain_types_stay_what_they_are():
    from collections import namedtuple
    from enum import IntEnum

    global Point, Colour
    Point = namedtuple("Point", "x y")
    Point.__module__ = __name__

    class Colour(IntEnum):
        RED = 1

    read = decode(encode([(Point(1, 2), 1)]))
    assert type(read[0][0]).__name__ == "Point" and read[0][0].y == 2


def test_more_records_than_a_chunk_holds_change_their_type_on_the_way():
    records = list(range(20_000)) + ["text"] * 3 + list(range(20_000))
    assert decode(encode(records)) == records


def test_tuples_in_tuples_in_tuples_are_read_back():
    deep = 1
    for _ in range(200):
        deep = (deep,)
    assert decode(encode([deep])) == [deep]


def test_bytes_that_are_no_block_are_an_error():
    generator = random.Random(1)
    block = encode([(1, "one", [1]), (2, "two", [2])] * 10)
    refused = 0
    for _ in range(3000):
        damaged = bytearray(block)
        for _ in range(generator.randint(1, 3)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        try:
            decode(bytes(damaged[: generator.randint(0, len(damaged))]))
        except Exception:
            refused += 1
    assert refused > 1000
