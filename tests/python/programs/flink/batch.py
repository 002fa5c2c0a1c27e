# lines in any order
from millstream.flink.common import Types
from millstream.flink.datastream import RuntimeExecutionMode, StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_runtime_mode(RuntimeExecutionMode.BATCH)
env.set_parallelism(1)
sales = env.from_collection(
    [("pear", 3), ("apple", 1), ("pear", 2), ("fig", 7), ("apple", 4)],
    type_info=Types.TUPLE([Types.STRING(), Types.INT()]),
)
by_fruit = sales.key_by(lambda sale: sale[0], key_type=Types.STRING())
by_fruit.reduce(lambda a, b: (a[0], a[1] + b[1])).print("total")
by_fruit.max(1).print("most")
sales.map(lambda sale: sale[1]).print("number")
env.execute("batch")
