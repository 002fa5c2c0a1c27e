//! Topics of Kafka as a sink.
//!
//! Answers for at least once (an idempotent producer) and exactly once (a transaction for each checkpoint and subtask). Not
//! for readers: those that do not ask for read_committed see what is not committed too.
//! Holds: exactly once, records of a transaction are visible once their checkpoint is complete, and only then.

#[cfg(feature = "kafka-tls")]
mod door;
#[cfg(not(feature = "kafka-tls"))]
#[path = "open_door.rs"]
mod door;
mod encoding;
mod following;
mod partitions;
mod patience;
#[cfg(feature = "kafka-tls")]
mod scram;
mod transactions;
mod wire;
mod writer;

pub use transactions::StagedTransaction;
pub use wire::ProducerId;
pub use writer::WriterState;

use std::fmt::{self, Display, Write as _};
use std::sync::Arc;
use std::time::Duration;

use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::{Committer, Sink, WriterContext, WriterOf};
use millstream_dataflow::source::Promise;
#[cfg(feature = "avro")]
use millstream_formats::avro::AvroEncode;
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::record::Record;
use millstream_model::settings::shown_duration;
use millstream_model::time::Timestamp;
use serde::Serialize;

use self::door::Door;
use self::transactions::Transactions;
use super::settings::{self, SINK_SETTINGS};

/// What holds of records across a kill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// None is lost; after a restart those since the last checkpoint are there twice.
    #[default]
    AtLeastOnce,
    /// Each is there once for readers with `isolation.level=read_committed`, which see it when its checkpoint is complete.
    ExactlyOnce {
        /// What the names of transactions begin with. No two jobs of a cluster may use the same, and a job uses the same
        /// each time: it finds by it what it had left open.
        prefix: String,
    },
}

/// A record as it goes to Kafka. Its memory is used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct ToKafka {
    topic: Option<String>,
    partition: Option<i32>,
    key: Vec<u8>,
    has_key: bool,
    value: Vec<u8>,
    is_deletion: bool,
    headers: Vec<(String, Vec<u8>)>,
    time: Option<Timestamp>,
}

impl ToKafka {
    /// The value, to be filled.
    pub fn value(&mut self) -> &mut Vec<u8> {
        &mut self.value
    }

    /// The key, to be filled. Records with the same key go to the same partition.
    pub fn key(&mut self) -> &mut Vec<u8> {
        self.has_key = true;
        &mut self.key
    }

    /// The topic, instead of the sink's.
    pub fn set_topic(&mut self, topic: impl Into<String>) {
        self.topic = Some(topic.into());
    }

    /// The partition, instead of the one that the key says.
    pub fn set_partition(&mut self, partition: i32) {
        self.partition = Some(partition);
    }

    /// The time, instead of that of writing.
    pub fn set_time(&mut self, time: Timestamp) {
        self.time = Some(time);
    }

    /// Adds a header.
    pub fn add_header(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.headers.push((name.into(), value.into()));
    }

    /// Says that the key is deleted: there is no value.
    pub fn delete(&mut self) {
        self.is_deletion = true;
    }

    fn clear(&mut self) {
        (self.topic, self.partition, self.time) = (None, None, None);
        (self.has_key, self.is_deletion) = (false, false);
        self.key.clear();
        self.value.clear();
        self.headers.clear();
    }
}

type Choose<T> = Arc<dyn Fn(&T, i32) -> i32 + Send + Sync>;
type Encode<T> = Arc<dyn Fn(&T, &mut ToKafka) -> Result<(), BoxError> + Send + Sync>;

/// Writes records to topics: as text, unless something else is said.
///
/// ```
/// use millstream_connectors::kafka::Kafka;
///
/// let counts = Kafka::write_encoded::<(String, u64)>("localhost:9092")
///     .topic("counts")
///     .encode_with(|(word, count), out| {
///         out.key().extend(word.as_bytes());
///         out.value().extend(count.to_string().as_bytes());
///         Ok(())
///     })
///     .exactly_once("word-count")
///     .set("transaction-timeout", "5 min");
/// ```
pub struct KafkaSink<T> {
    settings: settings::Chosen,
    topic: Option<String>,
    encode: Encode<T>,
    /// Chooses among the partitions that there are.
    choose: Option<Choose<T>>,
    delivery: Delivery,
    /// Whether a topic is named for each record.
    names_topics: bool,
}

impl<T: Display + 'static> KafkaSink<T> {
    /// Values are what `Display` shows.
    pub(super) fn new(servers: String) -> Self {
        let encode: Encode<T> = Arc::new(|record, out| {
            struct Utf8<'a>(&'a mut Vec<u8>);
            impl fmt::Write for Utf8<'_> {
                fn write_str(&mut self, text: &str) -> fmt::Result {
                    self.0.extend_from_slice(text.as_bytes());
                    Ok(())
                }
            }
            Ok(write!(Utf8(out.value()), "{record}")?)
        });
        Self { encode, ..Self::bare(servers) }
    }
}

impl<T: 'static> KafkaSink<T> {
    /// A sink that is to be told how to encode.
    pub(super) fn bare(servers: String) -> Self {
        Self {
            settings: settings::Chosen::new(servers, &SINK_SETTINGS),
            topic: None,
            encode: Arc::new(|_, _| Err("nothing says how records are encoded".into())),
            choose: None,
            delivery: Delivery::default(),
            names_topics: false,
        }
    }

    /// The topic of records that have none of their own.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Encodes by a function, which says value, key, headers, topic, partition and time.
    #[must_use]
    pub fn encode_with(
        mut self,
        encode: impl Fn(&T, &mut ToKafka) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        (self.encode, self.names_topics) = (Arc::new(encode), true);
        self
    }

    /// Values are JSON.
    #[must_use]
    pub fn json(mut self) -> Self
    where
        T: Serialize,
    {
        self.encode = Arc::new(|record, out| Ok(serde_json::to_writer(out.value(), record)?));
        self
    }

    /// Values are Avro of a schema.
    #[cfg(feature = "avro")]
    #[must_use]
    pub fn avro(mut self, encode: AvroEncode) -> Self
    where
        T: Serialize,
    {
        self.encode = Arc::new(move |record, out| Ok(encode.write(record, out.value())?));
        self
    }

    /// Gives each record a key, besides what else is said of it.
    #[must_use]
    pub fn key_by<K: AsRef<[u8]>>(self, key: impl Fn(&T) -> K + Send + Sync + 'static) -> Self {
        self.also(move |record, out| out.key().extend_from_slice(key(record).as_ref()))
    }

    /// Gives each record its topic.
    #[must_use]
    pub fn topic_by<S: Into<String>>(mut self, topic: impl Fn(&T) -> S + Send + Sync + 'static) -> Self {
        self.names_topics = true;
        self.also(move |record, out| out.set_topic(topic(record)))
    }

    /// Gives each record its partition.
    #[must_use]
    pub fn partition_by(self, partition: impl Fn(&T) -> i32 + Send + Sync + 'static) -> Self {
        self.also(move |record, out| out.set_partition(partition(record)))
    }

    /// Gives each record that has no partition of its own one of those that its topic has: `choose` is told how many, from 1
    /// up, and gives a number below that. A topic that is widened while the job runs is noticed within a minute.
    #[must_use]
    pub fn choose_partition(mut self, choose: impl Fn(&T, i32) -> i32 + Send + Sync + 'static) -> Self {
        self.choose = Some(Arc::new(choose));
        self
    }

    fn also(mut self, also: impl Fn(&T, &mut ToKafka) + Send + Sync + 'static) -> Self {
        let encode = self.encode;
        self.encode = Arc::new(move |record, out| {
            encode(record, out)?;
            also(record, out);
            Ok(())
        });
        self
    }

    /// Each record once for readers of what is committed; see [`Delivery::ExactlyOnce`].
    #[must_use]
    pub fn exactly_once(mut self, prefix: impl Into<String>) -> Self {
        self.delivery = Delivery::ExactlyOnce { prefix: prefix.into() };
        self
    }

    /// Gives a setting its value: see [`SINK_SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// Hands librdkafka one of its own properties.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.settings.property(name, value);
        self
    }

    fn check(&self) -> Result<()> {
        self.settings.check()?;
        if self.topic.is_none() && !self.names_topics {
            return Err(Failure::user("a Kafka sink was not told its topic").advice(writer::NO_TOPIC));
        }
        if let Delivery::ExactlyOnce { prefix } = &self.delivery {
            if prefix.is_empty() {
                return Err(Failure::user("the prefix of a Kafka sink's transactions is empty")
                    .advice("give the job's own name: .exactly_once(\"word-count\")"));
            }
            self.door()?;
        }
        Ok(())
    }
}

impl<T> KafkaSink<T> {
    /// How the requests get in that librdkafka has no call for.
    fn door(&self) -> Result<Door> {
        Door::of(self.settings.credentials()?)
    }

    fn transactions(&self, cancelled: Cancelled) -> Result<Transactions> {
        Ok(Transactions::new(self.settings.servers.clone(), self.door()?, cancelled))
    }
}

impl<T: Record> Sink for KafkaSink<T> {
    type Record = T;
    type Staged = StagedTransaction;
    type State = WriterState;

    fn name(&self) -> String {
        "KafkaSink".into()
    }

    fn promise(&self) -> Promise {
        match self.delivery {
            Delivery::AtLeastOnce => Promise::AtLeastOnce,
            Delivery::ExactlyOnce { .. } => Promise::ExactlyOnce,
        }
    }

    fn check_checkpoints(&self, timeout: Duration) -> Result<()> {
        let allowed = self.settings.get(&settings::TRANSACTION_TIMEOUT)?;
        if self.delivery == Delivery::AtLeastOnce || timeout <= allowed {
            return Ok(());
        }
        Err(Failure::user(format!(
            "a checkpoint may take {}, but a Kafka transaction is thrown away after {}",
            shown_duration(timeout),
            shown_duration(allowed)
        ))
        .advice("set checkpoint-timeout to less, or the sink's transaction-timeout to more, as far as the broker allows"))
    }

    fn writer(&self, context: WriterContext, restored: Vec<WriterState>) -> Result<WriterOf<Self>> {
        self.check()?;
        Ok(Box::new(writer::Writer::open(self, context, &restored)?))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<StagedTransaction>>>> {
        if self.delivery == Delivery::AtLeastOnce {
            return Ok(None);
        }
        self.check()?;
        Ok(Some(Box::new(TransactionCommitter(self.transactions(Cancelled::default())?))))
    }
}

/// Commits transactions, whoever wrote them.
struct TransactionCommitter(Transactions);

impl Committer<StagedTransaction> for TransactionCommitter {
    fn commit(&mut self, staged: Vec<StagedTransaction>) -> Result<()> {
        self.0.commit(&staged)
    }

    fn cancel_when(&mut self, cancelled: Cancelled) {
        self.0.cancel_when(cancelled);
    }
}

impl<T> Clone for KafkaSink<T> {
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            topic: self.topic.clone(),
            encode: self.encode.clone(),
            choose: self.choose.clone(),
            delivery: self.delivery.clone(),
            names_topics: self.names_topics,
        }
    }
}

impl<T> fmt::Debug for KafkaSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings, topic, delivery, .. } = self;
        let mut shown = f.debug_struct("KafkaSink");
        shown
            .field("settings", settings)
            .field("topic", topic)
            .field("delivery", delivery)
            .finish_non_exhaustive()
    }
}
