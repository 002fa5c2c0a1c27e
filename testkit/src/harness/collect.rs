//! The end of the chain in a test.

use std::cell::RefCell;
use std::rc::Rc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{ChainContext, Control, Downstream};
use millstream_model::error::Result;
use millstream_model::time::Timestamp;

/// A record with its event time, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted<T> {
    /// The record.
    pub record: T,
    /// Its time.
    pub time: Option<Timestamp>,
}

/// Keeps what comes.
pub(super) struct Collect<T> {
    pub(super) results: Rc<RefCell<Vec<Emitted<T>>>>,
    pub(super) limit: usize,
}

impl<T> Downstream<T> for Collect<T> {
    fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        assert!(batch.len() <= self.limit, "a batch is longer than the output's limit");
        let mut results = self.results.borrow_mut();
        if batch.is_timed() {
            results.extend(batch.drain_timed().map(|(record, time)| Emitted { record, time: Some(time) }));
        } else {
            results.extend(batch.drain().map(|record| Emitted { record, time: None }));
        }
        batch.clear();
        Ok(())
    }

    fn control(&mut self, _: &mut Control<'_>) -> Result<()> {
        Ok(())
    }
}
