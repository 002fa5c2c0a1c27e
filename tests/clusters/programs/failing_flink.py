from pyflink.datastream import StreamExecutionEnvironment


def invert(number):
    return 12 // (number - 2)


env = StreamExecutionEnvironment.get_execution_environment()
env.enable_checkpointing(500)
env.from_collection([1, 2, 3]).map(invert).name("inverse").print()
env.execute("division")
