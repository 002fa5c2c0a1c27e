"""Functions that emit as they like: to side outputs too, and with timers where there is a key.

Holds: what a function emits has the time of the record, or of the event-time timer, that it was called for.
"""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional, Tuple

from millstream._stream.faults import at, at_next
from millstream._stream.keyed_operations import keys_of
from millstream._stream.operations import NO_TIME, RUN, Operation, Records, Times
from millstream.flink.datastream.functions import KeyedProcessFunction, ProcessFunction
from millstream.flink.datastream.output_tag import OutputTag
from millstream.flink.datastream.time_domain import TimeDomain
from millstream.flink.datastream.timerservice import TimerService

_NO_KEY = "timers can only be set on a keyed stream: call key_by(...) in front of process(...)"


class Emitting(Operation):
    """What emits any number of records, to the main output and to side outputs."""

    def __init__(self, name: str, function: Any, convert: Any) -> None:
        super().__init__(name, function, None, convert)  # type: ignore[arg-type]
        self.sides: Dict[str, Any] = {}
        self._made: Records = []
        self._stamps: List[int] = []
        self._aside: Dict[str, Tuple[Records, List[int]]] = {}

    def take(self, results: Any, moment: int) -> None:
        """Takes what a function gave for a call at this time."""
        if results is None:
            return
        convert = self.convert
        for result in results:
            if type(result) is tuple and result and isinstance(result[0], OutputTag):
                self._take_aside(result[0], result[1], moment)
                continue
            self._made.append(result if convert is None else convert(result))
            self._stamps.append(moment)
            if len(self._made) >= RUN:
                self.flush()

    def _take_aside(self, tag: OutputTag, value: Any, moment: int) -> None:
        if not tag.type_info.takes_everything:
            value = tag.type_info.convert(value)
        if tag.tag_id in self.sides:
            records, stamps = self._aside.setdefault(tag.tag_id, ([], []))
            records.append(value)
            stamps.append(moment)
            if len(records) >= RUN:
                self.flush()

    def flush(self) -> None:
        """Hands on what was taken."""
        if self._made:
            made, stamps = self._made, self._stamps
            self._made, self._stamps = [], []
            self.down.batch(made, timed(stamps))
        if self._aside:
            aside, self._aside = self._aside, {}
            for tag, (records, stamps) in aside.items():
                self.sides[tag].batch(records, timed(stamps))

    def _all(self) -> List[Any]:
        return [self.down, *self.sides.values()]

    def watermark(self, time: int) -> None:
        self.flush()
        for one in self._all():
            one.watermark(time)

    def idle(self) -> None:
        self.flush()
        for one in self._all():
            one.idle()

    def end(self) -> None:
        self.flush()
        for one in self._all():
            one.end()

    def close(self) -> None:
        super().close()
        for side in self.sides.values():
            side.close()


def timed(stamps: List[int]) -> Times:
    """The times, `None` if there are none."""
    return None if NO_TIME in stamps and all(stamp == NO_TIME for stamp in stamps) else stamps


def now() -> int:
    """The clock's time, in milliseconds."""
    return int(time.time() * 1000)


class Service(TimerService):
    """The time and the timers of the current key; without a key, the time alone."""

    def __init__(self, keyed: Any) -> None:
        self._keyed = keyed
        self.reached = NO_TIME

    def current_processing_time(self) -> int:
        return now()

    def current_watermark(self) -> int:
        return self.reached if self._keyed is None else self._keyed.current_watermark

    def _timers(self) -> Any:
        if self._keyed is None:
            raise RuntimeError(_NO_KEY)
        return self._keyed

    def register_processing_time_timer(self, timestamp: int) -> None:
        self._timers().register(False, int(timestamp))

    def register_event_time_timer(self, timestamp: int) -> None:
        self._timers().register(True, int(timestamp))

    def delete_processing_time_timer(self, timestamp: int) -> None:
        self._timers().delete(False, int(timestamp))

    def delete_event_time_timer(self, timestamp: int) -> None:
        self._timers().delete(True, int(timestamp))


class Around(ProcessFunction.Context, KeyedProcessFunction.OnTimerContext):
    """The context of a call."""

    def __init__(self, keyed: Any) -> None:
        self._keyed = keyed
        self.service = Service(keyed)
        self.moment = NO_TIME
        self.domain = TimeDomain.EVENT_TIME

    def timer_service(self) -> TimerService:
        return self.service

    def timestamp(self) -> Optional[int]:  # type: ignore[override]
        return None if self.moment == NO_TIME else self.moment

    def get_current_key(self) -> Any:
        return self._keyed.key

    def time_domain(self) -> TimeDomain:
        return self.domain


class Process(Emitting):
    """A function without a key."""

    def __init__(self, name: str, function: Any, convert: Any) -> None:
        super().__init__(name, function, convert)
        self._around = Around(None)

    def batch(self, records: Records, times: Times) -> None:
        self._each(self.function.process_element, records, times)

    def _each(self, call: Any, records: Records, times: Times) -> None:
        around, rest = self._around, iter(records)
        moments = iter(times) if times is not None else None
        try:
            for record in rest:
                if moments is not None:
                    around.moment = next(moments)
                self.take(call(record, around), around.moment)
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self.flush()

    def watermark(self, time: int) -> None:
        self._around.service.reached = max(time, self._around.service.reached)
        super().watermark(time)


class KeyedProcess(Emitting):
    """A function with state and timers for each key."""

    def __init__(self, name: str, function: Any, convert: Any, key: Any, keyed: Any) -> None:
        super().__init__(name, function, convert)
        self._key, self._keyed = key, keyed
        self._around = Around(keyed)
        keyed.on_timer = self._on_timer
        keyed.after_timers = self.flush

    def batch(self, records: Records, times: Times) -> None:
        self._each(self.function.process_element, self._key, records, times)

    def _each(self, call: Any, key: Any, records: Records, times: Times) -> None:
        keys = keys_of(records, key, self.name)
        around, keyed, rest = self._around, self._keyed, iter(records)
        around.moment = NO_TIME
        moments = iter(times) if times is not None else None
        try:
            for keyed.key, record in zip(keys, rest):
                if moments is not None:
                    around.moment = next(moments)
                results = call(record, around)
                if results is not None:
                    self.take(results, around.moment)
        except BaseException as error:
            raise at_next(error, self.name, records, rest) from None
        self.flush()

    def _on_timer(self, in_event_time: bool, time: int) -> None:
        around = self._around
        around.moment = time
        around.domain = TimeDomain.EVENT_TIME if in_event_time else TimeDomain.PROCESSING_TIME
        try:
            self.take(self.function.on_timer(time, around), time if in_event_time else NO_TIME)
        except BaseException as error:
            raise at(error, f"{self.name} (a timer)") from None


class CoProcess(Process):
    """A function of two streams without keys."""

    def batch_of(self, input: int, records: Records, times: Times) -> None:
        """Takes records of one of the streams."""
        self._each(
            self.function.process_element2 if input else self.function.process_element1, records, times
        )


class KeyedCoProcess(KeyedProcess):
    """A function of two keyed streams."""

    def __init__(self, name: str, function: Any, convert: Any, keys: Tuple[Any, Any], keyed: Any) -> None:
        super().__init__(name, function, convert, keys[0], keyed)
        self._keys = keys

    def batch_of(self, input: int, records: Records, times: Times) -> None:
        """Takes records of one of the streams."""
        call = self.function.process_element2 if input else self.function.process_element1
        self._each(call, self._keys[input], records, times)
