//! Making topics and filling them, by a client that is not the one that is measured.

use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millstream::{Failure, Result};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use super::{KEYS, RECORD};

const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn failed(what: impl Display) -> impl FnOnce(KafkaError) -> Failure {
    let what = what.to_string();
    move |error| Failure::external(what).because(error)
}

/// The topics of a broker.
pub(super) struct Topics {
    config: ClientConfig,
    admin: AdminClient<DefaultClientContext>,
}

impl Topics {
    pub(super) fn at(servers: &str) -> Result<Self> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", servers);
        let admin = config.create().map_err(failed("no client can be made"))?;
        Ok(Self { config, admin })
    }

    fn options() -> AdminOptions {
        AdminOptions::new().operation_timeout(Some(PATIENCE)).request_timeout(Some(PATIENCE))
    }

    /// A topic of this name and size, filled once: the next run finds it.
    pub(super) fn filled(&self, name: &str, partitions: i32, records: u64) -> Result<String> {
        let name = format!("{name}-{partitions}-{records}");
        if self.create(&name, partitions)? {
            self.fill(&name, partitions, records)?;
        }
        let held = self.held(&name, partitions)?;
        if held != records {
            return Err(Failure::external(format!("topic `{name}` holds {held} records, not {records}"))
                .advice(
                    "a run before this one was ended while it filled it: delete it, or start another broker",
                ));
        }
        Ok(name)
    }

    /// An empty topic.
    pub(super) fn fresh(&self, name: &str, partitions: i32) -> Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let name = format!("{name}-{now}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.create(&name, partitions)?;
        Ok(name)
    }

    /// Whether it was not there before.
    fn create(&self, name: &str, partitions: i32) -> Result<bool> {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        let made = pollster::block_on(self.admin.create_topics([&topic], &Self::options()));
        match made.map_err(failed("no topic can be made"))?.pop() {
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code))) => Err(Failure::external(format!("topic `{name}` cannot be made: {code}"))),
            _ => Ok(true),
        }
    }

    pub(super) fn delete(&self, name: &str) -> Result<()> {
        let gone = pollster::block_on(self.admin.delete_topics(&[name], &Self::options()));
        gone.map(drop).map_err(failed(format!("topic `{name}` cannot be deleted")))
    }

    fn held(&self, name: &str, partitions: i32) -> Result<u64> {
        let consumer: BaseConsumer = self.config.create().map_err(failed("no consumer can be made"))?;
        (0..partitions)
            .map(|partition| {
                let ends = consumer.fetch_watermarks(name, partition, PATIENCE);
                ends.map(|(low, high)| (high - low).unsigned_abs())
                    .map_err(failed(format!("the end of topic `{name}` is not known")))
            })
            .sum()
    }

    /// Records of one length: a key of eight digits, and what fills it up.
    fn fill(&self, name: &str, partitions: i32, records: u64) -> Result<()> {
        let mut config = self.config.clone();
        let config = config.set("linger.ms", "50").set("queue.buffering.max.messages", "200000");
        let producer: BaseProducer = config.create().map_err(failed("no producer can be made"))?;
        let keys = crate::keyed_count::numbers(1 << 20, KEYS);
        for (number, key) in (0..records).zip(keys.iter().cycle()) {
            let text = format!("{key:08} {:0width$}", number, width = RECORD - 9);
            let mut next = Some(
                BaseRecord::<(), str>::to(name)
                    .partition((number % partitions.unsigned_abs() as u64) as i32)
                    .payload(&text),
            );
            while let Some(record) = next.take() {
                match producer.send(record) {
                    Ok(()) => {}
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                        producer.poll(Duration::from_millis(10));
                        next = Some(back);
                    }
                    Err((error, _)) => return Err(failed("a topic cannot be filled")(error)),
                }
            }
        }
        producer.flush(PATIENCE).map_err(failed("a topic cannot be filled"))
    }
}
