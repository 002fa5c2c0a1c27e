"""The program itself, run by the Python that the peer's client starts.

Answers for the program seeing itself as if it had been run directly (its name, its folder, its arguments),
and for telling the launcher what became of it. Not for what is shown of that.
Holds: what the program prints goes where the launcher's output goes, untouched; the last thing told is how it
ended.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import traceback
from types import TracebackType
from typing import Any, Dict, List, Optional

from millstream.handover import aliases, siblings
from millstream.handover.client import PEERS, Peer
from millstream.handover.translation import translate

#: The environment variable with the file in which the launcher says what to run and where it listens.
TOLD = "MILLSTREAM_HANDOVER"


class Line:
    """The connection to the launcher on which facts are told, one JSON object a line."""

    def __init__(self, path: str) -> None:
        self._connection = connect(path, "facts")
        self._telling = threading.Lock()

    def tell(self, what: str, **facts: Any) -> None:
        """Tells a fact. What the launcher cannot hear any more is dropped."""
        try:
            with self._telling:
                self._connection.sendall((json.dumps({"what": what, **facts}) + "\n").encode())
        except OSError:
            pass

    def end_with_the_launcher(self, told: Dict[str, Any]) -> None:
        """Ends this process, and with it the client and its jobs, when the launcher is gone."""

        def wait() -> None:
            try:
                while self._connection.recv(1):
                    pass
            except OSError:
                pass
            if told["engine"] == "flink":
                from millstream.handover import flink_rest

                flink_rest.cancel_marked(told["master"], told["mark"])
            os.kill(os.getpid(), signal.SIGKILL)

        threading.Thread(target=wait, daemon=True).start()


def connect(path: str, role: str) -> socket.socket:
    """A connection to the launcher that says what it is for."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.sendall(f"{role}\n".encode())
    return connection


def main() -> None:
    """Runs the program that the launcher names. Does not return."""
    with open(os.environ.pop(TOLD), encoding="utf-8") as file:
        told = json.load(file)
    for role, descriptor in (("output", 1), ("errors", 2)):
        os.dup2(connect(told["socket"], role).detach(), descriptor)
    # Shown when it is printed, not when the program ends.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    line = Line(told["socket"])
    line.tell("begun", process=os.getpid())
    line.end_with_the_launcher(told)
    code = 1
    try:
        code = run(told, line)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    # Not by `sys.exit`: the launcher knows the code already, and clients write a traceback about it.
    sys.exit(1 if code else 0)


def run(told: Dict[str, Any], line: Line) -> int:
    """Runs the program to its end and tells how it ended; its exit code."""
    peer, script = PEERS[told["engine"]], told["script"]
    sys.argv[:] = [told["given"], *told["arguments"]]
    sys.path[0:0] = [os.path.dirname(script)]
    with open(script, encoding="utf-8") as file:
        translation = translate(file.read(), script, peer, told["version"])
    siblings.install(os.path.dirname(script), peer, told["version"])
    prepare(peer, told, translation.pending | set(told["pending"]), line)
    main_module = sys.modules["__main__"]
    for name in [name for name in vars(main_module) if not name.startswith("__")]:
        delattr(main_module, name)
    main_module.__file__ = script
    main_module.__spec__ = None
    main_module.__doc__ = None
    code, failure, place = 0, None, None
    try:
        exec(compile(translation.tree, script, "exec", dont_inherit=True), vars(main_module))
    except SystemExit as ending:
        code = _exit_code(ending)
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:
        code, failure = 1, described(error)
        if peer.engine == "spark" and failure[-1]["java"]:
            place = _spark_place()
    line.tell("ended", code=code, failure=failure, place=place)
    return code


def prepare(peer: Peer, told: Dict[str, Any], pending: Any, line: Line) -> None:
    """Makes the client ready for a program written for ours."""
    if peer.engine == "flink":
        from millstream.handover import flink_forms

        flink_forms.install(told["limit_restarts"])
    else:
        from millstream.handover import spark_context

        aliases.install(pending, peer.theirs, spark_context.MODULES)
        spark_context.install(told["master"], line)


def _spark_place() -> Optional[str]:
    from millstream.handover import spark_context

    return spark_context.failed_place()


def _exit_code(ending: SystemExit) -> int:
    if ending.code is None:
        return 0
    if isinstance(ending.code, int):
        return ending.code & 0xFF
    print(ending.code, file=sys.stderr)
    return 1


def described(error: BaseException) -> List[Dict[str, Any]]:
    """The exception and what it came from, the first cause first."""
    found: List[Dict[str, Any]] = []
    seen = set()
    part: Optional[BaseException] = error
    link = None
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        found.append(
            {
                "frames": _frames(part.__traceback__),
                "text": "".join(traceback.format_exception_only(type(part), part)).rstrip("\n"),
                "java": type(part).__name__ == "Py4JJavaError",
                "link": link,
            }
        )
        link = "cause" if part.__cause__ is not None else "context"
        part = part.__cause__ or (None if part.__suppress_context__ else part.__context__)
    return found[::-1]


def _frames(trace: Optional[TracebackType]) -> List[str]:
    """The frames of a traceback as Python prints them, without those of the hand-over itself."""
    ours = os.path.dirname(os.path.abspath(__file__)) + os.sep
    summary = traceback.StackSummary.extract(traceback.walk_tb(trace))
    kept = [frame for frame in summary if not frame.filename.startswith(ours)]
    return traceback.StackSummary.from_list(kept).format()


if __name__ == "__main__":
    main()
