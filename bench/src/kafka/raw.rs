//! librdkafka by itself: its batch queue, and a consumer with a transactional producer behind it in one loop.
#![allow(unsafe_code, reason = "what is measured is a C library")]

use std::ffi::CString;
use std::time::{Duration, Instant};

use millstream::{Failure, Result};
use rdkafka::bindings as sys;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::Volume;
use super::topics::failed;

const PATIENCE: Duration = Duration::from_secs(60);
/// How many records one call takes at most.
const MOST: usize = 4096;
/// How often a transaction is committed.
const INTERVAL: Duration = Duration::from_secs(1);

/// Partitions of a topic, read from their first record to their ends.
struct Reading {
    consumer: BaseConsumer,
    queue: *mut sys::rd_kafka_queue_t,
    open: i32,
}

impl Reading {
    fn new(servers: &str, topic: &str, partitions: i32) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", servers)
            .set("group.id", "bench")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .set("queued.min.messages", "1000000")
            .set("fetch.wait.max.ms", "100")
            .set("check.crcs", "false")
            .create()
            .map_err(failed("no consumer can be made"))?;
        let mut assigned = TopicPartitionList::new();
        for partition in 0..partitions {
            let added = assigned.add_partition_offset(topic, partition, Offset::Beginning);
            added.map_err(failed("a partition cannot be read"))?;
        }
        consumer.assign(&assigned).map_err(failed("a topic cannot be read"))?;
        // SAFETY: the handle is a consumer's, and outlives the queue, which `drop` gives back first.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Ok(Self { consumer, queue, open: partitions })
    }

    /// Hands over what has come: pointer and length of each value. Whether there is more.
    fn next(&mut self, mut take: impl FnMut(*mut std::ffi::c_void, usize) -> Result<()>) -> Result<bool> {
        let mut fetched = [std::ptr::null_mut::<sys::rd_kafka_message_t>(); MOST];
        // SAFETY: the queue is alive; each message is destroyed once, after its last use.
        unsafe {
            let count = sys::rd_kafka_consume_batch_queue(self.queue, 100, fetched.as_mut_ptr(), MOST);
            let mut outcome = Ok(());
            for message in &fetched[..usize::try_from(count).unwrap_or(0)] {
                match (**message).err {
                    sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR if outcome.is_ok() => {
                        outcome = take((**message).payload, (**message).len);
                    }
                    sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => self.open -= 1,
                    _ => {}
                }
                sys::rd_kafka_message_destroy(*message);
            }
            outcome?;
        }
        Ok(self.open > 0)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // SAFETY: got by `new`, and given back here alone.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) };
        let _ended = self.consumer.unassign();
    }
}

/// Reads a topic to its end.
pub(super) fn read(servers: &str, topic: &str, partitions: i32) -> Result<Volume> {
    let mut reading = Reading::new(servers, topic, partitions)?;
    let mut volume = Volume::default();
    while reading.next(|_, length| {
        volume.records += 1;
        volume.bytes += length as u64;
        Ok(())
    })? {}
    Ok(volume)
}

/// Copies a topic of two partitions to another in transactions.
pub(super) fn copy(servers: &str, from: &str, to: &str, records: u64) -> Result<()> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("transactional.id", to)
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "1000000")
        .set("delivery.report.only.error", "true")
        .create()
        .map_err(failed("no producer can be made"))?;
    producer.init_transactions(PATIENCE).map_err(failed("no transaction can be begun"))?;
    producer.begin_transaction().map_err(failed("no transaction can be begun"))?;
    let name = CString::new(to).map_err(|_| Failure::internal("a topic has a zero byte in its name"))?;
    // SAFETY: the handle is alive; the topic is destroyed below, behind its last use.
    let topic = unsafe {
        sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), std::ptr::null_mut())
    };
    let (mut reading, mut begun, mut copied) = (Reading::new(servers, from, 2)?, Instant::now(), 0_u64);
    let outcome = loop {
        let more = reading.next(|value, length| {
            copied += 1;
            let partition = (copied % 2) as i32;
            loop {
                // SAFETY: the value is copied by the call, in which it is alive.
                let code = unsafe {
                    let (copy, none) = (sys::RD_KAFKA_MSG_F_COPY as i32, std::ptr::null_mut());
                    sys::rd_kafka_produce(topic, partition, copy, value, length, none, 0, none)
                };
                if code == 0 {
                    return Ok(());
                }
                // SAFETY: asks for the error of the call before, in this thread.
                let error = unsafe { sys::rd_kafka_last_error() };
                if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL {
                    return Err(Failure::external(format!("a record cannot be written: {error:?}")));
                }
                producer.poll(Duration::from_millis(1));
            }
        });
        match more {
            Ok(true) if begun.elapsed() >= INTERVAL => {
                let next = producer.commit_transaction(PATIENCE).and_then(|()| producer.begin_transaction());
                if let Err(error) = next {
                    break Err(failed("a transaction cannot be committed")(error));
                }
                begun = Instant::now();
            }
            Ok(true) => {}
            Ok(false) => {
                let last = producer.commit_transaction(PATIENCE);
                break last.map_err(failed("a transaction cannot be committed"));
            }
            Err(failure) => break Err(failure),
        }
    };
    // SAFETY: made above, and used no more.
    unsafe { sys::rd_kafka_topic_destroy(topic) };
    outcome?;
    if copied != records {
        return Err(Failure::internal(format!("{copied} records were copied of {records}")));
    }
    Ok(())
}
