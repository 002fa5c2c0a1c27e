//! Data sets that are records in memory and nothing else: what a receiver took in, and what was computed to be kept
//! without the lineage behind it.
//!
//! Holds: runs keep their places in the source, so that a failure can name the record.

use std::sync::{Arc, Mutex, PoisonError};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Codec, Pull};
use millstream_dataflow::state::{Detacher, may_hold_text};
use millstream_model::error::Result;
use millstream_model::record::Record;

use super::site::Site;
use super::{Context, Rdd};

/// The runs of one partition. A run is locked while it is copied, as records need not be [`Sync`].
type Runs<T> = Vec<Mutex<Batch<T>>>;

struct RunsPull<T> {
    partitions: Arc<Vec<Runs<T>>>,
    partition: usize,
    next: usize,
}

impl<T: Record> Pull<T> for RunsPull<T> {
    fn next(&mut self) -> Result<Option<Batch<T>>> {
        let run = self.partitions[self.partition].get(self.next);
        self.next += 1;
        Ok(run.map(|run| run.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }
}

impl Context {
    /// The data set that [`Rdd::encoded`] gave the bytes of.
    #[track_caller]
    pub(crate) fn decoded<T: Record>(
        &self,
        name: &'static str,
        codec: Codec<T>,
        blocks: &[Vec<u8>],
    ) -> Result<Rdd<T>> {
        let runs = |block: &Vec<u8>| {
            let records = codec.decode(block)?;
            Ok(if records.is_empty() { Vec::new() } else { vec![Batch::from(records)] })
        };
        Ok(self.in_memory(name, blocks.iter().map(runs).collect::<Result<_>>()?))
    }

    /// The data set whose partitions are these runs; none of the runs is empty.
    #[track_caller]
    pub(crate) fn in_memory<T: Record>(&self, name: &'static str, partitions: Vec<Vec<Batch<T>>>) -> Rdd<T> {
        let partitions: Vec<Runs<T>> =
            partitions.into_iter().map(|runs| runs.into_iter().map(Mutex::new).collect()).collect();
        let partitions = Arc::new(partitions);
        let site = Site::new(&self.engine, "InMemoryRdd", name, partitions.len());
        Rdd::new(&self.engine, site, Vec::new(), None, move |partition, _| {
            Ok(Box::new(RunsPull { partitions: Arc::clone(&partitions), partition, next: 0 }))
        })
    }
}

impl<T: Record> Rdd<T> {
    /// The records of each partition as bytes.
    pub(crate) fn encoded(&self, codec: Codec<T>) -> Result<Vec<Vec<u8>>> {
        self.engine.run(&self.node, &self.all(), move |mut records, _| {
            let mut all = Vec::new();
            while let Some(mut run) = records.next()? {
                all.extend(run.drain());
            }
            codec.encode(&all)
        })
    }

    /// Computes the data set now and gives one of the same records and partitions that is made from nothing.
    #[track_caller]
    pub(crate) fn materialise(&self, name: &'static str) -> Result<Rdd<T>> {
        let partitions =
            self.engine.run_with(Arc::default(), &self.node, &self.all(), |mut records, _| {
                let (mut runs, mut detacher) = (Vec::new(), Detacher::of::<T>());
                while let Some(mut run) = records.next()? {
                    // Kept for long: a text must not keep the buffer alive that it was read into.
                    let own = |record| detacher.own(record);
                    runs.push(if may_hold_text::<T>() { run.map(own) } else { run });
                }
                Ok(runs)
            })?;
        Ok(Context { engine: Arc::clone(&self.engine) }.in_memory(name, partitions))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_materialised_rdd_has_the_records_and_partitions_and_no_lineage() {
        let context = Context::builder().parallelism(3).build().unwrap();
        let made = context.range(0, 5000).map(|n| n * 2).materialise("kept").unwrap();
        assert_eq!(made.partitions(), 3);
        assert_eq!(made.collect().unwrap(), (0..5000).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(made.to_debug_string().lines().count(), 1, "{}", made.to_debug_string());
    }
}
