//! What operators do with records that user code gives an error for.
//!
//! Answers for carrying out the user's [`OnError`]: fail, leave out and count, or send to a side output. Not for panics,
//! which the link turns into failures whatever was chosen, nor for errors that are about no record, as a timer's.
//! Holds: a record is in the main output's makings or rejected, never both by this operator's own doing; a record is
//! copied ahead of the call only where a side output may need it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use millstream_dataflow::batch::Origin;
use millstream_dataflow::graph::SharedSides;
use millstream_dataflow::operator::{LinkCounts, OnError, OperatorContext, OutputTag, Rejected};
use millstream_model::error::{BoxError, Failure, Fault, Result};
use millstream_model::time::Timestamp;

/// What the error of a function that was to be gone on from says to do.
const ADVICE: &str =
    "to go on without such records: .on_error(OnError::Skip), counted in the metric records_skipped";

/// The failure that an error of user code is: itself, if it is one already.
pub fn user_failure(error: BoxError) -> Failure {
    match error.downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(error) => Failure::user("the function gave an error").because(error),
    }
}

/// An error with what is behind it, on one line.
fn in_words(error: &BoxError) -> String {
    let mut words = error.to_string();
    let mut behind = error.source();
    while let Some(cause) = behind {
        words = format!("{words}: {cause}");
        behind = cause.source();
    }
    words
}

/// Whether an error is about the record, rather than about the engine or the world it stands in.
fn is_about_the_record(error: &BoxError) -> bool {
    error
        .downcast_ref::<Failure>()
        .is_none_or(|failure| failure.fault() == Fault::User && !failure.is_cancelled())
}

/// Where a record stood: in its batch and in time.
pub(crate) struct RecordPlace<'a> {
    pub(crate) origin: Option<&'a Origin>,
    pub(crate) index: usize,
    pub(crate) time: Option<Timestamp>,
}

/// The choice for records of type `In`.
pub(crate) struct Rejects<In> {
    sides: SharedSides,
    counts: Arc<LinkCounts>,
    is_fatal: bool,
    tag: Option<OutputTag<Rejected<In>>>,
}

impl<In> Default for Rejects<In> {
    fn default() -> Self {
        Self { sides: SharedSides::default(), counts: Arc::default(), is_fatal: true, tag: None }
    }
}

impl<In: Clone + 'static> Rejects<In> {
    /// With the side outputs that the operator's link shares.
    pub(crate) fn set_sides(&mut self, sides: SharedSides) {
        self.sides = sides;
    }

    /// Takes the choice from the operator's context.
    pub(crate) fn open(&mut self, context: &OperatorContext<'_>) {
        self.counts = context.counts.clone();
        self.is_fatal = matches!(context.on_error, OnError::Fail);
        self.tag = match context.on_error {
            OnError::SideOutput(tag) => Some(OutputTag::new(tag.name())),
            OnError::Fail | OnError::Skip => None,
        };
    }

    /// A copy of the record, where it may be needed after the function has had it.
    #[inline]
    pub(crate) fn keep(&self, record: &In) -> Option<In> {
        self.tag.is_some().then(|| record.clone())
    }

    /// Rejects the record that the function gave `error` for; `kept` is what [`Rejects::keep`] gave.
    ///
    /// # Errors
    /// The error as a failure, where the job is to end with it.
    #[cold]
    pub(crate) fn take(&self, error: BoxError, kept: Option<In>, place: &RecordPlace<'_>) -> Result<()> {
        if !is_about_the_record(&error) {
            return Err(user_failure(error));
        }
        if self.is_fatal {
            return Err(user_failure(error).advice(ADVICE));
        }
        self.counts.records_skipped.fetch_add(1, Ordering::Relaxed);
        let (Some(tag), Some(record)) = (&self.tag, kept) else { return Ok(()) };
        let position = place.origin.map(|origin| origin.position(place.index));
        let rejected = Rejected { record, error: in_words(&error), position };
        self.sides.borrow_mut().emit(tag, rejected, place.time)
    }
}
