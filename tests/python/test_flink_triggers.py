"""Triggers that emit again and again while a window is open."""

from typing import Any, List, Tuple

import pytest

from millstream.flink.common import Duration, Time, Types, WatermarkStrategy
from millstream.flink.common.watermark_strategy import TimestampAssigner
from millstream.flink.datastream import StreamExecutionEnvironment
from millstream.flink.datastream.window import (
    ContinuousEventTimeTrigger,
    ContinuousProcessingTimeTrigger,
    TimeWindow,
    TriggerResult,
    TumblingEventTimeWindows,
)


class ByTime(TimestampAssigner):
    def extract_timestamp(self, value: Any, record_timestamp: int) -> int:
        return value[1]


def test_a_window_is_emitted_each_time_and_at_its_end() -> None:
    env = StreamExecutionEnvironment.get_execution_environment()
    events = env.from_collection([("a", at) for at in (0, 1_000, 4_000, 8_000, 12_000)])
    times = WatermarkStrategy.for_bounded_out_of_orderness(Duration.of_seconds(0))
    counts = (
        events.assign_timestamps_and_watermarks(times.with_timestamp_assigner(ByTime()))
        .map(lambda event: (event[1] // 10_000, 1), output_type=Types.TUPLE([Types.LONG(), Types.LONG()]))
        .key_by(lambda pair: pair[0])
        .window(TumblingEventTimeWindows.of(Time.seconds(10)))
        .trigger(ContinuousEventTimeTrigger.of(Time.seconds(3)))
        .reduce(lambda one, other: (one[0], one[1] + other[1]))
    )
    seen: List[Tuple[int, int]] = list(counts.execute_and_collect())
    first, second = ([count for window, count in seen if window == wanted] for wanted in (0, 1))
    # At 3, 6 and 9 seconds and at the end; at 15 and 18 seconds and at the end.
    assert (len(first), first[-1]) == (4, 4)
    assert second == [1, 1, 1]


class Waiting:
    """A trigger's surroundings that write down what is asked of them."""

    def __init__(self, kind: str, now: int) -> None:
        self.kind, self.now, self.timers, self.due = kind, now, [], None

    def __getattr__(self, name: str) -> Any:
        if name == f"register_{self.kind}_timer":
            return self.timers.append
        if name == f"delete_{self.kind}_timer":
            return self.timers.remove
        raise AttributeError(name)

    def get_current_processing_time(self) -> int:
        return self.now

    def get_current_watermark(self) -> int:
        return -1

    def get_partitioned_state(self, descriptor: Any) -> "Waiting":
        return self

    def get(self) -> Any:
        return self.due

    def add(self, time: int) -> None:
        self.due = time

    def clear(self) -> None:
        self.due = None


@pytest.mark.parametrize(
    "trigger, kind, end",
    [
        (ContinuousEventTimeTrigger(3_000), "event_time", [9_999]),
        (ContinuousProcessingTimeTrigger(3_000), "processing_time", []),
    ],
)
def test_it_waits_for_multiples_of_its_interval_on_its_own_clock(trigger: Any, kind: str, end: List[int]) -> None:
    waiting, window = Waiting(kind, 4_100), TimeWindow(0, 10_000)
    tell = getattr(trigger, f"on_{kind}")
    for _ in range(2):
        assert trigger.on_element("record", 4_100, window, waiting) is TriggerResult.CONTINUE
    assert sorted(set(waiting.timers)) == [6_000, *end]
    assert tell(5_000, window, waiting) is TriggerResult.CONTINUE
    assert tell(6_000, window, waiting) is TriggerResult.FIRE
    assert waiting.due == 9_000
    assert tell(9_000, window, waiting) is TriggerResult.FIRE
    assert waiting.due == 9_999, "the window's end comes before the next time"
    trigger.clear(window, waiting)
    assert waiting.due is None and waiting.timers.count(9_999) <= 2 * len(end)
