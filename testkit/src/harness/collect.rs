//! The end of the chain in a test.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::operator::{ChainContext, Control, Downstream};
use millstream_model::error::Result;
use millstream_model::time::Timestamp;

use super::tape::SharedTape;

/// A record with its event time, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted<T> {
    /// The record.
    pub record: T,
    /// Its time.
    pub time: Option<Timestamp>,
}

/// Keeps the records that come, and writes down everything that comes.
pub(super) struct Collect<T> {
    pub(super) records: Rc<RefCell<Vec<Emitted<T>>>>,
    pub(super) tape: SharedTape,
    pub(super) limit: usize,
}

impl<T: Debug> Downstream<T> for Collect<T> {
    fn open(&mut self, _: &mut ChainContext<'_>) -> Result<()> {
        Ok(())
    }

    fn batch(&mut self, batch: &mut Batch<T>) -> Result<()> {
        assert!(batch.len() <= self.limit, "a batch is longer than the output's limit");
        let (mut records, mut tape, is_timed) =
            (self.records.borrow_mut(), self.tape.borrow_mut(), batch.is_timed());
        for (record, time) in batch.drain_timed() {
            let time = is_timed.then_some(time);
            tape.record(&record, time);
            records.push(Emitted { record, time });
        }
        batch.clear();
        Ok(())
    }

    fn control(&mut self, control: &mut Control<'_>) -> Result<()> {
        let mut tape = self.tape.borrow_mut();
        match control {
            Control::Watermark(time) => tape.watermark(*time),
            Control::Idle => tape.idle(),
            Control::End => tape.end(),
            Control::Barrier(_) | Control::Tick(_) | Control::Flush => {}
        }
        Ok(())
    }
}
