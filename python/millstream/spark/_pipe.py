"""Records through a command of the system."""

from __future__ import annotations

import shlex
from subprocess import PIPE, Popen
from threading import Thread
from typing import Any, Dict, Iterable, Iterator

from millstream.spark.errors import PySparkRuntimeError


class Pipe:
    """Starts a command for each partition, writes the records to it and reads what it prints."""

    def __init__(self, command: str, env: Dict[str, str], check_code: bool) -> None:
        self.command = command
        self.env = env
        self.check_code = check_code

    def __call__(self, index: int, records: Iterable[Any]) -> Iterator[str]:
        process = Popen(shlex.split(self.command), env=self.env, stdin=PIPE, stdout=PIPE)
        assert process.stdin is not None and process.stdout is not None
        # The records are made here, in the thread of the task; only their lines are written by another.
        lines = [(str(record).rstrip("\n") + "\n").encode("utf-8") for record in records]
        writer = Thread(target=self._write, args=[process.stdin, lines], daemon=True)
        writer.start()
        for line in process.stdout:
            yield line.rstrip(b"\n").decode("utf-8")
        writer.join()
        code = process.wait()
        if self.check_code and code:
            raise PySparkRuntimeError(f"the command `{self.command}` ended with exit code {code}")

    @staticmethod
    def _write(to: Any, lines: Iterable[bytes]) -> None:
        try:
            with to:
                to.writelines(lines)
        except BrokenPipeError:
            pass  # a command need not read all
