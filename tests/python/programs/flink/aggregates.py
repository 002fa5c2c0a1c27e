from millstream.flink.common import Row, Types
from millstream.flink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
trades = env.from_collection(
    [("x", 3, 0.5), ("y", 1, 1.5), ("x", 1, 2.5), ("x", 9, 3.5), ("y", 1, 0.25)],
    type_info=Types.TUPLE([Types.STRING(), Types.INT(), Types.DOUBLE()]),
)


def keyed():
    return trades.key_by(lambda trade: trade[0])


keyed().sum(1).print("sum")
keyed().min(1).print("min")
keyed().max(1).print("max")
keyed().min_by(1).print("min_by")
keyed().max_by(2).print("max_by")
keyed().map(lambda trade: trade[1] * trade[2]).print("map")
trades.project(2, 0).print("project")
rows = trades.map(
    lambda t: Row(name=t[0], number=t[1]), Types.ROW_NAMED(["name", "number"], [Types.STRING(), Types.INT()])
)
rows.key_by(lambda row: row.name).sum("number").print("named")
env.execute("aggregates")
