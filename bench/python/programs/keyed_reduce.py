"""map, filter, key_by, reduce, every update sent on. Arguments: records, parallelism, PyFlink's execution mode."""

import sys
import time

from pyflink.common import Configuration, Types, WatermarkStrategy
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource

KEYS = 1_000
records, parallelism, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
pair = Types.TUPLE([Types.LONG(), Types.LONG()])


def last_sum(key):
    """What all records of a key add up to: its last update, and no other one."""
    count = records // KEYS
    return count * key + KEYS * count * (count - 1) // 2


config = Configuration()
config.set_string("python.execution-mode", mode)
env = StreamExecutionEnvironment.get_execution_environment(config)
env.set_parallelism(parallelism)
numbers = env.from_source(NumberSequenceSource(0, records - 1), WatermarkStrategy.no_watermarks(), "numbers")
(
    numbers.map(lambda n: (n % KEYS, n), output_type=pair)
    .filter(lambda pair: pair[0] % 10 != 0)
    .key_by(lambda pair: pair[0], key_type=Types.LONG())
    .reduce(lambda a, b: (a[0], a[1] + b[1]))
    .filter(lambda pair: pair[1] == last_sum(pair[0]))
    .print()
)
start = time.perf_counter()
env.execute("keyed reduce")
print("seconds", "warm", time.perf_counter() - start)
