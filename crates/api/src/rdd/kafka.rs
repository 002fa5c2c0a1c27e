//! Ranges of Kafka's offsets, a partition each.
//!
//! Holds: a range that is read again gives the same records, as long as the broker keeps them.

use millstream_connectors::kafka::{Decode, KafkaRanges, OffsetRange, RangeReader};
use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Pull, TaskContext};
use millstream_model::error::Result;

use super::site::Site;
use super::{Context, Rdd};

impl Context {
    /// The records of these ranges of offsets, each of which is a partition.
    ///
    /// ```no_run
    /// use millstream::connectors::kafka::{Kafka, OffsetRange};
    /// use millstream::rdd::Context;
    ///
    /// let clicks = Kafka::read("localhost:9092").in_ranges();
    /// let some = [OffsetRange::new("clicks", 0, 100, 200), OffsetRange::new("clicks", 1, 0, 50)];
    /// println!("{}", Context::new()?.kafka_ranges(&clicks, &some)?.count()?);
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    ///
    /// # Errors
    /// A range that the topic does not have, or no broker gives an answer.
    #[track_caller]
    pub fn kafka_ranges<D: Decode>(
        &self,
        source: &KafkaRanges<D>,
        ranges: &[OffsetRange],
    ) -> Result<Rdd<D::Record>> {
        source.check(ranges)?;
        Ok(self.kafka_ranges_unchecked(source, ranges.to_vec()))
    }

    #[track_caller]
    pub(crate) fn kafka_ranges_unchecked<D: Decode>(
        &self,
        source: &KafkaRanges<D>,
        ranges: Vec<OffsetRange>,
    ) -> Rdd<D::Record> {
        let source = source.clone();
        let site = Site::new(&self.engine, "KafkaRdd", "kafka_ranges", ranges.len());
        Rdd::new(&self.engine, site, Vec::new(), None, move |partition, task| {
            let reader = source.read(&ranges[partition])?;
            Ok(Box::new(RangePull { reader, task: task.clone() }))
        })
    }
}

struct RangePull<D: Decode> {
    reader: RangeReader<D>,
    task: TaskContext,
}

impl<D: Decode> Pull<D::Record> for RangePull<D> {
    fn next(&mut self) -> Result<Option<Batch<D::Record>>> {
        loop {
            self.task.cancellation.check()?;
            match self.reader.read_more()? {
                Some(batch) if batch.is_empty() => {}
                other => return Ok(other),
            }
        }
    }
}
