"""Where a stream program begins and is run."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Tuple

from millstream._cluster import target
from millstream._cluster.files import Given
from millstream._pickle import pickled
from millstream._stream.plan import Planner
from millstream._stream.transformations import Input, Step, with_upstream
from millstream.flink._notices import without_effect
from millstream.flink.common.configuration import Configuration
from millstream.flink.common.execution_config import ExecutionConfig, whole
from millstream.flink.common.job_client import JobClient
from millstream.flink.common.job_execution_result import JobExecutionResult
from millstream.flink.common.typeinfo import PickledBytesTypeInfo, TypeInformation, TypeMismatch, declared
from millstream.flink.datastream import _job_settings as named
from millstream.flink.datastream._data_stream import DataStream
from millstream.flink.datastream.checkpoint_config import CheckpointConfig
from millstream.flink.datastream.checkpointing_mode import CheckpointingMode
from millstream.flink.datastream.execution_mode import RuntimeExecutionMode

__all__ = ["StreamExecutionEnvironment"]


class StreamExecutionEnvironment:
    """Makes streams out of sources, and runs the job that was made of them.

    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> doubled = env.from_collection([1, 2, 3]).map(lambda x: x * 2)
    >>> list(doubled.execute_and_collect())
    [2, 4, 6]
    """

    def __init__(self, configuration: Optional[Configuration] = None) -> None:
        self._settings = Configuration(configuration)
        self._config = ExecutionConfig()
        self._checkpoints = CheckpointConfig()
        self._mode = RuntimeExecutionMode.STREAMING
        self._steps: List[Step] = []
        #: Where modules are found on this machine, and what a cluster is sent.
        self._files: List[str] = []
        self._given = Given()
        self._python: Optional[str] = None
        self._clients: List[JobClient] = []
        #: Folders of checkpoints for which the program named none; they end with the environment.
        self._own_folders: List[Any] = []
        self._read(self._settings)

    @staticmethod
    def get_execution_environment(
        configuration: Optional[Configuration] = None,
    ) -> "StreamExecutionEnvironment":
        """An environment: in this process, with worker interpreters above parallelism 1; or for the cluster that the
        setting `millstream.master` or `millstream run --master` names."""
        return StreamExecutionEnvironment(configuration)

    @staticmethod
    def create_remote_environment(
        host: str, port: int, configuration: Optional[Configuration] = None
    ) -> "StreamExecutionEnvironment":
        """An environment whose jobs run on a cluster of Millstream's: with the address of its REST interface.

        >>> env = StreamExecutionEnvironment.create_remote_environment("10.0.0.7", 7070)
        >>> env
        <StreamExecutionEnvironment streaming, parallelism 1, 0 steps, on 10.0.0.7:7070>
        """
        settings = Configuration(configuration).set_string(target.MASTER, f"{host}:{port}")
        return StreamExecutionEnvironment(settings)

    def __repr__(self) -> str:
        mode, steps = self._mode.name.lower(), len(self._steps)
        cluster = target.of(self._settings)
        place = f", on {cluster.master}" if cluster else ""
        return f"<StreamExecutionEnvironment {mode}, parallelism {self.get_parallelism()}, {steps} steps{place}>"

    def __reduce__(self) -> Any:
        raise TypeError(
            "an environment is of the program that makes the job, a function of the job cannot use it"
        )

    # Settings

    def configure(self, configuration: Configuration) -> None:
        """Takes settings by their names."""
        self._settings.add_all(configuration)
        self._read(configuration)

    def _read(self, given: Configuration) -> None:
        if given.contains_key("parallelism.default"):
            self.set_parallelism(given.get_integer("parallelism.default", 1))
        if given.contains_key("pipeline.max-parallelism"):
            self.set_max_parallelism(given.get_integer("pipeline.max-parallelism", 128))
        named.checkpoints(given, self._checkpoints)
        if given.contains_key("execution.runtime-mode"):
            mode = given.get_string("execution.runtime-mode", "").upper()
            if mode not in RuntimeExecutionMode.__members__:
                raise ValueError(
                    f"the setting execution.runtime-mode is STREAMING, BATCH or AUTOMATIC, not {mode!r}"
                )
            self._mode = RuntimeExecutionMode[mode]
        if given.contains_key("python.executable"):
            self._python = given.get_string("python.executable", "")
        files = named.python_files(given)
        self._files += files
        self._given = self._given.with_modules(files)
        named.without_meaning(given)

    def get_config(self) -> ExecutionConfig:
        """Settings of the execution."""
        return self._config

    def set_parallelism(self, parallelism: int) -> "StreamExecutionEnvironment":
        """The subtasks of each operator that says nothing else: each is a worker interpreter above 1."""
        self._config.set_parallelism(parallelism)
        return self

    def get_parallelism(self) -> int:
        """The subtasks of each operator that says nothing else."""
        return max(self._config.get_parallelism(), 1)

    def set_max_parallelism(self, max_parallelism: int) -> "StreamExecutionEnvironment":
        """The key groups, 128 if nothing is said: the most subtasks a keyed operator can ever have."""
        self._config.set_max_parallelism(max_parallelism)
        return self

    def get_max_parallelism(self) -> int:
        """The key groups; -1 if nothing was said."""
        return self._config.get_max_parallelism()

    def set_runtime_mode(self, execution_mode: RuntimeExecutionMode) -> "StreamExecutionEnvironment":
        """Streaming (every update is emitted) or batch (an aggregate by key emits its last value, at the
        end)."""
        if not isinstance(execution_mode, RuntimeExecutionMode):
            raise TypeError(
                f"the mode is RuntimeExecutionMode.STREAMING, BATCH or AUTOMATIC, not {execution_mode!r}"
            )
        self._mode = execution_mode
        return self

    def enable_checkpointing(
        self, interval: int, mode: Optional[CheckpointingMode] = None
    ) -> "StreamExecutionEnvironment":
        """Takes checkpoints, each `interval` milliseconds, below the folder that
        `execution.checkpointing.dir` names."""
        self._checkpoints.set_checkpoint_interval(interval)
        if mode is not None:
            self._checkpoints.set_checkpointing_mode(mode)
        return self

    def get_checkpoint_config(self) -> CheckpointConfig:
        """How checkpoints are taken."""
        return self._checkpoints

    def get_checkpoint_interval(self) -> int:
        """In milliseconds; -1 if none are taken."""
        return self._checkpoints.get_checkpoint_interval()

    def get_checkpointing_mode(self) -> CheckpointingMode:
        """What a checkpoint promises."""
        return self._checkpoints.get_checkpointing_mode()

    def set_buffer_timeout(self, timeout_millis: int) -> "StreamExecutionEnvironment":
        """Accepted, and does nothing."""
        without_effect("set_buffer_timeout", "a run of records is sent as soon as it is made")
        return self

    def disable_operator_chaining(self) -> "StreamExecutionEnvironment":
        """Accepted, and does nothing."""
        without_effect("disable_operator_chaining", "what can run in one thread does")
        return self

    def set_default_savepoint_directory(self, directory: str) -> "StreamExecutionEnvironment":
        """Accepted, and does nothing."""
        without_effect(
            "set_default_savepoint_directory", "savepoints are below the folder of the checkpoints"
        )
        return self

    # Files and interpreters

    def add_jars(self, *jars_path: str) -> None:
        """Accepted, and does nothing: there is no JVM."""
        without_effect("add_jars", "there is no JVM; connectors are built in")

    def add_classpaths(self, *classpaths: str) -> None:
        """Accepted, and does nothing: there is no JVM."""
        without_effect("add_classpaths", "there is no JVM; connectors are built in")

    def add_python_file(self, file_path: str) -> None:
        """A module, a folder or an archive of modules that functions import."""
        import os

        if not os.path.exists(file_path):
            raise ValueError(f"add_python_file takes the path of a file or folder, there is no {file_path!r}")
        folder = os.path.abspath(file_path)
        self._given = self._given.with_modules([folder])
        if os.path.isfile(folder) and folder.endswith(".py"):
            folder = os.path.dirname(folder)
        self._files.append(folder)

    def set_python_requirements(
        self, requirements_file_path: str, requirements_cache_dir: Optional[str] = None
    ) -> None:
        """On a cluster: what this file of requirements names is installed where functions run, from the folder
        `requirements_cache_dir` (as `pip download` fills it) if there is one. In this process it does nothing: workers have
        the packages of this interpreter."""
        if target.of(self._settings) is not None:
            self._given = self._given.with_requirements(requirements_file_path, requirements_cache_dir)
            return
        without_effect(
            "set_python_requirements", "workers have the packages of the program's own interpreter"
        )

    def set_python_executable(self, python_exec: str) -> None:
        """The interpreter of the workers; the program's own if nothing is said. Must be the same version. On a cluster it
        does nothing: each machine's worker is told its own."""
        if target.of(self._settings) is not None:
            without_effect("set_python_executable", "`millstream worker --python` names the interpreter of a machine")
        self._python = python_exec

    def add_python_archive(self, archive_path: str, target_dir: Optional[str] = None) -> None:
        """On a cluster: an archive that is unpacked where functions run, as the folder `target_dir` (the archive's name, if
        nothing is said) of the one that they run in. In this process it is refused: functions open what they need by its own
        path."""
        if target.of(self._settings) is not None:
            self._given = self._given.with_archive(archive_path, target_dir)
            return
        raise NotImplementedError(
            "add_python_archive is not supported here: functions run on this machine, and open what "
            "they need by its own "
            "path; add_python_file takes folders and archives of modules"
        )

    def register_cached_file(self, file_path: str, name: str, executable: bool = False) -> None:
        """Accepted, and does nothing: functions run on this machine, and open files by their own paths. On a cluster it is
        refused."""
        if target.of(self._settings) is not None:
            raise NotImplementedError(
                "register_cached_file does not work on a cluster yet: add_python_archive brings files to where functions run"
            )
        without_effect(
            "register_cached_file", "functions run on this machine, and open files by their own paths"
        )

    # Sources

    def _add(self, step: Step) -> Step:
        self._steps.append(step)
        return step

    def _source(
        self,
        name: str,
        opener: Any,
        output_type: Any,
        *,
        bounded: bool,
        promise: str,
        parallel: bool = False,
        **told: Any,
    ) -> DataStream:
        step = Step(
            "source",
            name,
            [],
            None if parallel else 1,
            opener=opener,
            bounded=bounded,
            promise=promise,
            parallel=parallel,
            **told,
        )
        return DataStream(self, [Input(self._add(step))], output_type)

    def from_collection(
        self, collection: Iterable[Any], type_info: Optional[TypeInformation] = None
    ) -> DataStream:
        """A stream of these records. With a `type_info`, each is made to fit it, or refused."""
        from millstream._stream.sources import Collection

        if isinstance(collection, str) or not hasattr(collection, "__iter__"):
            raise TypeError(f"from_collection takes an iterable of records, {collection!r} was given")
        elements = list(collection)
        kind = declared(type_info, "the type_info of from_collection")
        if not isinstance(kind, PickledBytesTypeInfo):
            adopt, adopted = kind.adopt, []
            for at, element in enumerate(elements):
                try:
                    adopted.append(adopt(element))
                except TypeMismatch as error:
                    raise TypeMismatch(f"from_collection: element {at}: {error}") from None
            elements = adopted
        opener = Collection(elements)
        return self._source("Collection", lambda _: opener, kind, bounded=True, promise="exactly once")

    def from_source(
        self,
        source: Any,
        watermark_strategy: Any,
        source_name: str,
        type_info: Optional[TypeInformation] = None,
    ) -> DataStream:
        """A stream of what a source of connectors reads, with its times and watermarks."""
        engine = getattr(source, "_engine", None)
        if engine is not None:
            return self._from_engine(engine(), watermark_strategy, source_name, type_info)
        reads = getattr(source, "_reads", None)
        if reads is None:
            raise TypeError(
                f"from_source takes a source such as NumberSequenceSource, {source!r} was given; "
                "add_source takes any "
                "iterable"
            )
        kind, opener, settings = reads()
        stream = self._source(source_name, opener, type_info or kind, **settings)
        if watermark_strategy is None or (
            watermark_strategy._out_of_orderness is None and watermark_strategy._timestamp_assigner is None
        ):
            return stream
        return stream.assign_timestamps_and_watermarks(watermark_strategy)

    def _from_engine(self, made: Any, strategy: Any, name: str, type_info: Any) -> DataStream:
        """A stream of what a source of the engine's reads, with a schema behind it where there is one."""
        engine, arguments, kind, settings = made
        schema = settings.pop("schema", None)
        is_timed = strategy is not None and strategy._timestamp_assigner is not None
        is_watched = strategy is not None and strategy._out_of_orderness is not None
        if is_watched and not is_timed and engine == "kafka_source":
            # Each part of the source on its own, which nobody behind it can tell apart.
            arguments[0]["out_of_orderness"] = strategy._out_of_orderness
            arguments[0]["idle_after"] = strategy._idle_timeout
            is_watched = False
        stream = self._source(name, None, type_info or kind, engine=engine, arguments=arguments, **settings)
        if schema is not None:
            function = pickled(schema, "set_value_only_deserializer")
            stream = stream._then("deserialize", f"{name}: Deserialize", function, type_info or kind)
        return stream.assign_timestamps_and_watermarks(strategy) if is_timed or is_watched else stream

    def add_source(
        self,
        source_func: Any,
        source_name: str = "Custom Source",
        type_info: Optional[TypeInformation] = None,
    ) -> DataStream:
        """A stream of what an iterable has, what a function gives, or what a source with positions reads.

        After a restart an iterable, or what a function gives, is iterated from the start again, and what was
        read before is left out: it must give the same records again. A source with positions is an object
        with a method `read(position)`, which yields pairs of a position (`None` at first, anything that can
        be pickled) and a record; it is given the position of the last record that was processed.

        >>> env = StreamExecutionEnvironment.get_execution_environment()
        >>> def numbers():
        ...     yield from range(3)
        >>> list(env.add_source(numbers).map(lambda x: x + 1).execute_and_collect())
        [1, 2, 3]
        """
        from millstream._stream.sources import Iterated
        from millstream.flink.datastream.functions import SourceFunction

        has_positions = callable(getattr(source_func, "read", None))
        if isinstance(source_func, SourceFunction):
            make: Any = source_func.records
        elif has_positions or hasattr(source_func, "__iter__") and not isinstance(source_func, str):
            make = lambda: source_func  # noqa: E731
        elif callable(source_func):
            make = source_func
        else:
            raise TypeError(
                "add_source takes an iterable, a function that gives one, or an object with a method "
                "read(position), "
                f"{source_func!r} was given"
            )
        once = hasattr(source_func, "__next__")
        promise = "at most once" if once else "exactly once"
        is_bounded = hasattr(source_func, "__len__")
        opener = Iterated(make, has_positions, once)
        return self._source(source_name, lambda _: opener, type_info, bounded=is_bounded, promise=promise)

    # Running

    def execute(self, job_name: Optional[str] = None) -> JobExecutionResult:
        """Runs the program and waits for its end (on a cluster only unless it is detached). Ctrl-C cancels it.

        Raises `JobExecutionException` if it fails: the traceback of the function first, then operator,
        subtask, record and attempt.
        """
        client, _ = self._start(job_name or "Flink Streaming Job", None)
        if client._is_detached():
            return JobExecutionResult(client.get_job_id(), -1)
        try:
            return client._result()
        except KeyboardInterrupt:
            client._interrupted()
            raise

    def execute_async(self, job_name: str = "Flink Streaming Job") -> JobClient:
        """Starts the program and gives a handle to it."""
        return self._start(job_name, None)[0]

    def get_execution_plan(self) -> str:
        """The job in a few lines: chains, checkpoints, what holds after a failure."""
        steps, parameters, settings, _ = self._planned("plan")
        job = self._planner(steps).job(parameters, settings.checkpoints is not None)
        description: str = job.plan.describe(settings)
        return description

    def close(self) -> None:
        """Cancels the jobs of this process that still run; those of a cluster have a life of their own."""
        for client in self._clients:
            if not client._has_ended():
                client._end()

    def _planner(self, steps: List[Step]) -> Planner:
        return Planner(steps, self.get_parallelism(), self._python, self._files)

    def _planned(self, name: str) -> Tuple[List[Step], Dict[str, str], named.Settings, Optional[str]]:
        if not self._steps:
            raise ValueError("the program has no source: nothing would run")
        parameters = {**named.known(self._settings), **self._config.get_global_job_parameters()}
        steps = with_upstream(self._steps)
        checkpoints, folder = self._checkpoint_settings()
        is_bounded = all(step.told["bounded"] for step in steps if step.is_source)
        is_batch = self._mode is RuntimeExecutionMode.BATCH or (
            self._mode is RuntimeExecutionMode.AUTOMATIC and is_bounded
        )
        settings = named.Settings(
            name,
            self.get_parallelism(),
            self.get_max_parallelism() if self.get_max_parallelism() > 0 else 128,
            is_batch,
            checkpoints,
            named.restart_strategy(self._settings, checkpoints is not None),
            named.CANCEL_TIMEOUT,
            named.compression(self._settings),
        )
        return steps, parameters, settings, folder

    def _checkpoint_settings(self) -> Tuple[Any, Optional[str]]:
        checkpoints = self._checkpoints
        if not checkpoints.is_checkpointing_enabled():
            return None, None
        folder = named.checkpoint_folder(self._settings)
        if folder is None and target.of(self._settings) is not None:
            raise ValueError(
                "on a cluster checkpoints need a folder that all its machines reach: the setting "
                f"{named.CHECKPOINTS[0]}"
            )
        if folder is None:
            # As Flink keeps them in memory then: they serve restarts of this run alone.
            import tempfile

            own = tempfile.TemporaryDirectory(prefix="millstream-checkpoints-")
            self._own_folders.append(own)
            folder = own.name
        whole(checkpoints.get_checkpoint_interval(), "the checkpoint interval", 1, "milliseconds")
        return (
            folder,
            checkpoints.get_checkpoint_interval(),
            checkpoints.get_checkpoint_timeout(),
            checkpoints.get_min_pause_between_checkpoints(),
            checkpoints.get_tolerable_checkpoint_failure_number(),
            self._settings.get_integer("execution.checkpointing.num-retained", 1),
            checkpoints.get_checkpointing_mode() is CheckpointingMode.EXACTLY_ONCE,
            named.restored_from(self._settings),
            named.unclaimed(self._settings),
        ), folder

    def _start(self, name: str, sink: Optional[Step]) -> Tuple[JobClient, Any]:
        cluster = target.of(self._settings)
        if cluster is not None and sink is not None:
            self._steps.remove(sink)
            raise NotImplementedError(
                "execute_and_collect() does not work on a cluster yet, whose results are in other processes: write them to "
                "files, Kafka or another sink, or print() them; or run the program without a cluster"
            )
        steps, parameters, settings, folder = self._planned(name)
        # As with Flink, a program that was run is gone: what comes next is another one.
        self._steps = []
        is_shown = named.progress_is_shown(self._settings)
        if cluster is not None:
            remote = self._submitted(cluster, steps, parameters, settings)
            client = JobClient(remote, name, folder, is_shown=False, cluster_name=remote.name)
            return client, None
        job = self._planner(steps).job(parameters, settings.checkpoints is not None)
        client = JobClient(job.plan.start(settings), name, folder, is_shown)
        self._clients.append(client)
        return client, None if sink is None else job.collected[id(sink)]

    def _submitted(
        self, cluster: target.Target, steps: List[Step], parameters: Dict[str, str], settings: named.Settings
    ) -> Any:
        """The job on the cluster."""
        from millstream._cluster.plan_file import StreamProgram
        from millstream._cluster.submission import submit

        parallelism = self.get_parallelism()
        return submit(
            cluster,
            lambda sent: StreamProgram(steps, parallelism, parameters, settings, sent),
            self._given,
        )
