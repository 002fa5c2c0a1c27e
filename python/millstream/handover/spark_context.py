"""What the driver adds to PySpark: the master is the one given to `run`, and the launcher hears what the
program does.

Holds: nothing of the program's own settings is changed but the master; what cannot be found out is not told.
"""

from __future__ import annotations

import functools
import inspect
import logging
import signal
import threading
from typing import TYPE_CHECKING, Any, Dict, Optional

if TYPE_CHECKING:
    from millstream.handover.driver import Line

#: Where the classes are that a program may meet under our spellings.
MODULES = [
    "pyspark",
    "pyspark.core.rdd",
    "pyspark.statcounter",
    "pyspark.resultiterable",
    "pyspark.streaming",
    "pyspark.streaming.dstream",
    "pyspark.streaming.context",
]
#: Seconds between two looks at a running program.
INTERVAL = 0.5


def install(master: str, line: "Line") -> None:
    """Makes every context of this process one of the master's."""
    from pyspark import SparkConf, SparkContext

    original = SparkContext.__init__
    signature = inspect.signature(original)

    @functools.wraps(original)
    def begin(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind_partial(self, *args, **kwargs)
        conf = bound.arguments.get("conf") or SparkConf()
        given = bound.arguments.pop("master", None) or conf.get("spark.master")
        if given not in (None, master):
            line.tell("note", text=f"the program asks for the master {given}; it runs on {master}")
        bound.arguments["conf"] = conf.setMaster(master)
        original(*bound.args, **bound.kwargs)
        _interrupt_quietly()
        line.tell("application", id=self.applicationId, name=self.appName)
        threading.Thread(target=_watch, args=(self, line), daemon=True).start()

    SparkContext.__init__ = begin


def _interrupt_quietly() -> None:
    """An interrupt comes in the middle of a talk with Java; what the client then logs about that is no
    news."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGINT)

    def interrupted(number: int, frame: Any) -> None:
        logging.getLogger().addFilter(lambda record: "py4j" not in record.pathname)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, interrupted)


def _watch(context: Any, line: "Line") -> None:
    """Tells where the executors' logs are, and how far the running stages are, until the context ends."""
    pause = threading.Event()
    told: Dict[str, str] = {}
    shown: Optional[Any] = None
    while not pause.wait(INTERVAL):
        try:
            java = context._jsc.sc()
            listed = java.statusStore().executorList(False)
            for at in range(listed.size()):
                executor = listed.apply(at)
                link = executor.executorLogs().get("stderr")
                if link.isDefined() and executor.id() not in told:
                    told[executor.id()] = link.get()
                    line.tell("executor", id=executor.id(), log=link.get())
            tracker = context.statusTracker()
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            now = [(s.stageId, s.numCompletedTasks, s.numTasks) for s in stages if s is not None]
            if now != shown:
                line.tell("stages", running=now)
                shown = now
        except Exception:
            # The context has ended, or is about to.
            if context._jsc is None:
                return


def failed_place() -> Optional[str]:
    """Where the task failed that failed the last job of this process's context."""
    from pyspark import SparkContext

    try:
        java = SparkContext._active_spark_context._jsc.sc()
        # What is known of a failure comes by way of events, which may be on their way.
        java.listenerBus().waitUntilEmpty(5000)
        store = java.statusStore()
        listed = store.jobsList(None)
        failed = [
            job for job in map(listed.apply, range(listed.size())) if job.status().toString() == "FAILED"
        ]
        stages = max(failed, key=lambda job: job.jobId()).stageIds()
        for stage in sorted(map(stages.apply, range(stages.size())), reverse=True):
            attempt = store.lastStageAttempt(stage)
            tasks = store.taskList(stage, attempt.attemptId(), 10_000)
            broken = [task for task in map(tasks.apply, range(tasks.size())) if task.status() == "FAILED"]
            if broken:
                last = max(broken, key=lambda task: task.attempt())
                return (
                    f"in stage {stage} ({attempt.name()}), partition {last.index()}, "
                    f"attempt {last.attempt() + 1}, on executor {last.executorId()} at {last.host()}"
                )
    except Exception:
        # The context has ended, or its Java is of another kind: the failure is shown without a place.
        pass
    return None
