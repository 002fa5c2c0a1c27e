//! What becomes of a record that user code gives an error for.
//!
//! Answers for the user's choice and for what is told of such a record. Not for carrying the choice out: that is the
//! operator's, which alone has the record.
//! Holds: a side output for rejected records takes records of the operator's own input type; the graph is refused
//! where it does not.

use std::any::TypeId;
use std::sync::Arc;

use millstream_model::error::Position;
use serde::{Deserialize, Serialize};

use super::OutputTag;

/// What an operator does when the user's function gives an error for a record.
///
/// Only an error that the function *returns* can be gone on from. A panic fails the job whatever is chosen here, since
/// nobody knows what it left half done. What the function had emitted or written to state before it gave the error
/// stays.
///
/// ```
/// use millstream_dataflow::operator::{OnError, OutputTag, Rejected};
///
/// let bad = OutputTag::<Rejected<String>>::new("bad lines");
/// let choices = [OnError::Fail, OnError::Skip, OnError::side_output(&bad)];
/// # let _ = choices;
/// ```
#[derive(Clone, Debug, Default)]
pub enum OnError {
    /// The job fails, with the operator, the record's place and the error.
    #[default]
    Fail,
    /// The record is left out, and counted as `records_skipped`.
    Skip,
    /// The record is left out and counted, and goes to a side output with its error; see [`OnError::side_output`].
    SideOutput(RejectTag),
}

impl OnError {
    /// Sends the record, its error and its place to a side output. `T` is the type of the operator's input.
    pub fn side_output<T: 'static>(tag: &OutputTag<Rejected<T>>) -> Self {
        Self::SideOutput(RejectTag { name: tag.name().into(), record: RecordType::of::<T>() })
    }
}

/// The side output that rejected records go to.
#[derive(Clone, Debug)]
pub struct RejectTag {
    name: Arc<str>,
    record: RecordType,
}

impl RejectTag {
    /// The side output's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the records that are rejected.
    pub fn record(&self) -> RecordType {
        self.record
    }
}

/// A type of records, for telling whether two are the same.
#[derive(Clone, Copy, Debug)]
pub struct RecordType {
    id: TypeId,
    name: &'static str,
}

impl RecordType {
    /// The type `T`.
    pub fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: std::any::type_name::<T>() }
    }

    /// Its name, for people.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl PartialEq for RecordType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for RecordType {}

/// A record that user code gave an error for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected<T> {
    /// The record, as the operator was given it.
    pub record: T,
    /// The error, with what it says is behind it.
    pub error: String,
    /// Where the record stood in its source, as exactly as that is still known.
    pub position: Option<Position>,
}
