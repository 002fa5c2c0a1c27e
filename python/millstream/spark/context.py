"""Where a batch program begins."""

from __future__ import annotations

import atexit
import itertools
import os
import pickle
import re
import sys
import threading
import time
from typing import Any, Callable, ClassVar, Dict, Iterable, List, Optional, Sequence, Tuple

from millstream import _native, _worker
from millstream._cluster import target
from millstream._names import pep8
from millstream._progress import Progress, line
from millstream.spark import _inputs
from millstream.spark._spellings import OfSparkContext
from millstream.spark.accumulators import (
    COMPLEX_ACCUMULATOR_PARAM,
    FLOAT_ACCUMULATOR_PARAM,
    INT_ACCUMULATOR_PARAM,
    Accumulator,
    AccumulatorParam,
)
from millstream.spark.broadcast import Broadcast
from millstream.spark.conf import SparkConf
from millstream.spark.errors import PySparkRuntimeError, PySparkTypeError, PySparkValueError
from millstream.spark.files import SparkFiles
from millstream.spark.rdd import GROUP, RDD
from millstream.spark.status import Jobs, StatusTracker

__all__ = ["SparkContext"]

#: The version of Spark whose API this is.
API_VERSION = "4.3.0"


@pep8
class SparkContext(OfSparkContext):
    """The entry to batch programs: makes data sets, and has the engine that runs them.

    `local` runs tasks in this process; `local[4]` and `local[*]` in that many worker processes, which are started ahead
    and used again; `millstream://HOST:PORT` on the executors of a cluster, whose job ends with this process.

    >>> sc = SparkContext("local", "example")
    >>> sc.range(5).map(lambda n: n * 2).collect()
    [0, 2, 4, 6, 8]
    >>> sc.stop()
    """

    _active_spark_context: ClassVar[Optional["SparkContext"]] = None
    _lock: ClassVar[threading.RLock] = threading.RLock()
    _numbers: ClassVar[Any] = itertools.count()
    PACKAGE_EXTENSIONS = (".zip", ".egg", ".jar")

    def __init__(
        self,
        master: Optional[str] = None,
        appName: Optional[str] = None,
        sparkHome: Optional[str] = None,
        pyFiles: Optional[List[str]] = None,
        environment: Optional[Dict[str, Any]] = None,
        batchSize: int = 0,
        serializer: Any = None,
        conf: Optional[SparkConf] = None,
        gateway: Any = None,
        jsc: Any = None,
        profiler_cls: Any = None,
    ) -> None:
        with SparkContext._lock:
            active = SparkContext._active_spark_context
            if active is not None:
                raise PySparkValueError(
                    f"Cannot run multiple SparkContexts at once; existing SparkContext(app={active.appName}, "
                    f"master={active.master}): stop it first, or use SparkContext.getOrCreate()"
                )
            self._conf = (conf or SparkConf())._copy()
            for key, value in (("spark.master", master), ("spark.app.name", appName)):
                if value is not None:
                    self._conf.set(key, value)
            for name, value in (environment or {}).items():
                self._conf.setExecutorEnv(name, value)
            there = target.of_spark(self._conf.get("spark.master"), self._conf)
            if there is not None:
                self._conf.set("spark.master", target.SCHEME + there.master)
            self._conf.setIfMissing("spark.master", "local[*]").setIfMissing("spark.app.name", "millstream")
            self.master: str = self._conf.get("spark.master") or ""
            self.appName: str = self._conf.get("spark.app.name") or ""
            self.environment = dict(environment or {})
            self._start_time = int(time.time() * 1000)
            self._id = f"local-{self._start_time}"
            processes = False
            if there is None:
                self._slots, processes = _master(self.master)
            else:
                from millstream.spark import _cluster

                self._engine, self._id, self._slots = _cluster.engine(there, self._conf)
            self._is_on_cluster = there is not None
            self._batch_size = batchSize or 1024
            self._ids = itertools.count()
            self._checkpoint_dir: Optional[str] = None
            self._python_files: Tuple[str, ...] = ()
            self._files: Dict[str, str] = {}
            self._properties = threading.local()
            #: What ends before this context does: a streaming context.
            self._before_stop: List[Callable[[], None]] = []
            import tempfile

            self._folder = tempfile.TemporaryDirectory(prefix="millstream-")
            SparkFiles._root = self._folder.name
            if there is None:
                self._engine = self._own_engine(processes)
            shown = self._conf.get("spark.ui.showConsoleProgress", "true") == "true"
            self._progress = Progress(self._progress_line) if shown else None
            self._jobs = Jobs(self._progress)
            self._stopped = False
            SparkContext._active_spark_context = self
        for path in pyFiles or ():
            self.addPyFile(path)
        atexit.register(self._end)

    def _own_engine(self, processes: bool) -> _native.Engine:
        """One whose tasks run in this process, or in worker processes of it."""
        launch = None
        if processes:
            python = self._conf.get("spark.pyspark.python") or os.environ.get("PYSPARK_PYTHON") or sys.executable
            launch = (
                python,
                _worker.command(sys.path),
                self._conf._environment(),
                "%d.%d.%d" % sys.version_info[:3],
                self._told(),
            )
        shuffle_memory, cache_memory = self._conf._memory()
        return _native.Engine(self._slots, launch, shuffle_memory, cache_memory, self._conf.get("spark.local.dir"))

    def __repr__(self) -> str:
        return f"<SparkContext master={self.master} appName={self.appName}>"

    def __enter__(self) -> "SparkContext":
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        self._leave(value)
        self.stop()

    def __getnewargs__(self) -> Any:
        raise PySparkRuntimeError(
            "It appears that you are attempting to reference SparkContext from a broadcast variable, action, or "
            "transformation. SparkContext can only be used on the driver, not in code that runs in tasks.",
            errorClass="CONTEXT_ONLY_VALID_ON_DRIVER",
        )

    def __reduce__(self) -> Any:
        return self.__getnewargs__()

    # What it is

    @classmethod
    def getOrCreate(cls, conf: Optional[SparkConf] = None) -> "SparkContext":
        """The context there is, or a new one."""
        with cls._lock:
            return cls._active_spark_context or cls(conf=conf)

    def _end(self) -> None:
        """The program ends, and has not stopped it."""
        self._leave(getattr(sys, "last_value", None))
        self.stop()

    def _leave(self, error: Optional[BaseException]) -> None:
        """Says how the program ended, where somebody keeps that."""
        if error is not None and self._is_on_cluster and not self._stopped:
            from millstream.spark import _cluster

            self._engine.leave(_cluster.failure_of(error))

    def stop(self) -> None:
        """Ends the workers. Nothing can be run afterwards."""
        with SparkContext._lock:
            if self._stopped:
                return
            ends, self._before_stop = self._before_stop, []
        # What runs on this context ends first; its threads may need the lock.
        for end in ends:
            end()
        with SparkContext._lock:
            if self._stopped:
                return
            self._stopped = True
            if SparkContext._active_spark_context is self:
                SparkContext._active_spark_context = None
        atexit.unregister(self._end)
        if self._progress is not None:
            self._progress.stop()
        self._engine.stop()
        self._folder.cleanup()

    @property
    def version(self) -> str:
        """The version of Spark whose API this is."""
        return API_VERSION

    @property
    def startTime(self) -> int:
        """When it was made, in milliseconds since 1970."""
        return self._start_time

    @property
    def applicationId(self) -> str:
        """What no other context is called."""
        return self._id

    @property
    def uiWebUrl(self) -> Optional[str]:
        """There is no web page yet."""
        return None

    @property
    def defaultParallelism(self) -> int:
        """Into how many partitions data is cut unless something else is asked for."""
        # As with Spark: on a cluster two at least.
        usual = max(self._slots, 2) if self._is_on_cluster else self._slots
        return int(self._conf.get("spark.default.parallelism") or usual)

    @property
    def defaultMinPartitions(self) -> int:
        """Into how many partitions a file is cut at least."""
        return min(self.defaultParallelism, 2)

    def getConf(self) -> SparkConf:
        """A copy of the settings."""
        return self._conf._copy()

    def sparkUser(self) -> str:
        """Who runs the program."""
        import getpass

        return getpass.getuser()

    def setLogLevel(self, logLevel: str) -> None:
        """Accepted: one of Spark's levels. The engine logs by `tracing` and is quiet unless asked."""
        known = ("ALL", "DEBUG", "ERROR", "FATAL", "INFO", "OFF", "TRACE", "WARN")
        if logLevel.upper() not in known:
            raise PySparkValueError(f"{logLevel!r} is no level of the log; there are {', '.join(known)}")

    # Data sets

    def parallelize(self, c: Iterable[Any], numSlices: Optional[int] = None) -> RDD:
        """The records of a collection."""
        slices = self.defaultParallelism if numSlices is None else int(numSlices)
        if isinstance(c, range) and len(c) and _inputs.fit_64_bits(c):
            parts = _inputs.range_parts(c, slices)
            return self._rdd(lambda: _native.Dataset.range(self._engine, parts), len(parts))
        blocks = [_native.encode(part) for part in _inputs.slices(list(c), slices, self._batch_size)]
        return self._rdd(lambda: _native.Dataset.slices(self._engine, "parallelize", blocks), len(blocks))

    def range(
        self, start: int, end: Optional[int] = None, step: int = 1, numSlices: Optional[int] = None
    ) -> RDD:
        """The numbers from `start` (0 if there is one number alone) to below `end`."""
        numbers = range(start) if end is None else range(start, end, step)
        return self.parallelize(numbers, numSlices)

    def emptyRDD(self) -> RDD:
        """No record, in no partition."""
        return self._rdd(lambda: _native.Dataset.slices(self._engine, "emptyRDD", []), 0)

    def textFile(self, name: str, minPartitions: Optional[int] = None, use_unicode: bool = True) -> RDD:
        """The lines of a file, of the files in a folder, of those that match a pattern; several names with commas.

        Cut into as many parts as Hadoop cuts them: at least `minPartitions`, none of more than 35 MB; of large files into
        some more, so that all slots have as many. Compressed files are not cut.
        """
        wanted = minPartitions or self.defaultMinPartitions
        return self._lines(lambda: _inputs.files(name), wanted, use_unicode)

    def _lines(self, paths: Callable[[], List[str]], wanted: int, use_unicode: bool = True) -> RDD:
        parts = _inputs.Once(lambda: _inputs.file_parts(paths(), wanted, self._slots))
        return self._rdd(lambda: _native.Dataset.lines(self._engine, parts(), use_unicode), lambda: len(parts()))

    def wholeTextFiles(self, path: str, minPartitions: Optional[int] = None, use_unicode: bool = True) -> RDD:
        """Pairs of the path and the whole text of each file."""
        read = _inputs.read_text if use_unicode else _inputs.read_bytes
        return self._whole(path, minPartitions).map(read)._named("wholeTextFiles")

    def binaryFiles(self, path: str, minPartitions: Optional[int] = None) -> RDD:
        """Pairs of the path and the bytes of each file."""
        return self._whole(path, minPartitions).map(_inputs.read_bytes)._named("binaryFiles")

    def _whole(self, path: str, minPartitions: Optional[int]) -> RDD:
        found = _inputs.files(path)
        return self.parallelize(found, min(len(found), minPartitions or self.defaultMinPartitions) or 1)

    def binaryRecords(self, path: str, recordLength: int) -> RDD:
        """The records of a fixed number of bytes in files."""
        from functools import partial

        files = self._whole(path, None)
        return files.flatMap(partial(_inputs.read_records, recordLength))._named("binaryRecords")

    def pickleFile(self, name: str, minPartitions: Optional[int] = None) -> RDD:
        """What `RDD.saveAsPickleFile` wrote."""
        return self._whole(name, minPartitions).flatMap(_inputs.read_pickles)._named("pickleFile")

    def union(self, rdds: Sequence[RDD]) -> RDD:
        """All records of all `rdds`, partition after partition."""
        first, *others = rdds
        return first._union(others)

    # Variables and files that tasks use

    def broadcast(self, value: Any) -> Broadcast:
        """A value that is sent to each worker once."""
        number = next(SparkContext._numbers)
        self._engine.broadcast(number, pickle.dumps(value, 5))
        return Broadcast(self, number, value)

    def accumulator(self, value: Any, accum_param: Optional[AccumulatorParam[Any]] = None) -> Accumulator[Any]:
        """A variable that tasks add to."""
        if accum_param is None:
            for kind, param in (
                (int, INT_ACCUMULATOR_PARAM),
                (float, FLOAT_ACCUMULATOR_PARAM),
                (complex, COMPLEX_ACCUMULATOR_PARAM),
            ):
                if isinstance(value, kind):
                    accum_param = param  # type: ignore[assignment]
                    break
            else:
                raise PySparkTypeError(
                    f"no default accumulator param for type {type(value).__name__}: give one as `accum_param`"
                )
        return Accumulator(next(SparkContext._numbers), value, accum_param)  # type: ignore[arg-type]

    def addFile(self, path: str, recursive: bool = False) -> None:
        """Makes a file (a folder, if `recursive`) reachable for tasks by `SparkFiles.get`."""
        copy = _inputs.copied(path, self._folder.name, recursive)
        self._files[os.path.basename(path)] = copy
        self._send(copy)

    def addPyFile(self, path: str) -> None:
        """Makes a module, or the modules of a zip file, importable in tasks and here."""
        copy = _inputs.copied(path, self._folder.name, False)
        place = copy if copy.endswith(self.PACKAGE_EXTENSIONS) else self._folder.name
        if place not in self._python_files:
            self._python_files += (place,)
        if place not in sys.path:
            sys.path.insert(1, place)
        import importlib

        importlib.invalidate_caches()
        self._send(copy, os.path.basename(copy) if place == copy else "")
        self._engine.change_setup(self._told())

    def _send(self, copy: str, modules: Optional[str] = None) -> None:
        if self._is_on_cluster:
            from millstream.spark import _cluster

            _cluster.add_file(self._engine, copy, modules)

    @property
    def listFiles(self) -> List[str]:
        """The files that were added."""
        return list(self._files.values())

    def _progress_line(self, columns: int) -> str:
        return line(self._engine.progress(), columns)

    def _told(self) -> bytes:
        """What each worker is told first."""
        return _worker.told(self._python_files, self._folder.name)

    # Jobs

    def runJob(
        self,
        rdd: RDD,
        partitionFunc: Callable[[Iterable[Any]], Iterable[Any]],
        partitions: Optional[Sequence[int]] = None,
        allowLocal: bool = False,
    ) -> List[Any]:
        """What a function gives for each of some partitions (all, if none are named), in one list."""
        mapped = rdd.mapPartitions(partitionFunc)
        chosen = range(rdd.getNumPartitions()) if partitions is None else partitions
        return [record for part in mapped._run(list(chosen)) for record in part]

    def cancelJobGroup(self, groupId: str) -> None:
        """Stops the tasks of the jobs of a group; see `setJobGroup`."""
        self._engine.cancel_jobs(GROUP, groupId)

    def cancelAllJobs(self) -> None:
        """Stops every task that runs."""
        self._engine.cancel()

    def setLocalProperty(self, key: str, value: Optional[str]) -> None:
        """Sets a property of the jobs of this thread, which tasks may ask for; `None` takes it away."""
        vars(self._properties)[key] = value

    def getLocalProperty(self, key: str) -> Optional[str]:
        """A property of the jobs of this thread."""
        return vars(self._properties).get(key)

    def setJobGroup(self, groupId: str, description: str, interruptOnCancel: bool = False) -> None:
        """Puts the jobs of this thread into a group."""
        self.setLocalProperty(GROUP, groupId)
        self.setLocalProperty("spark.job.description", description)

    def setJobDescription(self, value: str) -> None:
        """Says what the jobs of this thread are for."""
        self.setLocalProperty("spark.job.description", value)

    def statusTracker(self) -> StatusTracker:
        """Says which jobs there are."""
        return StatusTracker(self._jobs, self._engine.progress)

    def setCheckpointDir(self, dirName: str) -> None:
        """Where `RDD.checkpoint` writes: a folder of this machine, `hdfs://HOST:PORT/PATH` or `s3://BUCKET/PATH`."""
        folder = os.path.join(_inputs.folder(dirName), self.applicationId)
        if not _inputs.is_elsewhere(folder):
            os.makedirs(folder, exist_ok=True)
        self._checkpoint_dir = folder

    def getCheckpointDir(self) -> Optional[str]:
        """Where `RDD.checkpoint` writes, if that was set."""
        return self._checkpoint_dir

    def _rdd(self, make: Callable[[], _native.Dataset], partitions: Any) -> RDD:
        return RDD(self, make, partitions)

    def _running(self) -> _native.Engine:
        if self._stopped:
            raise PySparkRuntimeError("the SparkContext was stopped: nothing can be run with it any more")
        return self._engine


def _master(master: str) -> Tuple[int, bool]:
    """How many tasks run at once, and whether in processes of their own."""
    if master == "local":
        return 1, False
    found = re.fullmatch(r"local\[(\*|[0-9]+)(?:\s*,\s*[0-9]+)?\]", master)
    if found is None:
        raise PySparkValueError(
            f"cannot run on the master {master!r}: this engine runs `local` in the process, `local[4]` or `local[*]` in "
            "worker processes, and `millstream://HOST:PORT` on a cluster"
        )
    slots = (os.cpu_count() or 1) if found.group(1) == "*" else int(found.group(1))
    if slots < 1:
        raise PySparkValueError(f"the master {master!r} has no slot: at least local[1] is needed")
    return slots, True
