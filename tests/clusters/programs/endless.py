from millstream.flink.common import WatermarkStrategy
from millstream.flink.datastream import StreamExecutionEnvironment
from millstream.flink.datastream.connectors.number_seq import NumberSequenceSource

env = StreamExecutionEnvironment.get_execution_environment()
numbers = env.from_source(NumberSequenceSource(0, 1 << 60), WatermarkStrategy.no_watermarks(), "numbers")
numbers.map(lambda n: n + 1).filter(lambda n: n < 4).print()
env.execute("for ever")
