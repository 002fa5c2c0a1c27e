//! Making topics, writing and reading, by a client that is not the one under test.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

pub(crate) use millstream_kafka_tests::broker;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers);
    config
}

fn admin(servers: &str) -> AdminClient<DefaultClientContext> {
    config(servers).create().unwrap()
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE))
}

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A new topic.
pub(crate) fn topic(name: &str, partitions: i32) -> String {
    let name = unique(name);
    create(&broker(), &name, partitions);
    name
}

/// Makes a topic, and waits until it can be written to.
pub(crate) fn create(servers: &str, name: &str, partitions: i32) {
    create_with(servers, name, partitions, 1);
}

/// As `create`, with so many replicas.
pub(crate) fn create_with(servers: &str, name: &str, partitions: i32, replicas: i32) {
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replicas));
    let made = pollster::block_on(admin(servers).create_topics([&topic], &options())).unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

/// Deletes a topic.
pub(crate) fn delete(servers: &str, name: &str) {
    let gone = pollster::block_on(admin(servers).delete_topics(&[name], &options())).unwrap();
    assert!(gone.iter().all(Result::is_ok), "{gone:?}");
}

/// Gives a topic so many partitions.
pub(crate) fn widen(servers: &str, name: &str, partitions: usize) {
    let wider = NewPartitions::new(name, partitions);
    let made = pollster::block_on(admin(servers).create_partitions([&wider], &options())).unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

/// A record to be written: partition, key, value, time.
pub(crate) struct Written<'a> {
    pub(crate) partition: i32,
    pub(crate) key: Option<&'a str>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) time: Option<i64>,
    pub(crate) header: Option<(&'a str, &'a str)>,
}

impl<'a> Written<'a> {
    pub(crate) fn new(partition: i32, value: &'a str) -> Self {
        Self { partition, key: None, value: Some(value.as_bytes()), time: None, header: None }
    }
}

/// Writes records, and waits until they are there.
pub(crate) fn write<'a>(servers: &str, topic: &str, records: impl IntoIterator<Item = Written<'a>>) {
    let producer: BaseProducer = config(servers).set("linger.ms", "1").create().unwrap();
    send(&producer, topic, records);
    producer.flush(PATIENCE).unwrap();
}

/// Writes values as they are to the first partition.
pub(crate) fn write_bytes(servers: &str, topic: &str, values: &[&[u8]]) {
    write(servers, topic, values.iter().map(|value| Written { value: Some(value), ..Written::new(0, "") }));
}

pub(crate) fn send<'a>(producer: &BaseProducer, topic: &str, records: impl IntoIterator<Item = Written<'a>>) {
    for written in records {
        let mut record = BaseRecord::<str, [u8]>::to(topic).partition(written.partition);
        record.key = written.key;
        record.payload = written.value;
        record.timestamp = written.time;
        record.headers =
            written.header.map(|(key, value)| OwnedHeaders::new().insert(Header { key, value: Some(value) }));
        let mut next = Some(record);
        while let Some(record) = next.take() {
            match producer.send(record) {
                Ok(()) => {}
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    producer.poll(Duration::from_millis(1));
                    next = Some(back);
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
    }
}

/// A producer with a transaction begun.
pub(crate) fn transaction(servers: &str, id: &str) -> BaseProducer {
    let producer: BaseProducer = config(servers).set("transactional.id", id).create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    producer
}

/// All committed records of a topic up to its end, as a reader sees it that does not read beyond an open transaction.
pub(crate) fn read(servers: &str, topic: &str) -> Vec<String> {
    let values = read_bytes(servers, topic).into_iter();
    values.map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
}

/// As `read`, the values as they are.
pub(crate) fn read_bytes(servers: &str, topic: &str) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = config(servers)
        .set("group.id", "tests")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut assigned = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        assigned.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&assigned).unwrap();
    let (mut open, mut values, begun) = (assigned.count(), Vec::new(), Instant::now());
    while open > 0 {
        assert!(begun.elapsed() < PATIENCE, "{topic} cannot be read to its end");
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => panic!("{error}"),
            Some(Ok(message)) => values.push(message.payload().unwrap_or_default().to_vec()),
        }
    }
    values
}

/// The offset that a group has committed.
pub(crate) fn committed(servers: &str, group: &str, topic: &str, partition: i32) -> Option<i64> {
    let consumer: BaseConsumer = config(servers).set("group.id", group).create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, partition);
    let told = consumer.committed_offsets(asked, PATIENCE).unwrap();
    match told.elements()[0].offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}
