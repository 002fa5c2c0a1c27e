//! Topics of Kafka in batches: a range of offsets of each partition for each batch.
//!
//! Answers for ranges being told to the program, limited and logged. Not for cutting or reading them: that is the
//! connector's.
//! Holds: each record is in one batch, in another process too; a batch that is processed again has the same records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use millstream_connectors::kafka::{Decode, KafkaRanges, KafkaSource, OffsetRange, RangeCutter};
use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_runtime::microbatch::{Input, Logged, ReceiverEvents, Taken};

use crate::dstream::context::StreamingContext;
use crate::dstream::node::{Form, Node};
use crate::dstream::stream::DStream;
use crate::rdd::Context;

/// Of how many batches the ranges are remembered.
const REMEMBERED: usize = 10_000;

impl StreamingContext {
    /// The records of topics, without a receiver: a batch is a range of offsets of each partition, which its tasks read
    /// themselves, one a partition. `at_most` limits how many records a second come of each partition.
    ///
    /// Each record changes state once, and is put out at least once: with a checkpoint folder, a batch that was not done
    /// is processed again with the offsets that it had. To put out exactly once, write the offsets with the results, in
    /// one transaction: [`BatchOffsets::of`] tells them. A group is told how far the program is by
    /// [`BatchOffsets::commit`], after the output.
    ///
    /// ```no_run
    /// use millstream::StreamingContext;
    /// use millstream::connectors::kafka::Kafka;
    /// use millstream::rdd::Context;
    /// use millstream::time::seconds;
    ///
    /// let batches = StreamingContext::new(&Context::new()?, seconds(1));
    /// let clicks = Kafka::read("localhost:9092").topics(["clicks"]).set("group", "reports");
    /// let (clicks, offsets) = batches.kafka_stream(clicks, Some(100_000))?;
    /// clicks.foreach_rdd_with_time(move |rdd, time| {
    ///     println!("{} clicks in {:?}", rdd.count()?, offsets.of(time));
    ///     offsets.commit(time)
    /// });
    /// batches.start()?.await_termination()?;
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    ///
    /// # Errors
    /// A setting is wrong. The start fails if there is no such topic, or no broker.
    pub fn kafka_stream<D: Decode>(
        &self,
        source: KafkaSource<D>,
        at_most: Option<u64>,
    ) -> Result<(DStream<D::Record>, BatchOffsets)> {
        if at_most == Some(0) {
            return Err(Failure::user("a limit of 0 records a second would read nothing")
                .advice("give at least 1, or None for no limit"));
        }
        let (node, stream) = self.input_node();
        let ranges = source.in_ranges();
        let cutter = Arc::new(Mutex::new(ranges.cutter()?));
        let offsets = BatchOffsets { context: self.context().clone(), cutter, batches: Arc::default() };
        let most = at_most.map(|rate| per_batch(rate, self.interval()));
        let (context, offsets_of) = (self.context().clone(), offsets.clone());
        let input = RangesOfTopics { context, node, ranges, name: source.shown(), most, offsets };
        self.graph.add_input(Arc::new(input));
        Ok((stream, offsets_of))
    }
}

/// So many records a second, for a batch: at least one.
fn per_batch(rate: u64, interval: Duration) -> u64 {
    let records = u128::from(rate) * interval.as_millis() / 1000;
    u64::try_from(records).unwrap_or(u64::MAX).max(1)
}

/// The offsets of the batches of a stream of Kafka's. Cheap to clone.
#[derive(Clone, Debug)]
pub struct BatchOffsets {
    context: Context,
    cutter: Arc<Mutex<RangeCutter>>,
    batches: Arc<Mutex<BTreeMap<Timestamp, Vec<OffsetRange>>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BatchOffsets {
    /// The ranges of the batch of a time, in the order of the partitions of its Rdd; empty for one that nothing is known
    /// of any more (of 10,000 batches it is).
    pub fn of(&self, time: Timestamp) -> Vec<OffsetRange> {
        locked(&self.batches).get(&time).cloned().unwrap_or_default()
    }

    /// Tells the group (the source's setting `group`) that the batch of a time is done with, and those before it.
    ///
    /// # Errors
    /// The source has no group, or no broker took it.
    pub fn commit(&self, time: Timestamp) -> Result<()> {
        let ranges = self.of(time);
        self.context.once("the commit of offsets", || locked(&self.cutter).commit(&ranges))
    }
}

struct RangesOfTopics<D: Decode> {
    context: Context,
    node: Arc<Node<D::Record>>,
    ranges: KafkaRanges<D>,
    name: String,
    most: Option<u64>,
    offsets: BatchOffsets,
}

impl<D: Decode> RangesOfTopics<D> {
    fn give(&self, time: Timestamp, ranges: Vec<OffsetRange>) {
        let rdd = self.context.kafka_ranges_unchecked(&self.ranges, ranges.clone());
        self.node.put(time, rdd, Form::Lineage);
        self.offsets.remember(time, ranges);
    }
}

impl BatchOffsets {
    fn remember(&self, time: Timestamp, ranges: Vec<OffsetRange>) {
        let mut batches = locked(&self.batches);
        batches.insert(time, ranges);
        while batches.len() > REMEMBERED {
            batches.pop_first();
        }
    }
}

fn shown(ranges: &[OffsetRange]) -> Vec<String> {
    ranges.iter().map(OffsetRange::to_string).collect()
}

fn read(ranges: &[String]) -> Result<Vec<OffsetRange>> {
    ranges.iter().map(|range| range.parse()).collect()
}

impl<D: Decode> Input for RangesOfTopics<D> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn start(&self, _: &ReceiverEvents) -> Result<()> {
        locked(&self.offsets.cutter).start()
    }

    fn cut(&self, time: Timestamp) -> Result<u64> {
        let ranges = locked(&self.offsets.cutter).cut(self.most)?;
        let records = ranges.iter().map(OffsetRange::count).sum();
        self.give(time, ranges);
        Ok(records)
    }

    fn take(&self, time: Timestamp) -> Result<Taken> {
        let ranges = locked(&self.offsets.cutter).cut(self.most)?;
        let records = ranges.iter().map(OffsetRange::count).sum();
        self.offsets.remember(time, ranges);
        Ok(Taken { records, ..Taken::default() })
    }

    fn log(&self) -> Logged {
        let position = shown(&locked(&self.offsets.cutter).standing());
        // The last cut is that of the latest time.
        let batch = locked(&self.offsets.batches).last_key_value().map(|(_, ranges)| shown(ranges));
        Logged { position, batch: batch.unwrap_or_default() }
    }

    fn resume(&self, position: &[String]) -> Result<()> {
        locked(&self.offsets.cutter).resume(read(position)?);
        Ok(())
    }

    fn again(&self, time: Timestamp, batch: &[String]) -> Result<()> {
        self.give(time, read(batch)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::per_batch;

    #[test]
    fn a_rate_is_that_of_a_second_whatever_the_interval() {
        assert_eq!(per_batch(1_000, Duration::from_millis(500)), 500);
        assert_eq!(per_batch(1_000, Duration::from_secs(5)), 5_000);
        assert_eq!(per_batch(1, Duration::from_millis(10)), 1);
    }
}
