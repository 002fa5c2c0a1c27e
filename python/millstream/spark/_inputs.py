"""Cutting collections and files into partitions, and reading files whole."""

from __future__ import annotations

import io
import os
import pickle
import struct
from typing import Any, BinaryIO, Callable, Iterator, List, Optional, Sequence, Tuple

from millstream import _native
from millstream.spark.errors import PySparkRuntimeError, PySparkValueError

#: A part of a file: path, first byte, the byte behind the last.
Part = Tuple[str, int, int]

#: The largest part of a file on a local disk, as Hadoop has it.
BLOCK = 32 << 20
#: The last part of a file may be larger than the others by this much.
SLOP = 1.1
COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")


class Once:
    """The result of a function that is called when it is first needed."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Optional[Callable[[], Any]] = make
        self._made: Any = None

    def __call__(self) -> Any:
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made


def fit_64_bits(numbers: range) -> bool:
    """Whether the numbers are those of the native half."""
    return all(-(2**63) <= end < 2**63 for end in (numbers[0], numbers[-1], numbers.step))


def range_parts(numbers: range, slices: int) -> List[Tuple[int, int, int]]:
    """For each part of a range the first number, the step and the count."""
    slices = _at_least_one(slices)
    bounds = [int(at * len(numbers) / slices) for at in range(slices + 1)]
    return [
        (numbers.start + first * numbers.step, numbers.step, last - first)
        for first, last in zip(bounds, bounds[1:])
    ]


def slices(records: List[Any], count: int, batch_size: int) -> Iterator[List[Any]]:
    """The records in `count` parts, cut where PySpark cuts them: between its batches."""
    count = _at_least_one(count)
    size = max(1, min(len(records) // count, batch_size))
    batches = -(-len(records) // size)
    for at in range(count):
        yield records[at * batches // count * size : (at + 1) * batches // count * size]


def _at_least_one(count: int) -> int:
    if count < 1:
        raise PySparkValueError(f"{count} partitions cannot hold anything: at least 1 is needed")
    return count


def local(path: str) -> str:
    """The path of a file of this machine."""
    scheme, found, rest = path.partition("://")
    if not found:
        return path[len("file:") :] if path.startswith("file:") else path
    if scheme != "file":
        raise PySparkValueError(
            f"cannot read or write {path!r}: a path is one of this machine, hdfs://HOST:PORT/PATH or s3://BUCKET/PATH"
        )
    return rest[rest.find("/") :]


def is_elsewhere(path: str) -> bool:
    """Whether a path is a location in a store that is no file system of this machine."""
    return path.startswith(("hdfs://", "s3://", "s3a://", "s3n://"))


def folder(path: str) -> str:
    """The whole path of a folder, or its location."""
    return path.rstrip("/") if is_elsewhere(path) else os.path.abspath(local(path))


def opened(path: str) -> BinaryIO:
    """A file, wherever it is, to be read."""
    return io.BytesIO(_native.stored_bytes(path)) if is_elsewhere(path) else open(path, "rb")


def files(name: str) -> List[str]:
    """The files that a name stands for, sorted; names that begin with `_` or `.` are left out of folders."""
    import glob

    found: List[str] = []
    for path in name.split(","):
        if is_elsewhere(path):
            found += [file for file, _ in _native.stored_files(path)]
            continue
        path = local(path)
        matches = [path] if os.path.exists(path) else sorted(glob.glob(path))
        if not matches:
            raise PySparkRuntimeError(
                f"Input path does not exist: {path} (relative paths begin at {os.getcwd()})",
            )
        for match in matches:
            if os.path.isdir(match):
                found.extend(
                    os.path.join(match, entry)
                    for entry in sorted(os.listdir(match))
                    if not entry.startswith(("_", ".")) and os.path.isfile(os.path.join(match, entry))
                )
            else:
                found.append(match)
    return [path if is_elsewhere(path) else os.path.abspath(path) for path in found]


def file_parts(paths: Sequence[str], wanted: int, slots: int) -> List[Part]:
    """Parts of files: of each as many as Hadoop would cut it into, but of one size, so that no task waits for another.

    Where it is the size of a block and not `wanted` that decides how many, and they are more than the `slots` that run at
    a time, there are some more of them, up to a multiple of `slots`: three parts of a size on two slots would take as
    long as four.
    """
    sized = [(path, _size(path)) for path in paths]
    goal = max(sum(size for _, size in sized) // max(wanted, 1), 1)
    counts = [_parts_of(path, size, min(goal, BLOCK)) for path, size in sized]
    cut = [at for at, count in enumerate(counts) if count > 1]
    if cut and goal > BLOCK and sum(counts) > slots:
        for _ in range(-sum(counts) % slots):
            counts[max(cut, key=lambda at: sized[at][1] / counts[at])] += 1
    # Where the lines of a compressed file begin is known only to who reads it from the start.
    return [
        (path, size * at // count, 2**63 - 1 if path.endswith(COMPRESSED) else size * (at + 1) // count)
        for (path, size), count in zip(sized, counts)
        for at in range(count)
    ]


def _size(path: str) -> int:
    if is_elsewhere(path):
        return _native.stored_files(path)[0][1]
    return os.path.getsize(path)


def _parts_of(path: str, size: int, size_of_part: int) -> int:
    """How many parts Hadoop cuts a file into."""
    count = 1
    while not path.endswith(COMPRESSED) and size / size_of_part > SLOP:
        size, count = size - size_of_part, count + 1
    return count - (size == 0 and count > 1)


def copied(path: str, folder: str, recursive: bool) -> str:
    """Copies a file, or a folder if `recursive`, into a folder; where the copy is."""
    import shutil

    path = local(path)
    target = os.path.join(folder, os.path.basename(os.path.normpath(path)))
    if os.path.isdir(path):
        if not recursive:
            raise PySparkValueError(f"{path} is a folder: to add all that is in it, say recursive=True")
        shutil.copytree(path, target, dirs_exist_ok=True)
    elif os.path.exists(path):
        shutil.copyfile(path, target)
    else:
        raise PySparkRuntimeError(f"the file {path} does not exist")
    return target


def read_bytes(path: str) -> Tuple[str, bytes]:
    """The path as Hadoop names it, and the bytes of a file."""
    with opened(path) as file:
        return path if is_elsewhere(path) else "file:" + path, file.read()


def read_text(path: str) -> Tuple[str, str]:
    """The path as Hadoop names it, and the text of a file."""
    name, content = read_bytes(path)
    return name, content.decode("utf-8", "replace")


def read_records(length: int, path: str) -> Iterator[bytes]:
    """The records of `length` bytes in a file."""
    with opened(path) as file:
        while True:
            record = file.read(length)
            if not record:
                return
            if len(record) < length:
                raise ValueError(f"{path} ends within a record: {len(record)} bytes are left of {length}")
            yield record


def write_pickles(file: Any, records: Iterator[Any], batch_size: int) -> None:
    """Writes records as pickled lists, each behind its length."""
    batch: List[Any] = []
    for record in records:
        batch.append(record)
        if len(batch) == batch_size:
            _write_pickle(file, batch)
            batch = []
    if batch:
        _write_pickle(file, batch)


def _write_pickle(file: Any, batch: Sequence[Any]) -> None:
    pickled = pickle.dumps(batch, 5)
    file.write(struct.pack("!I", len(pickled)))
    file.write(pickled)


def read_pickles(path: str) -> Iterator[Any]:
    """What `write_pickles` wrote."""
    with opened(path) as file:
        while True:
            length = file.read(4)
            if not length:
                return
            yield from pickle.loads(file.read(struct.unpack("!I", length)[0]))
