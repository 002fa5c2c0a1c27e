//! Writing the records of one subtask.
//!
//! Holds: what `prepare` gives is acknowledged by its brokers; a transaction is staged once, and written to no more.

use std::time::Duration;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::Cancelled;
use millstream_dataflow::sink::{SinkWriter, WriterContext};
use millstream_model::error::{Failure, Result};
use millstream_model::id::CheckpointId;
use serde::{Deserialize, Serialize};

use super::following::Following;
use super::partitions::Partitions;
use super::transactions::{StagedTransaction, Transactions, timeout_refused};
use super::{Choose, Delivery, Encode, ToKafka};
use crate::kafka::native::{Code, KafkaError, Outgoing, Producer, Properties};
use crate::kafka::settings;
use crate::kafka::source::refused;

/// How long one wait for brokers is, between two looks at whether the job is cancelled.
const STEP: Duration = Duration::from_millis(20);

/// How long one wait for acknowledgements is: the library does not end it when the last has come.
const ANSWERED: Duration = Duration::from_millis(1);

/// What a writer needs to go on: the number of the next transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterState {
    /// The number.
    pub next: u64,
}

pub(super) struct Writer<T> {
    encode: Encode<T>,
    choose: Option<Choose<T>>,
    partitions: Partitions,
    /// How long brokers may be silent about partitions.
    start_timeout: Duration,
    cancelled: Cancelled,
    producer: Producer,
    /// What is encoded, in memory that is used again.
    out: ToKafka,
    default_topic: Option<String>,
    exactly_once: Option<Numbered>,
}

/// The transactions of a subtask, one behind the other.
struct Numbered {
    transactions: Transactions,
    properties: Properties,
    start_timeout: Duration,
    /// What all ids of the subtask begin with.
    begin: String,
    /// The number of the one that is open.
    current: u64,
    /// The producer of the one behind it, being made while this one is written.
    following: Option<Following>,
    /// Records in the one that is open.
    records: u64,
}

impl<T> Writer<T> {
    pub(super) fn open(
        sink: &super::KafkaSink<T>,
        context: WriterContext,
        restored: &[WriterState],
    ) -> Result<Self> {
        let properties = sink.settings.writing()?;
        let cancelled = context.cancelled.clone();
        let (exactly_once, producer) = match &sink.delivery {
            Delivery::AtLeastOnce => (None, Producer::new(&properties).map_err(refused)?),
            Delivery::ExactlyOnce { prefix } => {
                let mut numbered = Numbered::open(sink, prefix, &context, properties, restored)?;
                let producer = numbered.take(&cancelled)?;
                (Some(numbered), producer)
            }
        };
        let out = ToKafka::default();
        Ok(Self {
            encode: sink.encode.clone(),
            choose: sink.choose.clone(),
            partitions: Partitions::default(),
            start_timeout: sink.settings.get(&settings::START_TIMEOUT)?,
            cancelled,
            producer,
            out,
            default_topic: sink.topic.clone(),
            exactly_once,
        })
    }

    fn send(&mut self, record: &T) -> Result<()> {
        self.out.clear();
        (self.encode)(record, &mut self.out)
            .map_err(|error| Failure::user("a record cannot be encoded for Kafka").because(error))?;
        let topic = match (&self.out.topic, &self.default_topic) {
            (Some(topic), _) | (None, Some(topic)) => topic,
            (None, None) => return Err(Failure::user("a record for Kafka has no topic").advice(NO_TOPIC)),
        };
        let mut partition = self.out.partition;
        if let (None, Some(choose)) = (partition, &self.choose) {
            let client = self.producer.client();
            let count = self.partitions.of(topic, client, self.start_timeout, &self.cancelled)?;
            let chosen = choose(record, count);
            if !(0..count).contains(&chosen) {
                let what = format!("partition {chosen} was chosen of topic `{topic}`, which has {count}");
                return Err(Failure::user(what).advice(format!("choose from 0 to {}", count - 1)));
            }
            partition = Some(chosen);
        }
        let outgoing = Outgoing {
            topic,
            partition,
            key: self.out.has_key.then_some(self.out.key.as_slice()),
            value: (!self.out.is_deletion).then_some(self.out.value.as_slice()),
            time: self.out.time.map_or(0, |time| time.millis()),
            headers: &self.out.headers,
        };
        let bytes = self.out.key.len() + self.out.value.len();
        while !self.producer.send(&outgoing).map_err(|error| undelivered(error, topic, bytes))? {
            self.cancelled.wait(Duration::ZERO)?;
            self.producer.delivered(STEP).map_err(lost)?;
        }
        Ok(())
    }

    /// Waits until brokers have acknowledged all that was written.
    fn settle(&mut self) -> Result<()> {
        while !self.producer.flush(ANSWERED).map_err(lost)? {
            self.cancelled.wait(Duration::ZERO)?;
        }
        Ok(())
    }
}

pub(super) const NO_TOPIC: &str =
    "name one for all: .topic(\"counts\"), or one for each: .topic_by(|record| ...)";

impl Numbered {
    fn open<T>(
        sink: &super::KafkaSink<T>,
        prefix: &str,
        context: &WriterContext,
        properties: Properties,
        restored: &[WriterState],
    ) -> Result<Self> {
        let (subtask, of) = (context.subtask.index, context.subtask.of.max(1));
        let mut transactions = sink.transactions(context.cancelled.clone())?;
        let timeout = sink.settings.get(&settings::TRANSACTION_TIMEOUT)?;
        // What is staged in the checkpoint was committed before this: whatever else is open was left by an attempt that is
        // gone, perhaps of another parallelism. Each subtask cleans up for its share.
        transactions
            .abort_open(timeout, |id| subtask_of(id, prefix).is_some_and(|of_id| of_id % of == subtask))?;
        let mut own = Self {
            transactions,
            properties,
            start_timeout: sink.settings.get(&settings::START_TIMEOUT)?,
            begin: format!("{prefix}-{subtask}-"),
            current: restored.iter().map(|state| state.next).max().unwrap_or(0),
            following: None,
            records: 0,
        };
        // A record cannot wait for longer than its transaction: the library refuses it.
        let delivery = sink.settings.get(&settings::DELIVERY_TIMEOUT)?.min(timeout);
        for (name, limit) in [("message.timeout.ms", delivery), ("transaction.timeout.ms", timeout)] {
            own.properties.push((name.into(), limit.as_millis().to_string()));
        }
        own.following = Some(own.prepare(own.current)?);
        Ok(own)
    }

    fn id(&self) -> String {
        format!("{}{}", self.begin, self.current)
    }

    /// Begins to make the producer of a transaction.
    fn prepare(&self, number: u64) -> Result<Following> {
        let mut properties = self.properties.clone();
        properties.push(("transactional.id".into(), format!("{}{number}", self.begin)));
        Following::begin(properties, self.start_timeout)
    }

    /// The producer of the current transaction, which is begun; the one of the next is on its way.
    fn take(&mut self, cancelled: &Cancelled) -> Result<Producer> {
        let Some(following) = self.following.take() else {
            return Err(Failure::internal("the producer of a transaction was taken twice"));
        };
        let producer = following.take(cancelled)?.map_err(|error| match error.code {
            Code::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT => timeout_refused(),
            Code::RD_KAFKA_RESP_ERR__INVALID_ARG => refused(error),
            _ if error.is_refusal() => Failure::user("Kafka refused a transaction").because(error),
            _ => Failure::external(format!(
                "no transaction can be begun by Kafka brokers {}",
                self.transactions.servers
            ))
            .because(error)
            .advice("see that brokers are up, and that host and port are theirs"),
        })?;
        producer
            .begin_transaction()
            .map_err(|error| Failure::external("a Kafka transaction cannot be begun").because(error))?;
        self.records = 0;
        self.following = Some(self.prepare(self.current + 1)?);
        Ok(producer)
    }
}

/// The subtask that a transactional id of this prefix is of.
fn subtask_of(id: &str, prefix: &str) -> Option<u32> {
    let (subtask, number) = id.strip_prefix(prefix)?.strip_prefix('-')?.split_once('-')?;
    number.parse::<u64>().ok()?;
    subtask.parse().ok()
}

impl<T> SinkWriter<T, StagedTransaction, WriterState> for Writer<T> {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        if let Some(numbered) = &mut self.exactly_once {
            numbered.records += batch.len() as u64;
        }
        let records = batch.take_records();
        batch.clear();
        records.iter().try_for_each(|record| self.send(record))?;
        self.producer.delivered(Duration::ZERO).map_err(lost)
    }

    fn flush(&mut self) -> Result<()> {
        // What is written goes by itself within `linger`.
        self.producer.delivered(Duration::ZERO).map_err(lost)
    }

    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<StagedTransaction>> {
        self.settle()?;
        let Some(numbered) = &mut self.exactly_once else { return Ok(Vec::new()) };
        if numbered.records == 0 {
            // Nothing of it has come to a broker: it serves for the next checkpoint too.
            return Ok(Vec::new());
        }
        let id = numbered.id();
        let producer = numbered.transactions.writer_of(&id)?;
        numbered.current += 1;
        let written = std::mem::replace(&mut self.producer, numbered.take(&self.cancelled)?);
        // Letting go of it takes its threads' time, not the job's.
        let drop_it = std::thread::Builder::new().name("kafka-producer-end".into());
        drop_it
            .spawn(move || drop(written))
            .map_err(|error| Failure::external("no thread can be started").because(error))?;
        Ok(vec![StagedTransaction { id, producer }])
    }

    fn snapshot(&mut self) -> Result<Option<WriterState>> {
        Ok(self.exactly_once.as_ref().map(|numbered| WriterState { next: numbered.current }))
    }

    fn on_end(&mut self) -> Result<()> {
        self.settle()
    }
}

fn undelivered(error: KafkaError, topic: &str, bytes: usize) -> Failure {
    let what = format!("a record of {bytes} bytes cannot be sent to topic `{topic}`");
    match error.code {
        Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE => Failure::user(what).because(error).advice(
            "it is larger than the setting `record-max`; the topic has a limit too: max.message.bytes",
        ),
        _ => told(Failure::external(what), error),
    }
}

/// A record that was sent and not acknowledged.
fn lost(error: KafkaError) -> Failure {
    let what = "Kafka did not take a record";
    match error.code {
        Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE | Code::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE => {
            Failure::user(what)
                .because(error)
                .advice("it is larger than the topic allows: see its max.message.bytes, and the setting `record-max`")
        }
        Code::RD_KAFKA_RESP_ERR__MSG_TIMED_OUT => Failure::external(what)
            .because(error)
            .advice("see that the topic is there and its brokers are up; to wait longer: the setting `delivery-timeout`"),
        _ => told(Failure::external(what), error),
    }
}

fn told(failure: Failure, error: KafkaError) -> Failure {
    if error.is_refusal() {
        return Failure::user("Kafka refused what was to be written")
            .because(error)
            .advice("see that user, password, certificates and rights are right");
    }
    if error.is_missing() {
        return Failure::user(failure.what()).because(error).advice("create the topic, or mend its name");
    }
    let is_fenced = matches!(
        error.code,
        Code::RD_KAFKA_RESP_ERR__FENCED
            | Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED
            | Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
    );
    let failure = failure.because(error);
    if is_fenced {
        return failure
            .advice("another process writes with this prefix, or the transaction was open longer than `transaction-timeout`");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::subtask_of;

    #[test]
    fn an_id_tells_its_subtask_and_no_other_prefix_is_taken_for_the_own() {
        assert_eq!(subtask_of("counts-3-17", "counts"), Some(3));
        for id in ["counts-3", "counts-b-3-17", "count-3-17", "counts-3-17-1", "counts"] {
            assert_eq!(subtask_of(id, "counts"), None, "{id}");
        }
    }
}
