//! The stage engine under data sets made for it: what runs, how often, and what is left.

mod blocks;
mod jobs;
mod lineages;
mod retries;
mod stragglers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream_dataflow::lineage::{Dataset, drain};
use millstream_model::error::Result;

use super::{StageEngine, StageSettings};
use lineages::{Numbers, Sums};

fn engine(slots: usize) -> Arc<StageEngine> {
    Arc::new(StageEngine::new(&StageSettings { slots, ..StageSettings::default() }).unwrap())
}

/// All records, partition after partition.
fn collect(engine: &StageEngine, dataset: &Arc<dyn Dataset<u64>>) -> Result<Vec<u64>> {
    let all: Vec<usize> = (0..dataset.partitions()).collect();
    Ok(engine.run(dataset, &all, |mut records, _| drain(&mut *records))?.concat())
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
