import datetime
import decimal

from millstream.flink.common import Instant, Row, Types
from millstream.flink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
one = env.from_collection([1])


def show(name, values, output_type=None):
    one.flat_map(lambda _: values, output_type=output_type).print(name)


show("untyped", [1, 1.5, True, None, "text", ("a", 1, None), ["a", 2.0], {"a": 1}, Row("a", 1), Row(a=1)])
show("string", ["a", "", "ü"], Types.STRING())
show("int", [1, -1, True, 1.9], Types.INT())
show("long", [2**40], Types.LONG())
show(
    "double",
    [1.0, 0.1, 1e7, 1e-3, 1e-4, 12345678.9, -0.0, float("inf"), float("nan"), 3, 1 / 3],
    Types.DOUBLE(),
)
show("float", [0.1, 1 / 3, 16777216.0, 3.4e38, 1e-10], Types.FLOAT())
show("boolean", [True, False, 1], Types.BOOLEAN())
show("decimal", [decimal.Decimal("1.50"), decimal.Decimal(3)], Types.BIG_DEC())
show("tuple", [("a", 1.5, True)], Types.TUPLE([Types.STRING(), Types.DOUBLE(), Types.BOOLEAN()]))
pairs = Types.TUPLE([Types.STRING(), Types.INT()])
show("tuples", [(("a", 1), ["x", "y"])], Types.TUPLE([pairs, Types.LIST(Types.STRING())]))
show("row in tuple", [(Row("a", 1), 2)], Types.TUPLE([Types.ROW([Types.STRING(), Types.INT()]), Types.INT()]))
show("list", [[1, 2], []], Types.LIST(Types.INT()))
show("rows", [[Row("a", 1.0)]], Types.LIST(Types.ROW([Types.STRING(), Types.DOUBLE()])))
show("map", [{"a": 1}, {}, {"b": None}], Types.MAP(Types.STRING(), Types.INT()))
show("array in tuple", [([1, 2], 3)], Types.TUPLE([Types.PRIMITIVE_ARRAY(Types.INT()), Types.INT()]))
show("strings", [(["a", None], 3)], Types.TUPLE([Types.BASIC_ARRAY(Types.STRING()), Types.INT()]))
show("objects", [([("a", 1)], 3)], Types.TUPLE([Types.OBJECT_ARRAY(pairs), Types.INT()]))
show("date", [datetime.date(2020, 1, 2)], Types.SQL_DATE())
show("time", [datetime.time(3, 4, 5)], Types.SQL_TIME())
show("timestamp", [datetime.datetime(2020, 1, 2, 3, 4, 5, 6000)], Types.SQL_TIMESTAMP())
show("instant", [Instant.of_epoch_milli(1500), Instant.of_epoch_milli(0)], Types.INSTANT())
env.execute()
