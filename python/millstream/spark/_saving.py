"""Data sets that are kept: in memory, in checkpoints, in files."""

from __future__ import annotations

import io
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, List, Optional, Tuple, Union

from millstream import _native
from millstream.spark import _inputs
from millstream.spark.errors import PySparkRuntimeError
from millstream.spark.storagelevel import StorageLevel

if TYPE_CHECKING:
    from millstream.spark.rdd import RDD

GZIP = "org.apache.hadoop.io.compress.GzipCodec"


class Saving:
    """The part of an RDD that outlives a job."""

    is_cached: bool
    _id: int
    _made: Optional[_native.Dataset]
    _parents: "Tuple[RDD, ...]"

    def __init__(self) -> None:
        self._level = StorageLevel.NONE
        #: Wanted and not written yet; where it was written.
        self._checkpoint_wanted = False
        self._checkpoint_file: Optional[str] = None
        self._locally_checkpointed = False

    def cache(self: "RDD") -> "RDD":
        """Keeps each partition in memory once it is computed."""
        return self.persist()

    def persist(self: "RDD", storageLevel: StorageLevel = StorageLevel.MEMORY_ONLY) -> "RDD":
        """Keeps each partition once it is computed."""
        if self.is_cached and self._level != storageLevel:
            raise PySparkRuntimeError("Cannot change storage level of an RDD after it was already assigned a level")
        self.is_cached, self._level = True, storageLevel
        if self._made is not None:
            self._made.keep(storageLevel.useMemory, storageLevel.useDisk)
        return self

    def unpersist(self: "RDD", blocking: bool = False) -> "RDD":
        """Lets go of what was kept, and keeps nothing more."""
        self.is_cached, self._level = False, StorageLevel.NONE
        if self._made is not None:
            self._made.forget()
        return self

    def getStorageLevel(self: "RDD") -> StorageLevel:
        """Where partitions are kept."""
        return self._level

    # Checkpoints

    def checkpoint(self: "RDD") -> None:
        """Writes the data set into the checkpoint folder after the next job that uses it; from then on it is read."""
        if self.ctx.getCheckpointDir() is None:
            raise PySparkRuntimeError("Checkpoint directory has not been set in the SparkContext")
        self._checkpoint_wanted = self._checkpoint_file is None

    def isCheckpointed(self: "RDD") -> bool:
        """Whether it was written."""
        return self._checkpoint_file is not None or self._locally_checkpointed

    def getCheckpointFile(self: "RDD") -> Optional[str]:
        """Where it was written."""
        return self._checkpoint_file

    def localCheckpoint(self: "RDD") -> None:
        """Keeps the partitions; what is lost of them is computed again."""
        self._locally_checkpointed = True
        if not self.is_cached:
            self.persist()

    def isLocallyCheckpointed(self: "RDD") -> bool:
        """Whether `localCheckpoint` was asked for."""
        return self._locally_checkpointed

    def _checkpoint_lineage(self: "RDD") -> None:
        """After a job: writes what in the lineage is to be written."""
        if self._checkpoint_wanted:
            self._checkpoint_wanted = False
            folder = os.path.join(self.ctx.getCheckpointDir() or "", f"rdd-{self._id}")
            parts = self.getNumPartitions()
            self._save(folder, partial(_write_pickled, 1024))
            paths = [os.path.join(folder, _part(at)) for at in range(parts)]
            written = self.ctx.parallelize(paths, max(parts, 1)).flatMap(_inputs.read_pickles)
            self._made, self._make, self._parents = None, lambda: written._dataset, (written,)
            self._checkpoint_file = folder
            return
        for parent in self._parents:
            parent._checkpoint_lineage()

    # Files

    def saveAsTextFile(self: "RDD", path: str, compressionCodecClass: Optional[str] = None) -> None:
        """Writes a line for each record into a folder: a file for each partition, at the end `_SUCCESS`.

        The folder may be one of this machine, `hdfs://HOST:PORT/PATH` or `s3://BUCKET/PATH`. `compressionCodecClass` may be Hadoop's `GzipCodec`.
        """
        if compressionCodecClass not in (None, GZIP):
            raise PySparkRuntimeError(f"cannot compress by {compressionCodecClass}: {GZIP} is what there is")
        ending = ".gz" if compressionCodecClass else ""
        self._save(path, partial(_write_lines, bool(ending)), ending)

    def saveAsPickleFile(self: "RDD", path: str, batchSize: int = 10) -> None:
        """Writes the records, pickled, into a folder that `SparkContext.pickleFile` reads."""
        self._save(path, partial(_write_pickled, batchSize or 1024))

    def _remove(self: "RDD", path: str) -> None:
        """Removes what an earlier process wrote into a folder."""
        _output(path).remove()

    def _save(self: "RDD", path: str, write: Callable[[Any, Iterable[Any]], None], ending: str = "") -> None:
        output = _output(path)
        if not output.take():
            raise PySparkRuntimeError(f"Output directory {path} already exists: remove it, or name another")
        try:
            saved = self._call("save", partial(_save_part, output, write, ending))
            output.finish([part[0] for part in saved._run(saved._all())])
        except BaseException:
            # Nothing was there before, so nothing but what failed is lost.
            output.remove()
            raise


def _part(index: int) -> str:
    return f"part-{index:05}"


def _output(path: str) -> "Union[_LocalOutput, _StoredOutput]":
    folder = _inputs.folder(path)
    return _StoredOutput(folder) if _inputs.is_elsewhere(folder) else _LocalOutput(folder)


def _save_part(
    output: "Union[_LocalOutput, _StoredOutput]",
    write: Callable[[Any, Iterable[Any]], None],
    ending: str,
    index: int,
    records: Iterable[Any],
) -> Iterator[str]:
    """Writes a partition; gives what makes it visible."""
    yield output.write(_part(index) + ending, lambda file: write(file, records))


class _LocalOutput:
    """A folder of this machine. Files have another name until they are whole, so that a failed attempt leaves no part."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def take(self) -> bool:
        """Makes the folder; `False` if it is there."""
        if os.path.exists(self._folder):
            return False
        os.makedirs(self._folder)
        return True

    def write(self, name: str, write: Callable[[Any], None]) -> str:
        """Lets a file be written; gives its name."""
        # Two attempts at once, of a worker that was given up and of its successor, write different files.
        unfinished = os.path.join(self._folder, f"_{name}.{os.getpid()}.inprogress")
        with open(unfinished, "wb") as file:
            write(file)
        os.replace(unfinished, os.path.join(self._folder, name))
        return name

    def finish(self, files: List[str]) -> None:
        """Says that these files are all."""
        with open(os.path.join(self._folder, "_SUCCESS"), "w"):
            pass

    def remove(self) -> None:
        """Removes the folder."""
        import shutil

        shutil.rmtree(self._folder, ignore_errors=True)


class _StoredOutput:
    """A folder in S3 or HDFS. Its files become visible when all of them are whole."""

    def __init__(self, location: str) -> None:
        self._location = location

    def take(self) -> bool:
        """Takes the folder; `False` if something is in it."""
        return _native.StoredFolder(self._location).take()

    def write(self, name: str, write: Callable[[Any], None]) -> str:
        """Lets a file be written; gives what makes it visible."""
        upload = _native.StoredFolder(self._location).begin(name, f"{os.getpid()}-{time.monotonic_ns()}")
        with io.BufferedWriter(_Written(upload), 1 << 20) as file:
            write(file)
        return upload.finish()

    def finish(self, files: List[str]) -> None:
        """Makes files visible, and says that these are all."""
        _native.StoredFolder(self._location).finish(files)

    def remove(self) -> None:
        """Removes all that is in the folder."""
        _native.StoredFolder(self._location).remove()


class _Written(io.RawIOBase):
    """A file in a store, as what Python writes to."""

    def __init__(self, file: _native.StoredFile) -> None:
        self._file = file

    def writable(self) -> bool:
        """So it is."""
        return True

    def write(self, data: Any) -> int:
        """Adds to it."""
        written = bytes(data)
        self._file.write(written)
        return len(written)


def _write_lines(compressed: bool, file: Any, records: Iterable[Any]) -> None:
    import gzip

    out = gzip.GzipFile(fileobj=file, mode="wb") if compressed else file
    for record in records:
        text = record if isinstance(record, bytes) else str(record).encode("utf-8")
        out.write(text + b"\n")
    if compressed:
        out.close()


def _write_pickled(batch_size: int, file: Any, records: Iterator[Any]) -> None:
    _inputs.write_pickles(file, records, batch_size)
