"""Keys: which are one, and in which order they come."""

import random

import pytest

from millstream.errors import TaskError
from millstream.spark import _inputs

LARGE = 2**63


def added(sc, pairs, partitions=1):
    return sc.parallelize(pairs, partitions).reduceByKey(lambda a, b: a + b, 1).collect()


def test_keys_come_in_the_order_in_which_they_were_first_met(sc):
    assert added(sc, [("b", 1), ("a", 2), ("b", 3), ("", 4), ("ä€𝄞", 5)]) == [("b", 4), ("a", 2), ("", 4), ("ä€𝄞", 5)]
    assert added(sc, [(3, 1), (-1, 2), (3, 3), (0, 4)]) == [(3, 4), (-1, 2), (0, 4)]


@pytest.mark.parametrize("first", [1, 1.0, True])
def test_numbers_that_are_equal_are_one_key_whatever_their_types(sc, first):
    pairs = [(first, "a"), (2, "b"), (1, "c"), (1.0, "d"), (True, "e"), ("1", "f"), (2.0, "g")]
    found = added(sc, pairs)
    assert found == [(1, "acde"), (2, "bg"), ("1", "f")]
    assert type(found[0][0]) is type(first), "the first of equal keys is the one that stays"
    grouped = sc.parallelize(pairs, 1).groupByKey(1).mapValues(list).collect()
    assert grouped == [(key, list(values)) for key, values in found]


@pytest.mark.parametrize("other", ["\ud800", b"a", None, (1, "a"), LARGE, -LARGE - 1, 0.5, frozenset([1])])
def test_a_key_of_another_type_among_text_and_among_numbers_is_a_key(sc, other):
    for plain in (["a", "b"], [LARGE - 1, -LARGE]):
        keys = [plain[0], other, plain[1], plain[0], other]
        assert added(sc, [(key, 1) for key in keys]) == [(plain[0], 2), (other, 2), (plain[1], 1)]
        assert sorted(map(repr, sc.parallelize(keys, 2).distinct().collect())) == sorted(map(repr, {*keys}))


def test_many_keys_are_counted_as_a_dictionary_counts_them(sc):
    draw = random.Random(3)
    words = ["x" * draw.randint(0, 40) + str(draw.randint(0, 3_000)) for _ in range(30_000)]
    expected = {}
    for word in words:
        expected[word] = expected.get(word, 0) + 1
    counted = sc.parallelize(words, 3).map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b, 2)
    assert dict(counted.collect()) == expected


def test_a_key_that_no_table_can_hold_is_an_error_that_shows_the_record(sc):
    with pytest.raises(TaskError, match="unhashable type: 'list'") as raised:
        sc.parallelize([("a", 1), (["b"], 2)], 1).reduceByKey(lambda a, b: a + b).collect()
    assert raised.value.record == "(['b'], 2)"


KEYS = {
    "numbers": [random.Random(5).randint(-LARGE, LARGE - 1) for _ in range(20_000)],
    "few numbers": [random.Random(6).randint(-3, 3) for _ in range(20_000)],
    "text": ["é" * (n % 3) + str(n * 7919 % 10_007) for n in range(20_000)],
    "numbers of two types": [n * 7919 % 10_007 / (1 + n % 2) if n % 2 else n * 7919 % 10_007 for n in range(20_000)],
    "numbers of many digits": [n * 7919 % 10_007 + LARGE - 100 for n in range(20_000)],
    "tuples": [(n % 7, str(n)) for n in range(20_000)],
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("ascending", [True, False])
def test_pairs_are_sorted_as_a_list_is_and_equal_keys_stay_in_order(sc, keys, ascending):
    pairs = [(key, n if n < 15_000 else str(n)) for n, key in enumerate(keys)]
    found = sc.parallelize(pairs, 3).sortByKey(ascending, 4)
    assert found.collect() == sorted(pairs, key=lambda pair: pair[0], reverse=not ascending)
    if len({*keys}) > 100:
        sizes = found.glom().map(len).collect()
        assert max(sizes) < 1.5 * len(pairs) / 4, f"the partitions are of about one size: {sizes}"


def test_a_sort_by_another_order_asks_its_function(sc):
    words = ["b", "A", "c", "B", "a"]
    assert sc.parallelize(words, 2).sortBy(str.lower).collect() == ["A", "a", "b", "B", "c"]
    assert sc.parallelize(words, 2).keyBy(len).sortByKey(keyfunc=lambda key: -key).count() == 5


def test_what_a_sort_looks_at_first_is_a_part_of_the_records(workers):
    calls = workers.accumulator(0)
    pairs = workers.parallelize(range(100_000), 2).map(lambda n: calls.add(1) or (n * 7919 % 100_003, n))
    ordered = pairs.sortByKey()
    assert 0 < calls.value < 20_000
    keys = ordered.keys().collect()
    assert keys == sorted(keys) and len(keys) == 100_000


def test_a_sort_of_what_is_no_pair_names_the_record(sc):
    with pytest.raises(TaskError) as raised:
        sc.parallelize([("a", 1), 7], 1).sortByKey(numPartitions=2).collect()
    assert raised.value.record == "7" and raised.value.operator == "sortByKey"


def test_a_large_file_is_cut_into_as_many_parts_for_each_slot(tmp_path):
    large, small = tmp_path / "large", tmp_path / "small"
    for path, size in ((large, 3 * _inputs.BLOCK), (small, 1000)):
        with path.open("wb") as file:
            file.truncate(size)
    def cut(paths, wanted, slots):
        return [end - start for _, start, end in _inputs.file_parts(list(map(str, paths)), wanted, slots)]

    assert cut([large], 2, 1) == [_inputs.BLOCK] * 3
    assert cut([large], 2, 2) == [3 * _inputs.BLOCK // 4] * 4
    assert cut([large], 2, 8) == [_inputs.BLOCK] * 3, "no slot has more than one"
    assert cut([large], 5, 2) == cut([large], 5, 1), "the program said how many"
    assert sum(cut([large, small], 2, 3)) == 3 * _inputs.BLOCK + 1000 and len(cut([large, small], 2, 3)) == 6
