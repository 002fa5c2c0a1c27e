//! Topics of Kafka as a source.
//!
//! Holds: exactly once, since the offsets are in the checkpoint and Kafka can be asked again.

pub mod decode;
pub(super) mod discovery;
mod enumerator;
pub(super) mod reader;
pub mod record;
pub mod split;
pub mod topics;
mod watermarks;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
#[cfg(feature = "avro")]
use millstream_formats::avro::AvroValues;
use millstream_formats::rows::{Csv, CsvValues};
use millstream_model::error::{BoxError, Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::record::Record;
use millstream_model::time::Timestamp;
use serde::de::DeserializeOwned;

#[cfg(feature = "avro")]
use self::decode::Avro;
pub(super) use self::decode::Decode;
use self::decode::{Bytes, CsvRow, FromFn, Json, OnPoison, OrRejected, Records, Texts, Timed};
use self::split::KafkaSplit;
use self::topics::{Chosen, Matching, Plan, StartAt, StopAt, TopicPartition};
use self::watermarks::Watermarks;
use super::native::{Consumer, KafkaError, Message};
use super::settings::{self, SOURCE_SETTINGS};

/// The records of topics, each partition read by one subtask, from offsets that are kept in the checkpoint.
///
/// ```
/// use millstream_connectors::kafka::{Kafka, OnPoison, StartAt, StopAt};
///
/// #[derive(Clone, serde::Deserialize)]
/// struct Click { page: String }
///
/// let clicks = Kafka::read("localhost:9092")
///     .topics(["clicks", "old-clicks"])
///     .start_at(StartAt::Earliest)
///     .stop_at(StopAt::Latest)
///     .set("group", "reports")
///     .json::<Click>()
///     .on_poison(OnPoison::Skip);
/// ```
///
/// Without a word about it, reading starts at the earliest record and never ends, records of transactions are read once
/// these are committed, and a record that cannot be decoded fails the job. Records have the time that Kafka keeps of them
/// as their event time until the program gives them another.
#[derive(Clone, Debug)]
pub struct KafkaSource<D> {
    pub(super) settings: settings::Chosen,
    chosen: Chosen,
    start: StartAt,
    stop: Option<StopAt>,
    decode: D,
    on_poison: OnPoison,
    watermarks: Option<Watermarks>,
    skipped: SkippedRecords,
    lag: Lag,
}

impl KafkaSource<Texts> {
    pub(super) fn new(servers: String) -> Self {
        Self {
            settings: settings::Chosen::new(servers, &SOURCE_SETTINGS),
            chosen: Chosen::Nothing,
            start: StartAt::Earliest,
            stop: None,
            decode: Texts,
            on_poison: OnPoison::Fail,
            watermarks: None,
            skipped: SkippedRecords::default(),
            lag: Lag::default(),
        }
    }
}

impl<D> KafkaSource<D> {
    /// Reads these topics, with partitions that are added to them while the job runs.
    #[must_use]
    pub fn topics<T: Into<String>>(mut self, topics: impl IntoIterator<Item = T>) -> Self {
        self.chosen = Chosen::Topics(topics.into_iter().map(Into::into).collect());
        self
    }

    /// Reads the topics whose names match a pattern with `*`, `?` and `[]`, with those that come into being while the job
    /// runs. Names that begin with `__`, which are Kafka's own, never match.
    #[must_use]
    pub fn pattern(mut self, pattern: impl Into<String>) -> Self {
        self.chosen = Chosen::Pattern(pattern.into());
        self
    }

    /// Reads the topics for whose name this is true, with those that come into being while the job runs; Kafka's own are
    /// not asked about.
    #[must_use]
    pub fn topics_where(mut self, is_read: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.chosen = Chosen::Matching(Matching(Arc::new(is_read)));
        self
    }

    /// Reads these partitions and no others.
    #[must_use]
    pub fn partitions(mut self, partitions: impl IntoIterator<Item = TopicPartition>) -> Self {
        self.chosen = Chosen::Partitions(partitions.into_iter().collect());
        self
    }

    /// Where to start without a checkpoint. What comes into being while the job runs is read from its first record.
    #[must_use]
    pub fn start_at(mut self, start: StartAt) -> Self {
        self.start = start;
        self
    }

    /// Ends there. Partitions that come into being later are not read.
    #[must_use]
    pub fn stop_at(mut self, stop: StopAt) -> Self {
        self.stop = Some(stop);
        self
    }

    /// Gives a setting its value: see [`SOURCE_SETTINGS`]. One that is unknown or malformed is refused when the job
    /// starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// Hands librdkafka one of its own properties, such as `socket.nagle.disable`.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.settings.property(name, value);
        self
    }

    /// What becomes of a record that cannot be decoded.
    #[must_use]
    pub fn on_poison(mut self, choice: OnPoison) -> Self {
        self.on_poison = choice;
        self
    }

    /// Emits watermarks, each partition on its own: event time is that of the partition which is furthest behind, so that its
    /// records are not late because another is read sooner. A record may be `out_of_order` older than the newest of its
    /// partition. Times are Kafka's, or those of [`KafkaSource::time_by`].
    #[must_use]
    pub fn watermarks(mut self, out_of_order: Duration) -> Self {
        let idle_after = self.watermarks.and_then(|given| given.idle_after);
        self.watermarks = Some(Watermarks { out_of_order, idle_after });
        self
    }

    /// With [`KafkaSource::watermarks`]: a partition without a record for so long is not waited for.
    #[must_use]
    pub fn idle_after(mut self, time: Duration) -> Self {
        let out_of_order = self.watermarks.map_or(Duration::ZERO, |given| given.out_of_order);
        self.watermarks = Some(Watermarks { out_of_order, idle_after: Some(time) });
        self
    }

    /// Takes the event time from the record, instead of Kafka's. To be said after how records are decoded.
    #[must_use]
    pub fn time_by<F>(self, time: F) -> KafkaSource<Timed<D, F>>
    where
        D: Decode,
        F: Fn(&D::Record) -> Timestamp + Clone + Send + Sync + 'static,
    {
        let decode = self.decode.clone();
        self.decode_by(Timed { decode, time })
    }

    /// The count of records left out for [`OnPoison::Skip`].
    pub fn skipped(&self) -> SkippedRecords {
        self.skipped.clone()
    }

    /// How far reading is behind.
    pub fn lag(&self) -> Lag {
        self.lag.clone()
    }

    /// Decodes by an own implementation of [`Decode`].
    #[must_use]
    pub fn decode_by<E: Decode>(self, decode: E) -> KafkaSource<E> {
        let Self { settings, chosen, start, stop, on_poison, watermarks, skipped, lag, .. } = self;
        KafkaSource { settings, chosen, start, stop, decode, on_poison, watermarks, skipped, lag }
    }

    /// Decodes by a function, which sees key, headers, time and place too.
    #[must_use]
    pub fn decode_with<T, F>(self, decode: F) -> KafkaSource<FromFn<F>>
    where
        T: Record,
        F: Fn(&Message<'_>) -> Result<T, BoxError> + Clone + Send + Sync + 'static,
    {
        self.decode_by(FromFn(decode))
    }

    /// Reads values as JSON.
    #[must_use]
    pub fn json<T: Record + DeserializeOwned>(self) -> KafkaSource<Json<T>> {
        self.decode_by(Json(PhantomData))
    }

    /// Reads each value as one row of CSV: with the columns' names, by which the fields of a struct are found, or, without
    /// them, in their order. `format.header` says nothing here.
    #[must_use]
    pub fn csv<T: Record + DeserializeOwned>(
        self,
        format: Csv,
        columns: Option<&[&str]>,
    ) -> KafkaSource<CsvRow<T>> {
        self.decode_by(CsvRow(CsvValues::new(format, columns), PhantomData))
    }

    /// Reads values as Avro of a schema, or of those whose numbers stand before the values.
    #[cfg(feature = "avro")]
    #[must_use]
    pub fn avro<T: Record + DeserializeOwned>(self, values: AvroValues) -> KafkaSource<Avro<T>> {
        self.decode_by(Avro(values, PhantomData))
    }

    /// Gives values as they are.
    #[must_use]
    pub fn bytes(self) -> KafkaSource<Bytes> {
        self.decode_by(Bytes)
    }

    /// Gives all that Kafka keeps of each record.
    #[must_use]
    pub fn records(self) -> KafkaSource<Records> {
        self.decode_by(Records)
    }

    /// Gives a record that cannot be decoded as an error with the record in it, for the program to put into a side output
    /// or wherever it is to go.
    #[must_use]
    pub fn or_rejected(self) -> KafkaSource<OrRejected<D>>
    where
        D: Decode,
    {
        let decode = self.decode.clone();
        self.decode_by(OrRejected(decode))
    }

    /// The source as one that is read in ranges of offsets.
    pub fn in_ranges(&self) -> super::KafkaRanges<D>
    where
        D: Decode,
    {
        super::KafkaRanges::new(self.clone())
    }

    /// What is read, for people: the same as long as the same is read.
    pub fn shown(&self) -> String {
        self.chosen.shown()
    }

    pub(super) fn has_group(&self) -> Result<bool> {
        Ok(self.settings.given(&settings::GROUP)?.is_some())
    }

    pub(super) fn start_timeout(&self) -> Result<Duration> {
        self.settings.get(&settings::START_TIMEOUT)
    }

    pub(super) fn plan(&self) -> Result<Plan> {
        Ok(Plan {
            chosen: self.chosen.clone(),
            start: self.start.clone(),
            stop: self.stop.clone(),
            interval: self.settings.get(&settings::DISCOVERY_INTERVAL)?,
            start_timeout: self.start_timeout()?,
            outage_timeout: self.settings.get(&settings::OUTAGE_TIMEOUT)?,
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        self.settings.check()?;
        self.chosen.check()?;
        let by_group =
            matches!(self.start, StartAt::Committed | StartAt::CommittedOrLatest | StartAt::CommittedOrFail);
        if by_group && !self.has_group()? {
            return Err(Failure::user("a Kafka source is to start where its group stands, and has no group")
                .advice("name it: .set(\"group\", \"reports\")"));
        }
        Ok(())
    }
}

impl<D: Decode> Source for KafkaSource<D> {
    type Record = D::Record;
    type Split = KafkaSplit;

    fn name(&self) -> String {
        "KafkaSource".into()
    }

    fn boundedness(&self) -> Boundedness {
        if self.stop.is_some() { Boundedness::Bounded } else { Boundedness::Unbounded }
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<KafkaSplit>>> {
        self.check()?;
        let plan = self.plan()?;
        let (servers, properties) = (self.settings.servers.clone(), self.settings.reading()?);
        Ok(Box::new(enumerator::PartitionEnumerator::new(servers, &properties, plan, restored)?))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<D::Record, KafkaSplit>>> {
        self.check()?;
        let consumer = Consumer::new(&self.settings.reading()?).map_err(refused)?;
        Ok(Box::new(reader::PartitionReader::new(consumer, self)?))
    }
}

/// The library does not take its settings.
pub(super) fn refused(error: KafkaError) -> Failure {
    Failure::user("the Kafka client does not take its settings")
        .because(error)
        .advice("see the settings, and what was given by .property(name, value)")
}

/// How many records were left out.
#[derive(Clone, Debug, Default)]
pub struct SkippedRecords(Arc<AtomicU64>);

impl SkippedRecords {
    /// The count so far, of all subtasks and attempts.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

/// How many records stand in each partition behind the last one read, as of about a second ago.
#[derive(Clone, Debug, Default)]
pub struct Lag(Arc<Mutex<BTreeMap<(String, i32), i64>>>);

impl Lag {
    /// The records behind, for each topic and partition that is being read.
    pub fn partitions(&self) -> BTreeMap<(String, i32), i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The records behind, of all partitions.
    pub fn total(&self) -> i64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    fn note(&self, lags: impl Iterator<Item = ((String, i32), i64)>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(lags);
    }

    fn forget(&self, split: &KafkaSplit) {
        let mut own = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        own.remove(&(split.topic.clone(), split.partition));
    }
}
