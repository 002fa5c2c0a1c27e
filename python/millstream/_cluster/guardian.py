"""Ends a job when the program that sent it is gone: `python -m millstream._cluster.guardian JOB MASTER TOKEN_FILE TLS`.

Answers for noticing that, however the program came to its end, kill -9 included: its standard input is a pipe that the
program holds. Not for a machine that is gone with all its processes: its jobs go on.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

from millstream import _native
from millstream._cluster.target import Target


def watch(job: str, target: Target) -> "subprocess.Popen[bytes]":
    """Starts a guardian for a job. It ends with the job, if it is told so by `release`."""
    told = [job, target.master, target.token_file or "", target.tls or ""]
    command = [sys.executable, "-m", "millstream._cluster.guardian", *told]
    # Not of the terminal's: Ctrl-C is for the program, which knows what it means.
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def release(guardian: Any) -> None:
    """The job has ended: there is nothing to watch any more."""
    try:
        guardian.communicate(b"ended\n")
    except OSError:
        # It was ended by somebody else.
        guardian.wait()


def main() -> None:
    """Watches."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    job, master, token_file, tls = sys.argv[1:]
    if sys.stdin.readline():
        return
    try:
        _native.Cluster(master, token_file or None, tls or None).cancel(job)
    except RuntimeError:
        # It has ended by itself.
        pass


if __name__ == "__main__":
    main()
