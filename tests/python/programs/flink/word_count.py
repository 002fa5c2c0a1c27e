from millstream.flink.common import Types
from millstream.flink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
lines = env.from_collection(["to be or not to be", "that is the question", ""], type_info=Types.STRING())
counts = (
    lines.flat_map(lambda line: line.split(), output_type=Types.STRING())
    .map(lambda word: (word, 1), output_type=Types.TUPLE([Types.STRING(), Types.INT()]))
    .key_by(lambda pair: pair[0], key_type=Types.STRING())
    .reduce(lambda a, b: (a[0], a[1] + b[1]))
)
counts.print()
counts.filter(lambda pair: pair[1] > 1).map(lambda pair: pair[0].upper()).print("again")
env.execute("word count")
