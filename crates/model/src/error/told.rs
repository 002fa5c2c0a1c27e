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

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.parts();
        let mut causes = Vec::new();
        let mut cause = parts.cause.as_deref().map(|cause| cause as &dyn std::error::Error);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let told = Told {
            fault: parts.fault,
            retry: parts.retry,
            what: parts.what.clone(),
            operator: parts.operator.as_ref().map(|at| (at.name.clone(), at.uid.clone(), at.subtask)),
            record: parts.record,
            position: parts.position.clone(),
            causes,
            advice: parts.advice.clone(),
            cancelled: parts.cancelled,
        };
        told.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = Told::deserialize(deserializer)?;
        let mut cause = None;
        for text in told.causes.into_iter().rev() {
            cause = Some(Box::new(Cause { text, behind: cause }));
        }
        Ok(Self::of(Parts {
            fault: told.fault,
            retry: told.retry,
            what: told.what,
            operator: told.operator.map(|(name, uid, subtask)| Place { name, uid, subtask }),
            record: told.record,
            position: told.position,
            cause: cause.map(|cause| cause as _),
            advice: told.advice,
            cancelled: told.cancelled,
        }))
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
        let cancelled = serde_json::to_string(&Failure::cancelled()).unwrap();
        assert!(serde_json::from_str::<Failure>(&cancelled).unwrap().is_cancelled());
    }
}
