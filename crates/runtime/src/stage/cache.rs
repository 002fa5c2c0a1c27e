//! Partitions that are kept between actions.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::DatasetId;

type Kept = HashMap<(DatasetId, usize), Arc<dyn Any + Send + Sync>>;

#[derive(Default)]
pub(super) struct CacheStore(Mutex<Kept>);

impl CacheStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, dataset: DatasetId, partition: usize) -> Option<Arc<dyn Any + Send + Sync>> {
        self.kept().get(&(dataset, partition)).cloned()
    }

    pub(super) fn put(&self, dataset: DatasetId, partition: usize, records: Arc<dyn Any + Send + Sync>) {
        self.kept().insert((dataset, partition), records);
    }

    pub(super) fn remove(&self, dataset: DatasetId, partition: usize) {
        self.kept().remove(&(dataset, partition));
    }

    pub(super) fn remove_all(&self, dataset: DatasetId) {
        self.kept().retain(|(of, _), _| *of != dataset);
    }

    /// Whether all partitions are here.
    pub(super) fn has_all(&self, dataset: DatasetId, partitions: usize) -> bool {
        let kept = self.kept();
        (0..partitions).all(|partition| kept.contains_key(&(dataset, partition)))
    }
}
