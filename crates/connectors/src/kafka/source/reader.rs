//! Reading partitions.
//!
//! Holds: the position of a partition is behind the last record that was emitted, or left out as the user chose; a position
//! that the group is told of is in a completed checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_dataflow::batch::{Batch, DEFAULT_BATCH, Origin};
use millstream_dataflow::source::{self, SourceOutput, SourceReader};
use millstream_model::error::{Failure, Result, Unit};
use millstream_model::id::CheckpointId;

use super::decode::{Decode, OnPoison, position};
use super::discovery::{missing, unreachable};
use super::split::KafkaSplit;
use super::watermarks::{Times, Tracker};
use super::{Lag, SkippedRecords};
use crate::kafka::native::{Code, Consumer, KafkaError, Message, Partition, Polled};
use crate::kafka::settings;

/// How long a question to a broker may take: a job can be cancelled within a second meanwhile.
const ANSWER: Duration = Duration::from_millis(800);
/// How long the answer to the last commit is waited for where all that there was is read: the group's coordinator may have
/// to be found first.
const LAST_ANSWER: Duration = Duration::from_secs(5);
/// How often the lag is looked at.
const LAG_INTERVAL: Duration = Duration::from_secs(1);

pub(in crate::kafka) struct PartitionReader<D: Decode> {
    consumer: Consumer,
    work: Work<D>,
    /// The positions of the last snapshot; a job takes one checkpoint after the other.
    snapshot: Vec<Partition>,
    /// The ends of partitions that were read up to there: no checkpoint needs them, the group is told of them.
    ended: BTreeMap<(String, i32), i64>,
    commits: bool,
    lag_noted: Instant,
    /// How long brokers may be away, and since when nothing has come from them.
    outage_timeout: Duration,
    quiet_since: Instant,
    watermarks: Option<Tracker>,
}

/// All but the consumer, which hands over what it fetched.
struct Work<D: Decode> {
    servers: String,
    decode: D,
    on_poison: OnPoison,
    skipped: SkippedRecords,
    lag: Lag,
    open: Vec<Open>,
    records: Vec<D::Record>,
    batch: Batch<D::Record>,
}

struct Open {
    split: KafkaSplit,
    times: Times,
    /// As messages name it.
    shown: Arc<str>,
}

impl<D: Decode> PartitionReader<D> {
    pub(in crate::kafka) fn new(consumer: Consumer, source: &super::KafkaSource<D>) -> Result<Self> {
        let commits = source.settings.given(&settings::GROUP)?.is_some();
        let outage_timeout = source.settings.get(&settings::OUTAGE_TIMEOUT)?;
        let (now, watermarks) = (Instant::now(), source.watermarks.map(Tracker::new));
        let work = Work {
            servers: source.settings.servers.clone(),
            decode: source.decode.clone(),
            on_poison: source.on_poison,
            skipped: source.skipped.clone(),
            lag: source.lag.clone(),
            open: Vec::new(),
            records: Vec::new(),
            batch: Batch::default(),
        };
        let snapshot = Vec::new();
        Ok(Self {
            consumer,
            work,
            snapshot,
            ended: BTreeMap::new(),
            commits,
            lag_noted: now,
            outage_timeout,
            quiet_since: now,
            watermarks,
        })
    }

    /// Where nothing has come for long, whether there are brokers: a question, since topics may be quiet.
    fn check_quiet(&mut self) -> Result<()> {
        let Some(Open { split, .. }) = self.work.open.first() else { return Ok(()) };
        if self.quiet_since.elapsed() >= self.outage_timeout {
            let client = self.consumer.client();
            if let Err(error) = client.watermarks(&split.topic, split.partition, ANSWER) {
                let cause = client.take_error().unwrap_or(error);
                return Err(unreachable(&self.work.servers, self.outage_timeout, cause));
            }
            self.quiet_since = Instant::now();
        }
        Ok(())
    }

    fn note_lag(&mut self) {
        if self.lag_noted.elapsed() < LAG_INTERVAL {
            return;
        }
        self.lag_noted = Instant::now();
        self.work.lag.note(self.work.open.iter().filter_map(|Open { split, .. }| {
            let end = self.consumer.known_end(&split.topic, split.partition)?;
            Some(((split.topic.clone(), split.partition), (end - split.next).max(0)))
        }));
    }

    /// Lets go of partitions that are read to their ends.
    fn close_done(&mut self) -> Result<()> {
        let mut index = 0;
        while index < self.work.open.len() {
            if self.work.open[index].split.is_done() {
                let Open { split, .. } = self.work.open.swap_remove(index);
                self.consumer.remove(place(&split)).map_err(|error| unreadable(&split, error))?;
                self.work.lag.forget(&split);
                self.ended.insert((split.topic, split.partition), split.next);
            } else {
                index += 1;
            }
        }
        Ok(())
    }
}

impl<D: Decode> SourceReader<D::Record, KafkaSplit> for PartitionReader<D> {
    fn add_split(&mut self, split: KafkaSplit) -> Result<()> {
        self.consumer.add(place(&split)).map_err(|error| unreadable(&split, error))?;
        self.ended.remove(&(split.topic.clone(), split.partition));
        let shown = format!("topic {}, partition {}", split.topic, split.partition).into();
        self.work.open.push(Open { split, times: Times::new(), shown });
        if let Some(watermarks) = &mut self.watermarks {
            watermarks.added();
        }
        Ok(())
    }

    fn poll(
        &mut self,
        output: &mut SourceOutput<'_, D::Record>,
        patience: Duration,
    ) -> Result<source::Polled> {
        if self.work.open.is_empty() {
            return Ok(source::Polled::NeedSplit);
        }
        let work = &mut self.work;
        let any = self.consumer.poll(patience, |polled| work.take(polled, output))?;
        if any {
            self.quiet_since = Instant::now();
        } else {
            self.check_quiet()?;
        }
        if let Some(watermarks) = &mut self.watermarks {
            watermarks.advance(self.work.open.iter().map(|open| &open.times), output)?;
        }
        self.close_done()?;
        self.note_lag();
        Ok(match any {
            _ if self.work.open.is_empty() => source::Polled::NeedSplit,
            true => source::Polled::More,
            false => source::Polled::Nothing,
        })
    }

    fn takes_more(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Vec<KafkaSplit> {
        let splits: Vec<_> = self.work.open.iter().map(|open| open.split.clone()).collect();
        let ended = self.ended.iter().map(|((topic, partition), end)| Partition {
            topic: topic.clone(),
            partition: *partition,
            offset: *end,
        });
        self.snapshot = splits.iter().map(place).chain(ended).collect();
        splits
    }

    fn on_checkpoint_complete(&mut self, _: CheckpointId) -> Result<()> {
        while let Some(answer) = self.consumer.answer(Duration::ZERO) {
            note_answer(answer);
        }
        if self.commits && !self.snapshot.is_empty() {
            note_answer(self.consumer.commit(&self.snapshot));
        }
        Ok(())
    }
}

impl<D: Decode> Drop for PartitionReader<D> {
    /// A commit under way would end with the connection.
    fn drop(&mut self) {
        let patience = if self.work.open.is_empty() { LAST_ANSWER } else { ANSWER };
        let until = Instant::now() + patience;
        while let Some(answer) = self.consumer.answer(until.saturating_duration_since(Instant::now())) {
            note_answer(answer);
        }
    }
}

/// Only who watches from outside is told late: the job goes by its checkpoints.
fn note_answer(answer: Result<(), KafkaError>) {
    if let Err(error) = answer {
        tracing::warn!(%error, "offsets could not be committed to Kafka; the next checkpoint tries again");
    }
}

impl<D: Decode> Work<D> {
    fn take(&mut self, polled: Polled<'_>, output: &mut SourceOutput<'_, D::Record>) -> Result<()> {
        match polled {
            Polled::Run(run) => {
                let Some(first) = run.first() else { return Ok(()) };
                let Some(index) = self.find(first.topic(), first.partition()) else { return Ok(()) };
                let split = &self.open[index].split;
                let stop = split.stop.unwrap_or(i64::MAX);
                let run = &run[run.partition_point(|message| message.offset() < split.next)..];
                let wanted = run.partition_point(|message| message.offset() < stop);
                for run in run[..wanted].chunks(DEFAULT_BATCH) {
                    self.emit(index, run, output)?;
                }
                if wanted < run.len() {
                    self.open[index].split.next = stop;
                }
                Ok(())
            }
            Polled::End(end) => {
                if let Some(index) = self.find(&end.topic, end.partition) {
                    let next = &mut self.open[index].split.next;
                    // Behind the last record may stand what ended a transaction.
                    *next = end.offset.max(*next);
                }
                Ok(())
            }
            Polled::Failed(at, error) => self.failed(&at, error),
        }
    }

    fn find(&self, topic: &str, partition: i32) -> Option<usize> {
        self.open.iter().position(|open| open.split.partition == partition && open.split.topic == topic)
    }

    fn failed(&self, at: &Partition, error: KafkaError) -> Result<()> {
        let Some(index) = self.find(&at.topic, at.partition) else {
            // Not of a partition: the library goes on trying, and discovery tells when it has been too long.
            tracing::warn!(%error, "Kafka");
            return Ok(());
        };
        let split = &self.open[index].split;
        if error.is_missing() {
            return Err(missing(&self.servers, &at.topic, false).because(error));
        }
        let out_of_range = matches!(
            error.code,
            Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE | Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET
        );
        if out_of_range {
            let (shown, next) = (&self.open[index].shown, split.next);
            return Err(Failure::user(format!("{shown} has no offset {next} any more"))
                .because(error)
                .advice(
                    "the broker let go of records before they were read: see how long the topic keeps them",
                )
                .advice("to go on without them, start without the checkpoint and with StartAt::Earliest"));
        }
        if error.is_timeout() || error.is_connection() || error.retriable {
            tracing::warn!(%error, partition = %self.open[index].shown, "Kafka");
            return Ok(());
        }
        Err(unreadable(split, error))
    }

    /// Decodes and emits records of one partition.
    fn emit(
        &mut self,
        index: usize,
        run: &[Message<'_>],
        output: &mut SourceOutput<'_, D::Record>,
    ) -> Result<()> {
        let mut rest = run;
        while !rest.is_empty() {
            let decoded = self.decode.decode_run(rest, &mut self.records);
            let (good, behind) = rest.split_at(self.records.len().min(rest.len()));
            self.emit_decoded(index, good, output)?;
            rest = behind;
            let (Err(error), Some((bad, behind))) = (decoded, rest.split_first()) else { continue };
            if self.on_poison == OnPoison::Fail {
                return Err(Failure::user("a record cannot be decoded")
                    .because(error)
                    .at(position(bad))
                    .advice(
                        "to go on without such records: .on_poison(OnPoison::Skip), which counts them, or",
                    )
                    .advice(".or_rejected(), which gives them as they came, for a side output"));
            }
            self.skipped.add(1);
            self.open[index].split.next = bad.offset() + 1;
            rest = behind;
        }
        Ok(())
    }

    fn emit_decoded(
        &mut self,
        index: usize,
        run: &[Message<'_>],
        output: &mut SourceOutput<'_, D::Record>,
    ) -> Result<()> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
        for (record, message) in self.records.drain(..).zip(run) {
            match self.decode.time(&record, message) {
                Some(time) => self.batch.push_at(record, time),
                None => self.batch.push(record),
            }
        }
        let open = &mut self.open[index];
        let span = usize::try_from(last.offset() - first.offset() + 1).unwrap_or(run.len());
        let mut origin = Origin::new(open.shown.clone(), Unit::Offset, first.offset().unsigned_abs(), span);
        if span != run.len() {
            // Offsets are missing where a transaction ended or a log was compacted.
            origin.blur();
        }
        self.batch.set_origin(Some(origin));
        open.times.note(self.batch.times());
        output.emit(&mut self.batch)?;
        open.split.next = last.offset() + 1;
        Ok(())
    }
}

fn place(split: &KafkaSplit) -> Partition {
    Partition { topic: split.topic.clone(), partition: split.partition, offset: split.next }
}

fn unreadable(split: &KafkaSplit, error: KafkaError) -> Failure {
    let what = format!(
        "topic {}, partition {}, cannot be read from offset {}",
        split.topic, split.partition, split.next
    );
    if error.is_refusal() {
        Failure::user(what).because(error)
    } else {
        Failure::external(what).because(error)
    }
}
