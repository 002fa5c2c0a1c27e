"""A program on a terminal of its own: what a person would see and type."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time


class Terminal:
    """Runs a command whose standard streams are a terminal of 100 columns."""

    def __init__(self, arguments, cwd=None, stdout=None):
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            # A prompt that is edited, with colours and escapes, is not what is tested.
            env={**os.environ, "TERM": "dumb", "PYTHON_BASIC_REPL": "1", "PYTHONUTF8": "1"},
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def type(self, text):
        """Types; `\\x03` is Ctrl-C."""
        os.write(self._ours, text.encode())

    def wait_for(self, pattern, seconds=30):
        """Waits until the pattern is seen; gives what came up to there, and forgets it."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found is not None:
                before, self.seen = self.seen[: found.end()], self.seen[found.end() :]
                return before
            assert time.monotonic() < end, f"{pattern!r} did not come, but {self.seen[-500:]!r}"
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"{pattern!r} did not come before the end, but {self.seen[-500:]!r}")

    def rest(self, seconds=30):
        """All that comes until the program has ended."""
        end = time.monotonic() + seconds
        while self._read(end - time.monotonic()):
            assert time.monotonic() < end, f"the program does not end; it said {self.seen!r}"
        self.process.wait(timeout=seconds)
        return self.seen

    def _read(self, seconds):
        if not select.select([self._ours], [], [], max(seconds, 0))[0]:
            return True
        try:
            read = os.read(self._ours, 4096)
        except OSError:  # how Linux says that nobody has the other end open
            return False
        self.seen += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)
