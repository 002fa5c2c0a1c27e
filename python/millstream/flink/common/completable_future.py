"""The result of something that is not done yet."""

from __future__ import annotations

import threading
from typing import Any, Callable, Optional

__all__ = ["CompletableFuture"]


class CompletableFuture:
    """The result of something that is not done yet: what the methods of a `JobClient` give.

    >>> CompletableFuture.completed(3).result()
    3
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        """Begins to do `work`, in a thread of its own."""
        self._done = threading.Event()
        self._result: Any = None
        self._error: Optional[BaseException] = None
        self._cancelled = False
        threading.Thread(target=self._run, args=(work,), name="future", daemon=True).start()

    @classmethod
    def completed(cls, result: Any) -> "CompletableFuture":
        """A future of what is known already."""
        future = cls.__new__(cls)
        future._done = threading.Event()
        future._done.set()
        future._result, future._error, future._cancelled = result, None, False
        return future

    def _run(self, work: Callable[[], Any]) -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:
            error = raised
        if not self._cancelled:
            self._result, self._error = result, error
        self._done.set()

    def cancel(self) -> bool:
        """Stops waiting: `result` then raises. What was begun goes on. Whether it was not done before."""
        if self._done.is_set():
            return False
        self._cancelled = True
        self._error = RuntimeError("the future was cancelled")
        self._done.set()
        return True

    def cancelled(self) -> bool:
        """Whether it was cancelled before it was done."""
        return self._cancelled

    def done(self) -> bool:
        """Whether there is a result, or never will be."""
        return self._done.is_set()

    def result(self) -> Any:
        """Waits for the result and gives it, or raises what went wrong."""
        self._wait()
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self) -> Optional[BaseException]:
        """Waits until it is done, and gives what went wrong, `None` if nothing did."""
        self._wait()
        return self._error

    def _wait(self) -> None:
        # In short waits, so that Ctrl-C is heard on all platforms.
        while not self._done.wait(0.5):
            pass

    def __repr__(self) -> str:
        if not self.done():
            return "CompletableFuture[not completed]"
        return f"CompletableFuture[{'completed' if self._error is None else f'failed: {self._error}'}]"
