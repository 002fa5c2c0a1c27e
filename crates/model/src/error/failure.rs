//! The error that crosses the layers.

use std::fmt;

use super::{BoxError, Fault, Position, Retry};
use crate::id::{OperatorUid, Subtask};

/// The result of everything in Millstream that can fail.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Something went wrong: what, whose fault, in which operator, at which record, because of what, and what to do.
///
/// ```
/// use millstream_model::error::{Failure, Position, Unit};
///
/// let failure = Failure::user("column dep_time: \"24:7x\" is no time of day (expected HHMM)")
///     .at(Position { source: "flights.csv".into(), unit: Unit::Line, first: 7, last: 7 })
///     .advice("mend the line, or skip such records");
/// assert!(failure.to_string().starts_with("column dep_time"));
/// ```
///
/// `Debug` reads as `Display` does, so that a `main` that returns a failure, and a test that unwraps one, say it in full.
pub struct Failure(Box<Parts>);

pub(super) struct Parts {
    pub(super) fault: Fault,
    pub(super) retry: Retry,
    pub(super) what: String,
    pub(super) operator: Option<Place>,
    pub(super) record: Option<u64>,
    pub(super) position: Option<Position>,
    pub(super) cause: Option<BoxError>,
    pub(super) advice: Vec<String>,
    pub(super) cancelled: bool,
    pub(super) detail: Option<String>,
}

pub(super) struct Place {
    pub(super) name: String,
    pub(super) uid: OperatorUid,
    /// `None` where the operator failed as a whole.
    pub(super) subtask: Option<Subtask>,
}

impl Failure {
    fn new(fault: Fault, retry: Retry, what: String) -> Self {
        Self(Box::new(Parts {
            fault,
            retry,
            what,
            operator: None,
            record: None,
            position: None,
            cause: None,
            advice: Vec::new(),
            cancelled: false,
            detail: None,
        }))
    }

    pub(super) fn of(parts: Parts) -> Self {
        Self(Box::new(parts))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }

    /// The program, its settings or its input are wrong.
    pub fn user(what: impl Into<String>) -> Self {
        Self::new(Fault::User, Retry::No, what.into())
    }

    /// Something outside failed; it may succeed when tried again.
    pub fn external(what: impl Into<String>) -> Self {
        Self::new(Fault::External, Retry::Yes, what.into())
    }

    /// Millstream has a defect.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Fault::Internal, Retry::No, what.into())
            .advice("this is a defect of Millstream: please report it with this message")
    }

    /// The job was told to stop; not an error of its own.
    pub fn cancelled() -> Self {
        let mut failure = Self::new(Fault::External, Retry::No, "the job was cancelled".into());
        failure.0.cancelled = true;
        failure
    }

    /// The error or panic behind it.
    #[must_use]
    pub fn because(mut self, cause: impl Into<BoxError>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The failure of something larger that this one ended: of the same fault and retry, with this one behind it.
    #[must_use]
    pub fn within(self, what: impl Into<String>) -> Self {
        Self::new(self.0.fault, self.0.retry, what.into()).because(self)
    }

    /// Where in the source the record stood. The first place given is kept: it is nearest to the fault.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.0.position.get_or_insert(position);
        self
    }

    /// Which record of the operator's input it was, counted from 1 within the subtask and this attempt.
    #[must_use]
    pub fn on_record(mut self, number: u64) -> Self {
        self.0.record.get_or_insert(number);
        self
    }

    /// The operator that failed. The first one given is kept: those behind it only pass the failure on.
    #[must_use]
    pub fn in_operator(mut self, name: &str, uid: &OperatorUid, subtask: Subtask) -> Self {
        self.0.operator.get_or_insert_with(|| Place {
            name: name.into(),
            uid: uid.clone(),
            subtask: Some(subtask),
        });
        self
    }

    /// The operator that failed, where it was no subtask that did: in finding splits, in committing.
    #[must_use]
    pub fn in_all_of(mut self, name: &str, uid: &OperatorUid) -> Self {
        self.0.operator.get_or_insert_with(|| Place { name: name.into(), uid: uid.clone(), subtask: None });
        self
    }

    /// What to do about it; may be given several times.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice.push(advice.into());
        self
    }

    /// What the one who made it wants to read of it again, in a form of their own: it goes where the failure goes, into other
    /// processes too, and is not shown.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Says whether the same thing, tried again, may succeed.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// Whether trying again may help.
    pub fn may_retry(&self) -> bool {
        self.0.retry == Retry::Yes
    }

    /// Whether this only says that the job was told to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled
    }

    /// Whether the operator that failed is the one with this uid.
    pub fn is_placed_in(&self, uid: &OperatorUid) -> bool {
        self.0.operator.as_ref().is_some_and(|place| place.uid == *uid)
    }

    /// What went wrong, alone.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The error behind it, as it was given to [`Failure::because`].
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }

    /// What [`Failure::with_detail`] was given: of this failure, or else of the one behind it.
    pub fn detail(&self) -> Option<&str> {
        let behind = || self.cause()?.downcast_ref::<Self>()?.detail();
        self.0.detail.as_deref().or_else(behind)
    }

    /// Where in the source the record stood, if it is known.
    pub fn position(&self) -> Option<&Position> {
        self.0.position.as_ref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = &*self.0;
        match &parts.operator {
            Some(Place { name, uid, subtask }) => {
                write!(f, "operator `{name}` (uid {uid}")?;
                if let Some(subtask) = subtask {
                    write!(f, ", {subtask}")?;
                }
                f.write_str(") failed")?;
                if let Some(position) = &parts.position {
                    write!(f, " at {position}")?;
                }
                if let Some(record) = parts.record {
                    write!(f, "{} its record {record}", if parts.position.is_some() { "," } else { " at" })?;
                }
                write!(f, "\n  caused by: {}", parts.what)?;
            }
            None => {
                f.write_str(&parts.what)?;
                if let Some(position) = &parts.position {
                    write!(f, "\n  at {position}")?;
                }
            }
        }
        let mut cause = parts.cause.as_deref().map(|c| c as &dyn std::error::Error);
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        for line in &parts.advice {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Unit;

    #[test]
    fn a_failure_says_who_where_why_and_what_to_do() {
        let failure = Failure::user("no time of day")
            .because("24:7x")
            .at(Position { source: "localhost:9999".into(), unit: Unit::Line, first: 10_482, last: 10_482 })
            .in_operator("flat_map", &OperatorUid::new("parse"), Subtask { index: 1, of: 2 })
            .advice("to go on without such records: .on_error(OnError::Skip)");
        assert_eq!(
            failure.to_string(),
            "operator `flat_map` (uid parse, subtask 2 of 2) failed at localhost:9999, line 10482\n  \
             caused by: no time of day\n  caused by: 24:7x\n  \
             to go on without such records: .on_error(OnError::Skip)"
        );
        assert_eq!(format!("{failure:?}"), failure.to_string(), "main shows it by Debug");
    }

    #[test]
    fn an_operator_may_fail_as_a_whole() {
        let failure = Failure::user("no file matches").in_all_of("TextFiles", &OperatorUid::new("lines"));
        assert_eq!(
            failure.to_string(),
            "operator `TextFiles` (uid lines) failed\n  caused by: no file matches"
        );
    }

    #[test]
    fn what_fails_within_something_larger_keeps_its_fault() {
        let failure = Failure::external("the disk is full").within("batch 7 failed");
        assert_eq!(failure.to_string(), "batch 7 failed\n  caused by: the disk is full");
        assert_eq!((failure.fault(), failure.may_retry()), (Fault::External, true));
    }

    #[test]
    fn the_first_operator_and_place_named_are_kept() {
        let here = Subtask { index: 0, of: 1 };
        let failure = Failure::user("x")
            .in_operator("map", &OperatorUid::new("m"), here)
            .on_record(3)
            .in_operator("filter", &OperatorUid::new("f"), here)
            .on_record(9);
        assert!(
            failure.to_string().starts_with("operator `map` (uid m, subtask 1 of 1) failed at its record 3")
        );
    }
}
