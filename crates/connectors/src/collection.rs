//! A collection of the program as a source.
//!
//! Answers for handing out its elements. Not for taking them to other processes: each has the program, and so the
//! collection.
//! Holds: exactly once, as the collection is the same whenever the program starts.

use std::sync::Arc;

use millstream_dataflow::batch::Batch;
use millstream_dataflow::source::{Boundedness, Promise, Source, SourceReader, SplitEnumerator};
use millstream_model::error::Result;
use millstream_model::id::Subtask;
use millstream_model::record::Record;

use crate::ranges::{Cut, Numbers, RangeEnumerator, RangeReader, RangeSplit};

/// The elements of a `Vec`, in runs: each subtask reads one run, in order.
///
/// ```
/// use millstream_connectors::collection::Collection;
/// let source = Collection::new(vec!["to", "be", "or", "not"]);
/// ```
#[derive(Clone, Debug)]
pub struct Collection<T>(Arc<Vec<T>>);

impl<T: Record + Sync> Collection<T> {
    /// A source of these elements.
    pub fn new(elements: Vec<T>) -> Self {
        Self(Arc::new(elements))
    }
}

impl<T: Record + Sync> Source for Collection<T> {
    type Record = T;
    type Split = RangeSplit;

    fn name(&self) -> String {
        "Collection".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<RangeSplit>>> {
        Ok(Box::new(RangeEnumerator::new(self.0.len() as u64, Cut::Runs, restored)?))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<T, RangeSplit>>> {
        let (elements, total) = (self.0.clone(), self.0.len() as u64);
        // A reader takes no split that ends behind the total, so the index is inside.
        Ok(Box::new(RangeReader::new(
            "collection".into(),
            total,
            None,
            move |numbers: Numbers, batch: &mut Batch<_>| {
                numbers.fill(batch, |at| elements[at as usize].clone())
            },
        )))
    }
}
