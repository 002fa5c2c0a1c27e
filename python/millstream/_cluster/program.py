"""What an interpreter of a cluster runs: the plan of a program, as the job's master or as one of its executors.

Answers for the way from the plan's file to the graph, the same one in each process, and for the process's end. Not for the
job: that is the engine's, which finds out itself what this process is.
Holds: an interpreter that is unlike the driver's says so and runs nothing.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

from millstream import _native
from millstream._cluster import plan_file
from millstream._cluster.files import Laid


def main() -> NoReturn:
    """Runs the plan that the command line names, and ends the process."""
    path = sys.argv[1]
    role, slots = _native.standing()
    with open(path, "rb") as file:
        header = plan_file.read_header(file)
        difference = header.difference()
        if difference is not None:
            _native.refuse(difference)
            sys.exit(f"error: {difference}")
        for package in header.answers:
            from millstream._answers import answer

            answer(package)
        program = plan_file.read_program(file)
    if isinstance(program, plan_file.TaskProgram):
        from millstream._cluster import tasks

        tasks.serve(program, slots)
    sys.exit(_run(program, os.path.dirname(os.path.abspath(path)), role, slots))


def _run(program: plan_file.StreamProgram, beside: str, role: str, slots: int) -> int:
    from millstream._stream.plan import Planner
    from millstream.flink.errors import JobCancellationException, JobExecutionException

    paths = []
    if role == "executor":
        laid = Laid(program.files, beside)
        paths = laid.module_paths()
        sys.path[1:1] = paths
        laid.link_archives()
    settings = _asked_for(program.settings)
    planner = Planner(program.steps, settings.parallelism, None, paths)
    job = planner.job(program.parameters, settings.checkpoints is not None, slots)
    running = job.plan.start(settings)
    try:
        running.wait()
    except JobCancellationException:
        # Who cancelled it knows what that means; one that was stopped in order comes to its end instead.
        return 1
    except JobExecutionException as error:
        if role == "master":
            sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _asked_for(settings: Any) -> Any:
    """The settings, with what the cluster says: it may have been asked for another parallelism."""
    parallelism = os.environ.get("MILLSTREAM_RESCALED") or os.environ.get("MILLSTREAM_PARALLELISM")
    if parallelism:
        settings = settings._replace(parallelism=int(parallelism))
    restore = os.environ.get("MILLSTREAM_RESTORE")
    if restore and settings.checkpoints is not None:
        *before, _, may_leave = settings.checkpoints
        settings = settings._replace(checkpoints=(*before, restore, may_leave))
    return settings
