//! A failure as another process is told it.
//!
//! Answers for a failure crossing a process border with all that it says: texts of its causes in place of the causes
//! themselves. Holds: told and heard again, it reads the same, and its fault, retry and place are the same.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::failure::{Failure, Parts, Place};
use super::{Fault, Position, Retry};
use crate::id::{OperatorUid, Subtask};

/// What of a failure travels.
#[derive(Serialize, Deserialize)]
struct Told {
    fault: Fault,
    retry: Retry,
    what: String,
    operator: Option<(String, OperatorUid, Option<Subtask>)>,
    record: Option<u64>,
    position: Option<Position>,
    /// The cause, and what is behind it.
    causes: Vec<String>,
    advice: Vec<String>,
    cancelled: bool,
    detail: Option<String>,
}

/// A cause that was told: its text, and what is behind it.
#[derive(Debug)]
struct Cause {
    text: String,
    behind: Option<Box<Cause>>,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.behind.as_deref().map(|cause| cause as _)
    }
}

impl Told {
    fn of(failure: &Failure) -> Self {
        let parts = failure.parts();
        let mut causes = Vec::new();
        let mut cause = parts.cause.as_deref().map(|cause| cause as &dyn std::error::Error);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        Self {
            fault: parts.fault,
            retry: parts.retry,
            what: parts.what.clone(),
            operator: parts.operator.as_ref().map(|at| (at.name.clone(), at.uid.clone(), at.subtask)),
            record: parts.record,
            position: parts.position.clone(),
            causes,
            advice: parts.advice.clone(),
            cancelled: parts.cancelled,
            detail: failure.detail().map(str::to_owned),
        }
    }

    fn heard(self) -> Failure {
        let mut cause = None;
        for text in self.causes.into_iter().rev() {
            cause = Some(Box::new(Cause { text, behind: cause }));
        }
        Failure::of(Parts {
            fault: self.fault,
            retry: self.retry,
            what: self.what,
            operator: self.operator.map(|(name, uid, subtask)| Place { name, uid, subtask }),
            record: self.record,
            position: self.position,
            cause: cause.map(|cause| cause as _),
            advice: self.advice,
            cancelled: self.cancelled,
            detail: self.detail,
        })
    }
}

impl Failure {
    /// The same failure for somebody else: its causes as texts.
    #[must_use]
    pub fn told_again(&self) -> Self {
        Told::of(self).heard()
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Told::of(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Told::deserialize(deserializer).map(Told::heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Unit;

    #[test]
    fn a_failure_that_was_told_reads_as_before() {
        let inner = Failure::external("the disk is full").because("errno 28");
        let failure = inner
            .within("the part was not written")
            .at(Position { source: "a.csv".into(), unit: Unit::Line, first: 3, last: 9 })
            .in_operator("count", &OperatorUid::new("c"), Subtask { index: 1, of: 4 })
            .on_record(7)
            .advice("make room");
        let heard: Failure = serde_json::from_str(&serde_json::to_string(&failure).unwrap()).unwrap();
        assert_eq!(heard.to_string(), failure.to_string());
        assert_eq!((heard.fault(), heard.may_retry()), (failure.fault(), failure.may_retry()));
        assert!(heard.is_placed_in(&OperatorUid::new("c")));
        assert_eq!(heard.detail(), None);
        let detailed =
            Failure::user("a function failed").with_detail("{}").within("the job failed").told_again();
        assert_eq!((detailed.detail(), detailed.to_string().contains("{}")), (Some("{}"), false));
        let cancelled = serde_json::to_string(&Failure::cancelled()).unwrap();
        assert!(serde_json::from_str::<Failure>(&cancelled).unwrap().is_cancelled());
    }
}
