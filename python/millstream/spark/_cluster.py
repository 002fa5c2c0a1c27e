"""A context whose tasks run on a cluster of Millstream's.

Answers for submitting the job that this process directs, by the settings of the context, and for files that are added. Not
for tasks and their results: those are the engine's.
Holds: nothing is submitted before the settings were looked at.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import Any, Optional, Tuple

from millstream import _native
from millstream._cluster import plan_file
from millstream._cluster.target import Target
from millstream.spark.conf import SparkConf
from millstream.spark.errors import PySparkValueError

#: How many slots a program has at most, Spark's name; the address that the driver listens at, and the one that executors call,
#: Spark's names; whether it may listen beyond this machine without certificates.
CORES, LISTEN, CALLED = "spark.cores.max", "spark.driver.bindAddress", "spark.driver.host"
INSECURE = "millstream.insecure"


def engine(target: Target, conf: SparkConf) -> Tuple[_native.Engine, str, int]:
    """The engine, the name of its job on the cluster, and how many slots it asks for."""
    most = _cores(conf.get(CORES))
    insecure = (conf.get(INSECURE) or "false").strip().lower()
    if insecure not in ("true", "false"):
        raise PySparkValueError(f"the setting {INSECURE} is true or false, {insecure!r} was given")
    cluster = _native.Cluster(target.master, target.token_file, target.tls)
    slots = max(cluster.slots(), 1)
    if most is not None:
        slots = min(slots, most)
    program = plan_file.TaskProgram(conf._environment(), *conf._memory())
    with tempfile.NamedTemporaryFile(prefix="millstream-tasks-") as file:
        plan_file.write_tasks(program, file)
        file.flush()
        hash_ = cluster.upload(file.name)
    name = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] not in ("", "-c", "-") else ""
    submission = json.dumps({"program": hash_, "kind": "python_driver", "files": [], "file_name": name or "python"})
    reached = (conf.get(LISTEN), conf.get(CALLED), insecure == "true")
    shown = (target.master, target.token_file, target.tls)
    made, job = _native.Engine.on_cluster(shown, submission, slots, reached)
    return made, job, slots


def _cores(told: Optional[str]) -> Optional[int]:
    if told is None:
        return None
    try:
        cores = int(told)
    except ValueError:
        cores = 0
    if cores < 1:
        raise PySparkValueError(f"the setting {CORES} is {told!r}: it is the number of slots that a program has at most")
    return cores


def add_file(engine: _native.Engine, copy: str, modules: Optional[str] = None) -> None:
    """Has tasks find a file, or all that is in a folder, under the name of the copy that this process has."""
    folder, name = os.path.split(copy)
    if not os.path.isdir(copy):
        return engine.add_file(name, copy, modules)
    for at, _, names in os.walk(copy):
        for one in names:
            path = os.path.join(at, one)
            engine.add_file(os.path.relpath(path, folder), path)


def failure_of(error: Any) -> Optional[str]:
    """Why a program fails that an exception ends."""
    if error is None or isinstance(error, SystemExit) and error.code in (None, 0):
        return None
    return f"{type(error).__name__}: {error}"
