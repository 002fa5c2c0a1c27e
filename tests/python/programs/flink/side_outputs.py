from millstream.flink.common import Types
from millstream.flink.datastream import OutputTag, ProcessFunction, StreamExecutionEnvironment

small = OutputTag("small", Types.INT())
texts = OutputTag("texts", Types.STRING())
untyped = OutputTag("untyped")


class Split(ProcessFunction):
    def process_element(self, value, ctx):
        if value < 3:
            yield small, value
        yield value * 10
        if value % 2:
            yield texts, "odd %d" % value
            yield untyped, (value, "odd")


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
main = env.from_collection([1, 2, 3, 4, 5], Types.INT()).process(Split(), Types.INT())
main.print("main")
main.get_side_output(small).map(lambda n: n + 100).print("small")
main.get_side_output(texts).print("texts")
main.get_side_output(untyped).print("untyped")
env.execute("side outputs")
