"""The peer's client as a child of this process, and what passes between the two.

Answers for output reaching the user as it comes, for facts reaching the engine's part (`flink`, `spark`), for
Ctrl-C and SIGTERM becoming a cancelled job, and for nothing being left: no process, no folder. Not for what a
fact means. Holds: the client is in a session of its own, so that a signal from the terminal reaches this
process alone, which then decides; whatever the program printed is out before `run` returns.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Protocol, Tuple

#: Seconds between two looks at the cluster.
INTERVAL = 0.5
#: Seconds that a program has to end after its job was cancelled, and then after it was told to.
PATIENCE = 20.0
#: What the client runs in the place of the program.
_LAUNCHED = "from millstream.handover.driver import main\n\nmain()\n"


class Engine(Protocol):
    """What differs between the peers."""

    def command(self, launched: str) -> Tuple[List[str], Dict[str, str]]:
        """The client's arguments and environment, for a file to run."""

    def heard(self, fact: Dict[str, Any]) -> None:
        """The driver tells a fact."""

    def said(self, line: str) -> None:
        """The client prints a line."""

    def look(self) -> None:
        """Looks at the cluster; called again and again from a thread of its own, and once after the end."""

    #: Seconds that a program has to end by itself once `cancel` has returned, before it is interrupted.
    grace: float

    def cancel(self) -> None:
        """Ends what runs on the cluster, as far as the cluster does that when it is asked to."""


class Ended:
    """How the client and the program in it ended."""

    def __init__(self) -> None:
        #: The program's exit code, or `None` if it did not come to its end.
        self.code: Optional[int] = None
        #: What the driver told of the exception that ended it.
        self.failure: Optional[List[Dict[str, Any]]] = None
        #: Where a task failed, as far as the driver knows.
        self.place: Optional[str] = None
        #: The client's exit code.
        self.client = 0
        #: The signal that the user sent, if any.
        self.signal: Optional[int] = None
        #: The last lines of the client's own log.
        self.log: Deque[str] = deque(maxlen=40)


class Screen:
    """What is written to the user: the program's output to standard output, all else to standard error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress = ""
        self._terminal = sys.stderr.isatty()

    def note(self, text: str) -> None:
        """A line of ours."""
        self.write(2, f"millstream: {text}\n".encode())

    def write(self, descriptor: int, data: bytes) -> None:
        """Output of the program, as it is."""
        try:
            with self._lock:
                self._clear()
                while data:
                    data = data[os.write(descriptor, data) :]
        except BrokenPipeError:
            # Without a reader of its output a program has no purpose; what we say of it can go unheard.
            if descriptor == 1:
                raise

    def progress(self, text: str) -> None:
        """A line that the next one takes the place of; on a terminal only."""
        if self._terminal:
            with self._lock:
                self._clear()
                self._progress = text[: shutil.get_terminal_size().columns - 1]
                os.write(2, self._progress.encode())

    def _clear(self) -> None:
        if self._progress:
            os.write(2, b"\r" + b" " * len(self._progress) + b"\r")
            self._progress = ""


class Launcher:
    """Runs a client once."""

    def __init__(self, engine: Engine, screen: Screen, told: Dict[str, Any]) -> None:
        self.engine = engine
        self.screen = screen
        self.told = told
        self.ended = Ended()
        self.driver: Optional[int] = None
        self._selector = selectors.DefaultSelector()
        self._lines: Dict[Any, bytes] = {}
        self._over = threading.Event()
        self._cancelled_at: Optional[float] = None
        self._open = 0

    def run(self) -> Ended:
        """Runs the client to its end."""
        folder = tempfile.mkdtemp(prefix="millstream-handover-")
        try:
            with _Signals(self._signalled) as signals:
                self._listen(os.path.join(folder, "s"))
                self._start(folder, os.path.join(folder, "s"))
                looking = threading.Thread(target=self._look, daemon=True)
                looking.start()
                self._selector.register(signals.wakes, selectors.EVENT_READ, lambda: signals.wakes.recv(64))
                try:
                    self._serve()
                finally:
                    self._kill(signal.SIGKILL)
                self._over.set()
                looking.join()
        finally:
            self._selector.close()
            shutil.rmtree(folder, ignore_errors=True)
        return self.ended

    def _listen(self, path: str) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(8)
        self._listener = listener
        self._selector.register(listener, selectors.EVENT_READ, self._accept)

    def _start(self, folder: str, path: str) -> None:
        launched = os.path.join(folder, "program.py")
        with open(launched, "w", encoding="utf-8") as file:
            file.write(_LAUNCHED)
        arguments, environment = self.engine.command(launched)
        told = os.path.join(folder, "told")
        with open(told, "w", encoding="utf-8") as file:
            json.dump({**self.told, "socket": path}, file)
        environment = {**os.environ, **environment, "MILLSTREAM_HANDOVER": told}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        self.client = subprocess.Popen(arguments, env=environment, start_new_session=True, **pipes)  # type: ignore
        self._read_lines(self.client.stdout, self._said)
        self._read_lines(self.client.stderr, self.ended.log.append)

    def _said(self, line: str) -> None:
        self.ended.log.append(line)
        self.engine.said(line)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        role = b""
        while not role.endswith(b"\n"):
            one = connection.recv(1)
            if not one:
                return
            role += one
        if role == b"facts\n":
            self._facts = connection
            self._read_lines(connection, self._told_line)
        else:
            self._copy(connection, 1 if role == b"output\n" else 2)

    def _copy(self, source: socket.socket, descriptor: int) -> None:
        def copy() -> None:
            data = source.recv(1 << 16)
            if data:
                self._write(descriptor, data)
            else:
                self._selector.unregister(source)
                source.close()

        self._selector.register(source, selectors.EVENT_READ, copy)

    def _write(self, descriptor: int, data: bytes) -> None:
        try:
            self.screen.write(descriptor, data)
        except BrokenPipeError:
            # Nobody reads: as for a program that is run directly, that is its end.
            self._signalled(signal.SIGPIPE)

    def _read_lines(self, source: Any, take: Callable[[str], None]) -> None:
        self._lines[source] = b""

        def read() -> None:
            data = os.read(source.fileno(), 1 << 16)
            *whole, rest = (self._lines[source] + data).split(b"\n")
            self._lines[source] = rest
            for line in whole if data else [rest] if rest else []:
                take(line.decode("utf-8", "replace"))
            if not data:
                self._selector.unregister(source)
                source.close()

        self._selector.register(source, selectors.EVENT_READ, read)

    def _told_line(self, line: str) -> None:
        fact = json.loads(line)
        if fact["what"] == "begun":
            self.driver = fact["process"]
        elif fact["what"] == "ended":
            self.ended.code, self.ended.failure, self.ended.place = (
                fact["code"],
                fact["failure"],
                fact["place"],
            )
        elif fact["what"] == "note":
            self.screen.note(fact["text"])
        else:
            self.engine.heard(fact)

    def _serve(self) -> None:
        """Passes on what comes until the client has ended and nothing comes any more."""
        while True:
            ready = self._selector.select(0.2)
            for key, _ in ready:
                key.data()
            if self.client.poll() is not None and not ready:
                self.ended.client = self.client.returncode
                return
            if self._cancelled_at is not None:
                waited = time.monotonic() - self._cancelled_at
                if waited > 2 * PATIENCE:
                    self._kill(signal.SIGKILL)
                elif waited > PATIENCE:
                    self._kill(signal.SIGTERM)

    def _look(self) -> None:
        over = False
        while not over:
            over = self._over.wait(INTERVAL)
            try:
                self.engine.look()
            except BrokenPipeError:
                self._signalled(signal.SIGPIPE)
                return

    def _signalled(self, number: int) -> None:
        """The user wants the end. The second time, at once."""
        if self._cancelled_at is not None:
            self._kill(signal.SIGKILL)
            return
        self.ended.signal = number
        self._cancelled_at = time.monotonic()
        threading.Thread(target=self._cancel, daemon=True).start()

    def _cancel(self) -> None:
        """Ends what runs there, then the program as Ctrl-C would, or the client if the program has not
        begun."""
        self.screen.note("cancelling")
        self.engine.cancel()
        if self._over.wait(self.engine.grace):
            return
        if self.driver is None:
            self._kill(signal.SIGTERM)
            return
        try:
            os.kill(self.driver, signal.SIGINT)
        except ProcessLookupError:
            pass

    def _kill(self, number: int) -> None:
        try:
            os.killpg(self.client.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


class _Signals:
    """SIGINT and SIGTERM call a function and wake the one who waits on `wakes`, as long as this is
    entered."""

    def __init__(self, call: Callable[[int], None]) -> None:
        self._call = call
        self.wakes, self._end = socket.socketpair()
        self.wakes.setblocking(False)
        self._end.setblocking(False)

    def __enter__(self) -> "_Signals":
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._wakeup = signal.set_wakeup_fd(self._end.fileno(), warn_on_full_buffer=False)
            handled = lambda number, frame: self._call(number)  # noqa: E731
            self._before = {
                number: signal.signal(number, handled) for number in (signal.SIGINT, signal.SIGTERM)
            }
        return self

    def __exit__(self, *raised: Any) -> None:
        if self._main:
            signal.set_wakeup_fd(self._wakeup)
            for number, before in self._before.items():
                signal.signal(number, before)
        self.wakes.close()
        self._end.close()
