import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.Protocol;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.ipc.generic.GenericResponder;
import org.apache.avro.ipc.netty.NettyServer;
import org.apache.flume.Context;
import org.apache.flume.Event;
import org.apache.flume.FlumeException;
import org.apache.flume.Transaction;
import org.apache.flume.conf.Configurable;
import org.apache.flume.sink.AbstractSink;

/**
 * A sink out of which events are pulled, in the protocol of the sink that Spark brings for Flume: stands in for that one in
 * tests. A batch is lent within a transaction of the channel; "ack" commits it, "nack" or silence rolls it back.
 *
 * Properties: hostname (127.0.0.1), port, timeout (seconds until a batch without a verdict is rolled back, 60), patience
 * (milliseconds to wait for a first event, 500).
 */
public final class PullSink extends AbstractSink implements Configurable {
  private static final String EVENT = "{'type':'record','name':'SparkSinkEvent','fields':["
      + "{'name':'headers','type':{'type':'map','values':'string'}},{'name':'body','type':'bytes'}]}";
  private static final String BATCH = "{'type':'record','name':'EventBatch','fields':["
      + "{'name':'errorMsg','type':'string','default':''},{'name':'sequenceNumber','type':'string'},"
      + "{'name':'events','type':{'type':'array','items':'SparkSinkEvent'}}]}";
  private static final String VERDICT =
      "{'request':[{'name':'sequenceNumber','type':'string'}],'response':'null'}";
  private static final Protocol PROTOCOL = Protocol.parse(
      ("{'protocol':'SparkFlumeProtocol','namespace':'org.apache.spark.flume','types':[" + EVENT + "," + BATCH
          + "],'messages':{'getEventBatch':{'request':[{'name':'n','type':'int'}],'response':'EventBatch'},'ack':"
          + VERDICT + ",'nack':" + VERDICT + "}}").replace('\'', '"'));

  private final Map<String, CompletableFuture<Boolean>> lent = new ConcurrentHashMap<>();
  private final AtomicLong number = new AtomicLong();
  private final String prefix = Long.toHexString(System.nanoTime());
  private String hostname;
  private int port;
  private long timeout;
  private long patience;
  private NettyServer server;

  @Override
  public void configure(Context context) {
    hostname = context.getString("hostname", "127.0.0.1");
    port = context.getInteger("port");
    timeout = context.getLong("timeout", 60L);
    patience = context.getLong("patience", 500L);
  }

  @Override
  public synchronized void start() {
    try {
      server = new NettyServer(new Answers(), new InetSocketAddress(hostname, port));
    } catch (InterruptedException e) {
      throw new FlumeException("cannot listen on port " + port, e);
    }
    super.start();
  }

  @Override
  public synchronized void stop() {
    server.close();
    lent.values().forEach(verdict -> verdict.complete(false));
    super.stop();
  }

  /** All work is done for those who ask. */
  @Override
  public Status process() {
    return Status.BACKOFF;
  }

  private final class Answers extends GenericResponder {
    Answers() {
      super(PROTOCOL);
    }

    @Override
    public Object respond(Protocol.Message message, Object arguments) throws Exception {
      GenericRecord asked = (GenericRecord) arguments;
      if (message.getName().equals("getEventBatch")) {
        // A transaction belongs to the thread that began it, so that each batch has one of its own.
        CompletableFuture<GenericRecord> batch = new CompletableFuture<>();
        Thread lender = new Thread(() -> lend((Integer) asked.get("n"), batch), "lender");
        lender.setDaemon(true);
        lender.start();
        return batch.get();
      }
      CompletableFuture<Boolean> verdict = lent.remove(asked.get("sequenceNumber").toString());
      if (verdict != null) {
        verdict.complete(message.getName().equals("ack"));
      }
      return null;
    }
  }

  private void lend(int most, CompletableFuture<GenericRecord> batch) {
    Transaction transaction = getChannel().getTransaction();
    transaction.begin();
    boolean taken = false;
    try {
      List<GenericRecord> events = take(most);
      if (events.isEmpty()) {
        batch.complete(batch("there are no events", "", events));
        return;
      }
      String sequence = prefix + "-" + number.incrementAndGet();
      CompletableFuture<Boolean> verdict = new CompletableFuture<>();
      lent.put(sequence, verdict);
      batch.complete(batch("", sequence, events));
      try {
        taken = verdict.get(timeout, TimeUnit.SECONDS);
      } catch (TimeoutException e) {
        lent.remove(sequence);
      }
    } catch (Throwable e) {
      batch.completeExceptionally(e);
    } finally {
      if (taken) {
        transaction.commit();
      } else {
        transaction.rollback();
      }
      transaction.close();
    }
  }

  private List<GenericRecord> take(int most) throws InterruptedException {
    List<GenericRecord> events = new ArrayList<>();
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patience);
    while (events.size() < most) {
      Event event = getChannel().take();
      if (event != null) {
        GenericRecord one = new GenericData.Record(PROTOCOL.getType("org.apache.spark.flume.SparkSinkEvent"));
        one.put("headers", event.getHeaders());
        one.put("body", ByteBuffer.wrap(event.getBody()));
        events.add(one);
      } else if (!events.isEmpty() || System.nanoTime() > end) {
        break;
      } else {
        Thread.sleep(10);
      }
    }
    return events;
  }

  private static GenericRecord batch(String error, String sequence, List<GenericRecord> events) {
    GenericRecord batch = new GenericData.Record(PROTOCOL.getType("org.apache.spark.flume.EventBatch"));
    batch.put("errorMsg", error);
    batch.put("sequenceNumber", sequence);
    batch.put("events", events);
    return batch;
  }
}
