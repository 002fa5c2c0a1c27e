"""What is done about time, and about text."""

from __future__ import annotations

import time
from typing import Any, Callable, Optional

from millstream._stream.faults import at_next
from millstream._stream.operations import LAST, NO_TIME, Operation, Records, Times


class Text(Operation):
    """Makes text of each record, for printing."""

    def __init__(self, name: str, printed: Optional[Any]) -> None:
        super().__init__(name, None, str if printed is None else printed.printed)

    def batch(self, records: Records, times: Times) -> None:
        call, rest = self.call, iter(records)
        try:
            texts = [call(record) for record in rest]
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self.down.batch(texts, None)


def _stamp(time: Any) -> int:
    if type(time) is int:
        return time
    if isinstance(time, float) or hasattr(type(time), "__index__"):
        return int(time)
    raise TypeError(
        f"extract_timestamp gave {time!r} of type {type(time).__name__}, a time is a whole number (ms)"
    )


class Timestamps(Operation):
    """Gives records their times, and the stream its watermarks, by a `WatermarkStrategy`."""

    def __init__(self, name: str, strategy: Any, place: Any) -> None:
        assigner = strategy._timestamp_assigner
        super().__init__(name, assigner, None if assigner is None else assigner.extract_timestamp)  # type: ignore
        self._bound: Optional[int] = strategy._out_of_orderness
        self._idle_after: Optional[int] = None if place.is_batch else strategy._idle_timeout
        self._is_batch = place.is_batch
        self._newest = NO_TIME
        self._watermark = NO_TIME
        self._is_idle = False
        self._last_record = self._now()

    @staticmethod
    def _now() -> int:
        return int(time.time() * 1000)

    def batch(self, records: Records, times: Times) -> None:
        call: Optional[Callable[..., int]] = self.call
        if call is not None:
            rest = iter(records)
            try:
                before = times if times is not None else [NO_TIME] * len(records)
                stamps = [_stamp(call(record, known)) for known, record in zip(before, rest)]
            except BaseException as error:
                raise at_next(error, self.name, records, rest) from None
        elif times is not None:
            stamps = times
        elif self._bound is None:
            self.down.batch(records, None)
            return
        else:
            raise ValueError(
                "watermarks are to be made, but the records have no event time: say where it is with "
                "with_timestamp_assigner(...) on the watermark strategy"
            )
        was_idle, self._is_idle = self._is_idle, False
        if self._idle_after is not None:
            self._last_record = self._now()
        self.down.batch(records, stamps)
        if self._bound is None or self._is_batch:
            return
        self._newest = max(self._newest, max(stamps))
        watermark = self._newest - self._bound - 1
        if watermark > self._watermark or was_idle:
            self._watermark = max(watermark, self._watermark)
            self.down.watermark(self._watermark)

    def watermark(self, time: int) -> None:
        """Those in front end here, but for the last one."""
        if time == LAST:
            self.down.watermark(time)

    def wake(self) -> Optional[int]:
        """When to look whether there were records."""
        if self._idle_after is None or self._is_idle:
            return None
        return self._last_record + self._idle_after

    def tick(self, now: int) -> None:
        """Says that nothing came, if nothing did."""
        if self._idle_after is None or self._is_idle or now < self._last_record + self._idle_after:
            return
        self._is_idle = True
        self.down.idle()
