"""A job that runs, or ran, for the program that started it."""

from __future__ import annotations

import atexit
import contextlib
import sys
import threading
import warnings
from typing import Any, Callable, Dict, Optional, Set, TypeVar

from millstream._stream.waiting_line import Shown, waited_for
from millstream.flink.common.completable_future import CompletableFuture
from millstream.flink.common.job_execution_result import JobExecutionResult
from millstream.flink.common.job_id import JobID
from millstream.flink.common.job_status import JobStatus

__all__ = ["JobClient"]

T = TypeVar("T")

#: The jobs that nobody waited for yet: they go on even if nobody keeps their clients.
_unfinished: Set["JobClient"] = set()


@atexit.register
def _end_all() -> None:
    # A job must not come back to an interpreter that is ending.
    for client in list(_unfinished):
        client._end()


class JobClient:
    """A job: what it is doing, and how it is told to end. What a method gives is a `CompletableFuture`.

    >>> from millstream.flink.datastream import StreamExecutionEnvironment
    >>> env = StreamExecutionEnvironment.get_execution_environment()
    >>> _ = env.from_collection([1]).add_sink(lambda x: None)
    >>> client = env.execute_async("one")
    >>> client.get_job_execution_result().result().get_job_id() == client.get_job_id()
    True
    >>> client.get_job_status().result().name
    'FINISHED'
    """

    def __init__(
        self, job: Any, name: str, folder: Optional[str], is_shown: bool, cluster_name: Optional[str] = None
    ) -> None:
        self._job, self._name, self._folder = job, name, folder
        self._shown = Shown(name, job) if is_shown else None
        #: Whether the job is in this process, and ends with it; `job-3` on a cluster has a life of its own.
        self._is_here = cluster_name is None
        self._id = JobID(cluster_name)
        self._waiting = threading.Lock()
        self._ended: Optional[JobExecutionResult] = None
        self._failure: Optional[BaseException] = None
        self._is_cancelled = False
        if self._is_here:
            _unfinished.add(self)

    def get_job_id(self) -> JobID:
        """Which job it is."""
        return self._id

    def get_job_status(self) -> CompletableFuture:
        """What it is doing, as a `JobStatus`."""
        return CompletableFuture.completed(self._status())

    def cancel(self) -> CompletableFuture:
        """Ends the job at once; done when it has ended."""
        self._tell_to_end()
        return CompletableFuture(self._settle)

    def trigger_savepoint(self, savepoint_directory: Optional[str] = None) -> CompletableFuture:
        """Takes a checkpoint that is kept until somebody deletes it; gives its path, below the checkpoints'
        folder."""
        self._own_folder(savepoint_directory)
        return CompletableFuture(self._savepoint)

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, savepoint_directory: Optional[str] = None
    ) -> CompletableFuture:
        """Takes a savepoint and ends the job; gives the savepoint's path."""
        self._own_folder(savepoint_directory)

        def stop() -> str:
            if not self._is_here and not advance_to_end_of_event_time:
                path = f"{self._needed_folder()}/{self._job.stop_with_savepoint()}"
                self._settle()
                return path
            path = self._savepoint()
            self._is_cancelled = True
            if advance_to_end_of_event_time:
                self._job.stop()
            else:
                self._job.cancel()
            self._end()
            return path

        return CompletableFuture(stop)

    def get_job_execution_result(self) -> CompletableFuture:
        """How the job ended; raises what it failed with."""
        return CompletableFuture(self._result)

    def get_accumulators(self) -> CompletableFuture:
        """None: functions have no accumulators here."""
        accumulators: Dict[str, Any] = {}
        return CompletableFuture.completed(accumulators)

    # For the package

    def _status(self) -> JobStatus:
        status = JobStatus[self._job.status()]
        if status is JobStatus.FAILED and self._is_cancelled:
            return JobStatus.CANCELED
        return status

    def _has_ended(self) -> bool:
        return self._status().is_globally_terminal_state()

    def _own_folder(self, given: Optional[str]) -> None:
        if given is not None and given != self._folder:
            from millstream.flink._notices import without_effect

            without_effect("savepoint_directory", "savepoints are below the folder of the job's checkpoints")

    def _is_detached(self) -> bool:
        return not self._is_here and bool(self._job.is_detached)

    def _savepoint(self) -> str:
        return f"{self._needed_folder()}/{self._job.savepoint()}"

    def _needed_folder(self) -> str:
        if self._folder is None:
            raise ValueError(
                "a savepoint needs a folder: enable_checkpointing(...), and the setting "
                "execution.checkpointing.dir"
            )
        return self._folder

    def _while_shown(self, wait: Callable[[], T]) -> T:
        """What `wait` gives. If that takes long, the job is shown meanwhile."""
        with waited_for(self._shown) if self._shown else contextlib.nullcontext():
            return wait()

    def _result(self, is_quiet: bool = False) -> JobExecutionResult:
        with self._waiting:
            if self._ended is None and self._failure is None:
                try:
                    wait = self._job.wait
                    millis, _restarts, _stopped, _checkpoints = wait() if is_quiet else self._while_shown(wait)
                    self._ended = JobExecutionResult(self._id, millis)
                except Exception as error:
                    self._failure = error
                    if self._is_cancelled:
                        self._as_cancelled(error)
                _unfinished.discard(self)
        if self._failure is not None:
            raise self._failure
        assert self._ended is not None
        return self._ended

    def _as_cancelled(self, error: Exception) -> None:
        from millstream.flink.errors import JobCancellationException

        if isinstance(error, JobCancellationException):
            return
        # A function that blocks is left to itself: the process can end without it.
        warnings.warn(f"the job `{self._name}` was cancelled, but not all of it ended: {error}", stacklevel=2)
        self._failure = JobCancellationException(f"the job was cancelled\n{error}")

    def _tell_to_end(self) -> None:
        if not self._has_ended():
            self._is_cancelled = True
            self._job.cancel()

    def _settle(self) -> None:
        """Waits for the end, whatever it is."""
        try:
            # Without the line: an interpreter that is ending starts no thread for it.
            self._result(is_quiet=True)
        except Exception:
            # It is told to those who ask for the result.
            pass

    def _interrupted(self) -> None:
        """Somebody who waits for the job wants it to end."""
        if not self._is_here:
            sys.stderr.write(f"cancels {self._id}\n")
        self._end()

    def _end(self) -> None:
        """Ends the job, if it still runs, and waits for it."""
        # Without a thread of its own: an interpreter that is ending starts none.
        self._tell_to_end()
        self._settle()

    def __repr__(self) -> str:
        return f"<JobClient {self._name!r} {self._status().name}>"
