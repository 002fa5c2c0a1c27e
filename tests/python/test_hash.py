"""Where keys are placed."""

import subprocess
import sys

import pytest

from millstream.spark.rdd import portable_hash

KEYS = ["", "a", "word", "ä", "naïve", "東京", "😀", "x" * 100, b"", b"bytes", "\x00", "ÿ" * 7, "Ā" * 9]


@pytest.mark.parametrize("key", KEYS)
def test_text_hashes_as_cpython_does_with_seed_0(key):
    shown = subprocess.run(
        [sys.executable, "-c", f"print(hash({key!r}))"],
        env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
    )
    assert portable_hash(key) == int(shown.stdout)


@pytest.mark.parametrize("key", [0, 1, -1, -2, 2**61 - 1, 2**61, 2**63, -(2**63), -(2**90), 1.5, True])
def test_numbers_hash_as_in_cpython(key):
    assert portable_hash(key) == hash(key)


def test_none_and_tuples_hash_as_in_pyspark():
    assert portable_hash(None) == 0
    assert portable_hash((None, 1)) & 0xFFFFFFFF == 219750521


def test_equal_keys_of_different_types_are_placed_alike():
    assert portable_hash(1) == portable_hash(1.0) == portable_hash(True)


def test_what_has_no_hash_is_an_error():
    with pytest.raises(TypeError, match="unhashable"):
        portable_hash([1])
