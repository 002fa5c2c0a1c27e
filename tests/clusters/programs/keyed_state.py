"""Counts each key in keyed state, and tells every count."""

import sys

from millstream.flink.common import Row, Types
from millstream.flink.datastream import KeyedProcessFunction, RuntimeContext, StreamExecutionEnvironment
from millstream.flink.datastream.state import ValueStateDescriptor


class Count(KeyedProcessFunction):
    def open(self, runtime_context: RuntimeContext):
        self.seen = runtime_context.get_state(ValueStateDescriptor("seen", Types.INT()))

    def process_element(self, value, ctx):
        seen = (self.seen.value() or 0) + 1
        self.seen.update(seen)
        print("counting", value[0])
        yield Row(ctx.get_current_key(), seen)


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
env.enable_checkpointing(500)
words = env.from_collection([(word, 1) for word in sys.argv[1:]], Types.TUPLE([Types.STRING(), Types.INT()]))
counts = words.key_by(lambda pair: pair[0], Types.STRING()).process(
    Count(), Types.ROW([Types.STRING(), Types.INT()])
)
counts.print()
print("job", env.execute("keyed state").get_job_id())
