//! Records whose window is gone.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use millstream_dataflow::operator::{OutputTag, SideOutputs};
use millstream_model::error::Result;
use millstream_model::time::Timestamp;

/// Counts late records; it may be read on any thread and shared by the subtasks of an operator.
#[derive(Clone, Debug, Default)]
pub struct LateCounter(Arc<AtomicU64>);

impl LateCounter {
    /// How many records came too late in this attempt of the job.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where late records go.
pub(super) struct Late<In> {
    pub(super) counter: LateCounter,
    pub(super) side: Option<(Rc<RefCell<SideOutputs>>, OutputTag<In>)>,
}

impl<In: 'static> Late<In> {
    #[cold]
    pub(super) fn take(&self, record: In, time: Timestamp) -> Result<()> {
        self.counter.0.fetch_add(1, Ordering::Relaxed);
        match &self.side {
            Some((sides, tag)) => sides.borrow_mut().emit(tag, record, Some(time)),
            None => Ok(()),
        }
    }
}
