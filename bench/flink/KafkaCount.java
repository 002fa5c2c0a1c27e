import java.util.Arrays;

import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/**
 * The benchmark's job from Kafka to Kafka, for Flink: counts records by the number that they begin with and writes each
 * new count, exactly once.
 *
 * <p>Arguments: brokers, topic to read, topic to write, folder of checkpoints.
 *
 * <p>As its documentation says of speed: objects are reused, a record is a number as soon as it is read, types are given
 * so that none goes through Kryo, state is on the heap. The producer's batches and compression are left as they are but
 * for lingering, which is the measure's too.
 */
public final class KafkaCount {
    private static final int RECORD = 100;

    public static void main(String[] arguments) throws Exception {
        String servers = arguments[0];
        String from = arguments[1];
        String to = arguments[2];
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(2);
        env.getConfig().enableObjectReuse();
        env.enableCheckpointing(1000);
        KafkaSource<Long> source = KafkaSource.<Long>builder()
            .setBootstrapServers(servers)
            .setTopics(from)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new Key())
            .setProperty("isolation.level", "read_committed")
            .build();
        KafkaSink<Tuple2<Long, Long>> sink = KafkaSink.<Tuple2<Long, Long>>builder()
            .setBootstrapServers(servers)
            .setRecordSerializer(KafkaRecordSerializationSchema.<Tuple2<Long, Long>>builder()
                .setTopic(to)
                .setValueSerializationSchema(new Line())
                .build())
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(to)
            .setProperty("transaction.timeout.ms", "60000")
            .setProperty("linger.ms", "5")
            .build();
        env.fromSource(source, WatermarkStrategy.noWatermarks(), "numbers", Types.LONG)
            .keyBy(key -> key, Types.LONG)
            .process(new Count())
            .returns(Types.TUPLE(Types.LONG, Types.LONG))
            .sinkTo(sink);
        env.execute("kafka to kafka");
    }

    /** The eight digits that a record begins with. */
    private static final class Key implements DeserializationSchema<Long> {
        @Override
        public Long deserialize(byte[] value) {
            long number = 0;
            for (int at = 0; at < 8; at++) {
                number = number * 10 + (value[at] - '0');
            }
            return number;
        }

        @Override
        public boolean isEndOfStream(Long next) {
            return false;
        }

        @Override
        public TypeInformation<Long> getProducedType() {
            return Types.LONG;
        }
    }

    private static final class Count extends KeyedProcessFunction<Long, Long, Tuple2<Long, Long>> {
        private transient ValueState<Long> count;
        private transient Tuple2<Long, Long> out;

        @Override
        public void open(OpenContext context) {
            count = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
            out = new Tuple2<>();
        }

        @Override
        public void processElement(Long key, Context context, Collector<Tuple2<Long, Long>> into) throws Exception {
            Long before = count.value();
            long now = before == null ? 1 : before + 1;
            count.update(now);
            out.f0 = key;
            out.f1 = now;
            into.collect(out);
        }
    }

    /** Key and count in twenty digits each, and as many spaces as make the record as long as what was read. */
    private static final class Line implements SerializationSchema<Tuple2<Long, Long>> {
        @Override
        public byte[] serialize(Tuple2<Long, Long> pair) {
            byte[] line = new byte[RECORD];
            put(pair.f0, line, 0);
            put(pair.f1, line, 20);
            Arrays.fill(line, 40, RECORD, (byte) ' ');
            return line;
        }

        private static void put(long number, byte[] into, int at) {
            for (int digit = at + 19; digit >= at; digit--) {
                into[digit] = (byte) ('0' + number % 10);
                number /= 10;
            }
        }
    }
}
