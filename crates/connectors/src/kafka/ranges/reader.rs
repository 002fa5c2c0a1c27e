//! Reading a range.
//!
//! Holds: a reader that has read its range serves for the next one, so that connections are made once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{ChainContext, Control, Downstream};
use millstream_dataflow::source::{Polled, SourceOutput, SourceReader};
use millstream_model::error::{Failure, Result};

use super::{OffsetRange, RangeCutter};
use crate::kafka::native::{Client, Consumer, Kind};
use crate::kafka::source::reader::PartitionReader;
use crate::kafka::source::split::KafkaSplit;
use crate::kafka::source::{Decode, KafkaSource, refused};

/// How long one wait for records is.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long nothing may come before it is asked whether the range is there at all.
const QUIET: Duration = Duration::from_secs(5);
/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);

/// A source that is read in ranges. Clones share their connections.
pub struct KafkaRanges<D: Decode> {
    source: KafkaSource<D>,
    idle: Arc<Mutex<Vec<PartitionReader<D>>>>,
}

impl<D: Decode> Clone for KafkaRanges<D> {
    fn clone(&self) -> Self {
        Self { source: self.source.clone(), idle: self.idle.clone() }
    }
}

impl<D: Decode> std::fmt::Debug for KafkaRanges<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaRanges").finish_non_exhaustive()
    }
}

impl<D: Decode> KafkaRanges<D> {
    pub(in crate::kafka) fn new(source: KafkaSource<D>) -> Self {
        Self { source, idle: Arc::default() }
    }

    /// What cuts the source's topics into ranges.
    ///
    /// # Errors
    /// If a setting is wrong.
    pub fn cutter(&self) -> Result<RangeCutter> {
        RangeCutter::new(&self.source)
    }

    /// Begins to read a range.
    ///
    /// # Errors
    /// If a setting is wrong, or the range ends before it begins.
    pub fn read(&self, range: &OffsetRange) -> Result<RangeReader<D>> {
        shaped(range)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => {
                self.source.settings.check()?;
                let consumer = Consumer::new(&self.source.settings.reading()?).map_err(refused)?;
                PartitionReader::new(consumer, &self.source)?
            }
        };
        let is_empty = range.count() == 0;
        if !is_empty {
            reader.add_split(KafkaSplit {
                topic: range.topic.clone(),
                partition: range.partition,
                next: range.from,
                stop: Some(range.until),
            })?;
        }
        Ok(RangeReader {
            ranges: self.clone(),
            range: range.clone(),
            reader: Some(reader),
            ready: VecDeque::new(),
            is_done: is_empty,
            quiet_since: Instant::now(),
        })
    }

    /// Refuses ranges that the topics do not have.
    ///
    /// # Errors
    /// A range that is not there, by its name; or no broker gave an answer.
    pub fn check(&self, ranges: &[OffsetRange]) -> Result<()> {
        self.source.settings.check()?;
        let client = Client::new(Kind::Consumer, &self.source.settings.reading()?).map_err(refused)?;
        let limit = self.source.start_timeout()?;
        ranges.iter().try_for_each(|range| {
            shaped(range)?;
            self.check_one(&client, range, limit)
        })
    }

    fn check_one(&self, client: &Client, range: &OffsetRange, limit: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            match client.watermarks(&range.topic, range.partition, ANSWER) {
                Ok(ends) if range.from >= ends.low && range.until <= ends.high => return Ok(()),
                Ok(ends) => {
                    return Err(Failure::user(format!(
                        "topic {}, partition {}, does not have the offsets from {} up to {}",
                        range.topic, range.partition, range.from, range.until
                    ))
                    .advice(format!("it has those from {} up to {}", ends.low, ends.high)));
                }
                Err(error) if error.is_missing() => {
                    let what =
                        format!("there is no partition {} of topic `{}`", range.partition, range.topic);
                    return Err(Failure::user(what).because(error));
                }
                Err(error) if error.is_refusal() || begun.elapsed() >= limit => {
                    let cause = client.take_error().unwrap_or(error);
                    let servers = &self.source.settings.servers;
                    return Err(crate::kafka::source::discovery::unreachable(servers, limit, cause));
                }
                Err(_) => {}
            }
        }
    }
}

fn shaped(range: &OffsetRange) -> Result<()> {
    if range.from < 0 || range.until < range.from {
        return Err(Failure::user(format!("`{range}` is no range: it begins behind its end, or before 0"))
            .advice("a range is topic, partition, first offset, and the offset behind the last"));
    }
    Ok(())
}

/// The records of a range, batch by batch.
pub struct RangeReader<D: Decode> {
    ranges: KafkaRanges<D>,
    range: OffsetRange,
    /// `None` once it was given back.
    reader: Option<PartitionReader<D>>,
    ready: VecDeque<Batch<D::Record>>,
    is_done: bool,
    quiet_since: Instant,
}

impl<D: Decode> std::fmt::Debug for RangeReader<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RangeReader").field("range", &self.range).finish_non_exhaustive()
    }
}

/// Where the reader leaves what it read.
struct Into<'a, T>(&'a mut VecDeque<Batch<T>>);

impl<T> Downstream<T> for Into<'_, T> {
    fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        self.0.push_back(std::mem::take(batch));
        Ok(())
    }

    fn control(&mut self, _: &mut Control<'_>) -> Result<()> {
        Ok(())
    }
}

impl<D: Decode> RangeReader<D> {
    /// The next records, waited for no longer than a moment: an empty batch says that there are more to come, so that the
    /// caller can look whether they are still wanted. `None` behind the last.
    ///
    /// # Errors
    /// The range cannot be read, or a record in it cannot be decoded.
    pub fn read_more(&mut self) -> Result<Option<Batch<D::Record>>> {
        if let Some(batch) = self.ready.pop_front() {
            return Ok(Some(batch));
        }
        let Some(reader) = self.reader.as_mut().filter(|_| !self.is_done) else {
            self.give_back();
            return Ok(None);
        };
        let mut into = Into(&mut self.ready);
        match reader.poll(&mut SourceOutput::new(&mut into), PATIENCE)? {
            Polled::NeedSplit => self.is_done = true,
            Polled::More => self.quiet_since = Instant::now(),
            Polled::Nothing if self.quiet_since.elapsed() >= QUIET => {
                self.ranges.check(std::slice::from_ref(&self.range))?;
                self.quiet_since = Instant::now();
            }
            Polled::Nothing => {}
        }
        match self.ready.pop_front() {
            Some(batch) => Ok(Some(batch)),
            None if self.is_done => {
                self.give_back();
                Ok(None)
            }
            None => Ok(Some(Batch::default())),
        }
    }

    fn give_back(&mut self) {
        if let Some(reader) = self.reader.take() {
            self.ranges.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        }
    }
}
