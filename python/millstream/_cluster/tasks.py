"""An executor of a program that runs elsewhere: tasks of RDDs, in worker interpreters of this machine.

Answers for how workers are started, and for the folder of the files that the program adds. Not for tasks: they come from the
driver by way of the engine.
Holds: there is no folder before there is a file.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from millstream import _native, _worker
from millstream._cluster.plan_file import TaskProgram


#: Where files are laid out that the program adds; the worker removes it behind this process.
FOLDER = "added-files"


def serve(program: TaskProgram, slots: int) -> NoReturn:
    """Runs tasks until the driver is gone, which ends this process."""
    folder = os.path.join(os.getcwd(), FOLDER)
    launch = (
        sys.executable,
        _worker.command(sys.path),
        program.environment,
        "%d.%d.%d" % sys.version_info[:3],
        _worker.told((), folder),
    )
    _native.serve_tasks(slots, launch, folder, program.shuffle_memory, program.cache_memory)
    sys.exit(0)
