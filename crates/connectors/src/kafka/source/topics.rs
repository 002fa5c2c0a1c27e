//! What is read: which topics, from where on, and up to where.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
}

impl TopicPartition {
    /// A partition of a topic.
    pub fn new(topic: impl Into<String>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

/// Where reading begins in a partition that no checkpoint knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// At its first record.
    Earliest,
    /// Behind its last record.
    Latest,
    /// At its first record of this time or later; behind its last where there is none.
    Time(Timestamp),
    /// Where the group stands (setting `group`); where it has committed nothing, at the first record.
    Committed,
    /// Where the group stands; where it has committed nothing, behind the last record.
    CommittedOrLatest,
    /// Where the group stands; where it has committed nothing, the job fails.
    CommittedOrFail,
    /// At these offsets; partitions that are not in the list begin at their first record.
    Offsets(Vec<(TopicPartition, i64)>),
}

/// Where reading ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopAt {
    /// Behind what was the last record when the job started.
    Latest,
    /// Before the first record of this time or later; behind what was the last record where there is none.
    Time(Timestamp),
    /// Before these offsets; partitions that are not in the list are not read.
    Offsets(Vec<(TopicPartition, i64)>),
}

/// The topics that are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kafka) enum Chosen {
    Nothing,
    Topics(Vec<String>),
    Pattern(String),
    Matching(Matching),
    Partitions(Vec<TopicPartition>),
}

/// Whether a topic is read, by its name.
#[derive(Clone)]
pub(in crate::kafka) struct Matching(pub(in crate::kafka) Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl PartialEq for Matching {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Matching {}

impl fmt::Debug for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function of the name")
    }
}

impl Chosen {
    /// Refuses what names nothing.
    pub(in crate::kafka) fn check(&self) -> Result<()> {
        let advice = "say what to read: .topics([\"clicks\"]), .pattern(\"clicks-*\") or .partitions([...])";
        let wrong = match self {
            Self::Nothing => Some("a Kafka source was not told what to read".to_owned()),
            Self::Topics(topics) if topics.is_empty() => Some("the list of topics is empty".into()),
            Self::Partitions(list) if list.is_empty() => Some("the list of partitions is empty".into()),
            Self::Topics(topics) => topics.iter().find(|topic| !is_name(topic)).map(|topic| no_name(topic)),
            Self::Matching(_) => None,
            Self::Pattern(pattern) => glob::Pattern::new(pattern)
                .err()
                .map(|error| format!("`{pattern}` is no pattern of topics: {error}")),
            Self::Partitions(list) => {
                let wrong = list.iter().find(|one| !is_name(&one.topic) || one.partition < 0);
                wrong.map(|one| no_name(&format!("{}-{}", one.topic, one.partition)))
            }
        };
        wrong.map_or(Ok(()), |wrong| Err(Failure::user(wrong).advice(advice)))
    }

    /// As people are told it.
    pub(in crate::kafka) fn shown(&self) -> String {
        match self {
            Self::Nothing => "no topic of Kafka's".into(),
            Self::Topics(topics) => format!("Kafka topics {}", topics.join(", ")),
            Self::Pattern(pattern) => format!("Kafka topics {pattern}"),
            Self::Matching(_) => "Kafka topics by name".into(),
            Self::Partitions(list) => {
                let names: Vec<_> =
                    list.iter().map(|one| format!("{}-{}", one.topic, one.partition)).collect();
                format!("Kafka partitions {}", names.join(", "))
            }
        }
    }

    /// The topics by name; `None` for those of a pattern.
    pub(in crate::kafka) fn names(&self) -> Option<Vec<&str>> {
        match self {
            Self::Nothing => Some(Vec::new()),
            Self::Topics(topics) => Some(topics.iter().map(String::as_str).collect()),
            Self::Pattern(_) | Self::Matching(_) => None,
            Self::Partitions(list) => {
                let mut names: Vec<&str> = list.iter().map(|one| one.topic.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                Some(names)
            }
        }
    }

    /// Whether this partition of a topic that was asked about is read.
    pub(in crate::kafka) fn includes(&self, topic: &str, partition: i32) -> bool {
        match self {
            Self::Nothing => false,
            Self::Topics(_) => true,
            // Kafka's own topics are read by name alone.
            Self::Pattern(pattern) => {
                !topic.starts_with("__") && glob::Pattern::new(pattern).is_ok_and(|one| one.matches(topic))
            }
            Self::Matching(matching) => !topic.starts_with("__") && (matching.0)(topic),
            Self::Partitions(list) => list.iter().any(|one| one.topic == topic && one.partition == partition),
        }
    }
}

/// Everything that discovery needs to know.
#[derive(Clone, Debug)]
pub(in crate::kafka) struct Plan {
    pub(in crate::kafka) chosen: Chosen,
    pub(in crate::kafka) start: StartAt,
    pub(in crate::kafka) stop: Option<StopAt>,
    /// Zero: partitions are looked for once.
    pub(in crate::kafka) interval: Duration,
    pub(in crate::kafka) start_timeout: Duration,
    pub(in crate::kafka) outage_timeout: Duration,
}

fn is_name(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.len() <= 249 && name.chars().all(known)
}

fn no_name(name: &str) -> String {
    format!("`{name}` is no name of a topic: they have letters, digits, `.`, `_` and `-`, up to 249")
}
