from millstream.flink.common import Row, RowKind, Types
from millstream.flink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
person = Types.ROW_NAMED(["name", "age", "tall"], [Types.STRING(), Types.INT(), Types.BOOLEAN()])
people = env.from_collection(
    [Row("Alice", 11, True), ("Bob", 22, False), Row(name="Carol", age=33, tall=True)], person
)
people.print("people")
older = people.map(lambda row: Row(row.name, row["age"] + 1, row[2]), output_type=person)
older.print("older")
older.map(lambda row: Row(row.name, row.as_dict()["age"])).print("untyped")
older.map(
    lambda row: Row(row.name, None, 0.5), Types.ROW([Types.STRING(), Types.INT(), Types.DOUBLE()])
).print("none")
kinds = older.map(
    lambda row: Row.of_kind(RowKind.DELETE if row.age > 20 else RowKind.UPDATE_AFTER, row.name, row.age),
    output_type=Types.ROW([Types.STRING(), Types.INT()]),
)
kinds.print("kinds")
within = Types.ROW(
    [Types.TUPLE([Types.STRING()]), Types.LIST(Types.INT()), Types.MAP(Types.STRING(), Types.INT())]
)
older.map(lambda row: Row((row.name,), [row.age, 1], {"age": row.age}), output_type=within).print("within")
env.execute()
