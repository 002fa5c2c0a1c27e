"""Counts by key in keyed state, from a source that can be read again, into files in two phases.

Usage: `counts.py NAME FOLDER CHECKPOINTS RECORDS RATE`.
"""

import sys

from millstream.flink.common import Configuration, Types
from millstream.flink.common.serialization import Encoder
from millstream.flink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from millstream.flink.datastream.connectors.file_system import FileSink
from millstream.flink.datastream.state import ValueStateDescriptor

name, folder, checkpoints, records, rate = sys.argv[1:]
end, pause = int(records), 50 / int(rate)
FOREVER = 2**31 - 1


class Numbers:
    """All numbers, at a rate, from wherever it was."""

    def read(self, position):
        import time

        for number in range(position or 0, end):
            if number % 50 == 0 and pause > 0.001:
                time.sleep(pause)
            yield number + 1, number


class Count(KeyedProcessFunction):
    def open(self, context):
        self.count = context.get_state(ValueStateDescriptor("count", Types.LONG()))

    def process_element(self, value, ctx):
        count = (self.count.value() or 0) + 1
        self.count.update(count)
        yield f"{ctx.get_current_key()} {count}"


settings = Configuration().set_string("execution.checkpointing.dir", checkpoints)
settings.set_string("restart-strategy.type", "fixed-delay")
settings.set_string("restart-strategy.fixed-delay.attempts", str(FOREVER))
settings.set_string("restart-strategy.fixed-delay.delay", "100 ms")
env = StreamExecutionEnvironment.get_execution_environment(settings).set_parallelism(2)
env.enable_checkpointing(200)
env.get_checkpoint_config().set_tolerable_checkpoint_failure_number(FOREVER)
counts = env.add_source(Numbers()).key_by(lambda number: number % 97).process(Count(), Types.STRING()).uid("counts")
counts.sink_to(FileSink.for_row_format(folder + "/out", Encoder.simple_string_encoder()).build())
env.execute(name)
