from millstream.flink.datastream import StreamExecutionEnvironment

env = StreamExecutionEnvironment.get_execution_environment()

data_stream = env.add_source(range(1, 4))

result_stream = data_stream.map(lambda x: x * 2)

result_stream.add_sink(lambda x: print("sink", x, flush=True))

env.execute("Flink Streaming Example")
