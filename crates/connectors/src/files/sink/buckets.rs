//! Which folder a record is written to.
//!
//! Answers for patterns of dates, and for a user's choice never leading out of the sink's folder.

use std::fmt;
use std::fmt::Write as _;
use std::path::{Component, Path};
use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;
use millstream_storage::Storage;

/// What the folder of a record may be chosen by, besides the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketContext {
    /// The time on this machine's clock.
    pub processing_time: Timestamp,
    /// The record's event time, if it has one.
    pub event_time: Option<Timestamp>,
}

/// The user's choice of a record's folder.
type Choose<T> = dyn Fn(&T, &BucketContext) -> String + Send + Sync;

/// The folders below the sink's.
pub enum Buckets<T> {
    /// None: all files lie in the sink's folder.
    None,
    /// One for each time of writing as this pattern shows it: see [`Buckets::time`].
    Time(String),
    /// The one that a function names.
    By(Arc<Choose<T>>),
}

impl<T> Buckets<T> {
    /// One for each hour of processing time, in UTC: `2013-01-01--10`.
    pub fn hourly() -> Self {
        Self::time("yyyy-MM-dd--HH")
    }

    /// One for each processing time, in UTC, as `pattern` shows it: `yyyy` the year, `MM` the month, `dd` the day, `HH`
    /// the hour, `mm` the minute, `ss` the second, `SSS` the millisecond; `'text'` in quotes and all that is no letter
    /// stand for themselves, and `/` begins a folder within the folder. A pattern with other letters is refused when the
    /// job starts.
    ///
    /// ```
    /// use millstream_connectors::files::sink::{Buckets, TextFilesSink};
    /// let sink = TextFilesSink::<u64>::below("out").buckets(Buckets::time("'day='yyyy-MM-dd/HH"));
    /// ```
    pub fn time(pattern: impl Into<String>) -> Self {
        Self::Time(pattern.into())
    }

    /// The folder that `choose` names, such as by a field of the record: `JFK`, or `JFK/2013` for a folder within a folder. It must not lead out of the
    /// sink's folder; an empty name is that folder itself.
    ///
    /// ```
    /// use millstream_connectors::files::sink::{Buckets, TextFilesSink};
    /// let even = Buckets::by(|n: &u64, _| if n % 2 == 0 { "even".into() } else { "odd".into() });
    /// let sink = TextFilesSink::below("out").buckets(even);
    /// ```
    pub fn by(choose: impl Fn(&T, &BucketContext) -> String + Send + Sync + 'static) -> Self {
        Self::By(Arc::new(choose))
    }
}

impl<T> Clone for Buckets<T> {
    fn clone(&self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Time(pattern) => Self::Time(pattern.clone()),
            Self::By(choose) => Self::By(choose.clone()),
        }
    }
}

impl<T> fmt::Debug for Buckets<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Time(pattern) => write!(f, "Time({pattern:?})"),
            Self::By(_) => f.write_str("By(..)"),
        }
    }
}

/// Buckets that were checked.
pub(super) enum Chooser<T> {
    None,
    Time(TimePattern),
    By(Arc<Choose<T>>),
}

impl<T> Chooser<T> {
    /// Refuses a pattern that is none.
    pub(super) fn of(buckets: &Buckets<T>) -> Result<Self> {
        Ok(match buckets {
            Buckets::None => Self::None,
            Buckets::Time(pattern) => Self::Time(TimePattern::parse(pattern)?),
            Buckets::By(choose) => Self::By(choose.clone()),
        })
    }

    /// Whether all records written at once go to one folder.
    pub(super) fn is_by_record(&self) -> bool {
        matches!(self, Self::By(_))
    }

    /// Whether a folder gets no more records once its time is over.
    pub(super) fn is_by_time(&self) -> bool {
        matches!(self, Self::Time(_))
    }

    /// The name of the folder for what is written now.
    pub(super) fn at(&self, now: Timestamp) -> String {
        if let Self::Time(pattern) = self { pattern.show(now) } else { String::new() }
    }

    /// The name of the folder for a record.
    pub(super) fn of_record(&self, record: &T, context: &BucketContext) -> String {
        match self {
            Self::By(choose) => choose(record, context),
            _ => self.at(context.processing_time),
        }
    }
}

/// The folder of this name below `folder`.
pub(super) fn below(place: &Storage, name: &str) -> Result<String> {
    let inside = |part| matches!(part, Component::Normal(_));
    let hidden = |part: &str| part.starts_with('.');
    if !Path::new(name).components().all(inside) || name.split('/').any(hidden) {
        return Err(Failure::user(format!("the bucket `{name}` is no folder below `{}`", place.name()))
            .advice("name a folder such as `JFK` or `2013/01`: without `..`, `.` or `/` at its begin"));
    }
    // A store without folders would take an empty part for one.
    Ok(name.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
}

enum Piece {
    Literal(String),
    /// A letter and how often it stood.
    Field(char, usize),
}

/// A pattern of a date and time.
pub(super) struct TimePattern(Vec<Piece>);

const LETTERS: &str = "yMdHmsS";

impl TimePattern {
    fn parse(pattern: &str) -> Result<Self> {
        let refuse = |what: String| {
            Err(Failure::user(format!("the bucket pattern `{pattern}` {what}"))
                .advice("it may have yyyy MM dd HH mm ss SSS, 'text' in quotes, and signs: yyyy-MM-dd--HH"))
        };
        let (mut pieces, mut rest) = (Vec::new(), pattern);
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let Some((text, behind)) = rest[1..].split_once('\'') else {
                    return refuse("has a quote that is not closed".into());
                };
                // Two quotes are one that stands for itself.
                pieces.push(Piece::Literal(if text.is_empty() { "'".into() } else { text.into() }));
                rest = behind;
            } else if first.is_ascii_alphabetic() {
                if !LETTERS.contains(first) {
                    return refuse(format!("has the letter `{first}`, which has no meaning here"));
                }
                let end = rest.find(|c| c != first).unwrap_or(rest.len());
                pieces.push(Piece::Field(first, end));
                rest = &rest[end..];
            } else {
                pieces.push(Piece::Literal(first.to_string()));
                rest = &rest[first.len_utf8()..];
            }
        }
        Ok(Self(pieces))
    }

    fn show(&self, time: Timestamp) -> String {
        let (utc, mut text) = (time.utc(), String::new());
        for piece in &self.0 {
            let (number, width) = match piece {
                Piece::Literal(literal) => {
                    text.push_str(literal);
                    continue;
                }
                Piece::Field('y', 2) => (utc.year.rem_euclid(100), 2),
                Piece::Field('y', width) => (utc.year, *width),
                Piece::Field('M', width) => (utc.month, *width),
                Piece::Field('d', width) => (utc.day, *width),
                Piece::Field('H', width) => (utc.hour, *width),
                Piece::Field('m', width) => (utc.minute, *width),
                Piece::Field('s', width) => (utc.second, *width),
                Piece::Field(_, width) => (utc.millisecond, *width),
            };
            let _ = write!(text, "{number:0width$}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2013-01-02T03:04:05.006Z.
    const TIME: Timestamp = Timestamp::from_millis(1_357_095_845_006);

    #[test]
    fn a_pattern_shows_each_part_of_a_time() {
        let show = |pattern| TimePattern::parse(pattern).unwrap().show(TIME);
        assert_eq!(show("yyyy-MM-dd--HH"), "2013-01-02--03");
        assert_eq!(show("'year='yyyy/M/d"), "year=2013/1/2");
        assert_eq!(show("yyMMdd HHmmss.SSS ''x''".trim_end_matches("x''")), "130102 030405.006 '");
        assert_eq!(show(""), "");
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_with_what_may_stand_in_it() {
        let refusal = |pattern| TimePattern::parse(pattern).err().unwrap().to_string();
        let advice = "\n  it may have yyyy MM dd HH mm ss SSS, 'text' in quotes, and signs: yyyy-MM-dd--HH";
        assert_eq!(
            refusal("yyyy-QQ"),
            format!("the bucket pattern `yyyy-QQ` has the letter `Q`, which has no meaning here{advice}")
        );
        assert_eq!(
            refusal("'day"),
            format!("the bucket pattern `'day` has a quote that is not closed{advice}")
        );
    }

    #[test]
    fn a_bucket_stays_within_the_folder_of_its_sink() {
        let folder = &Storage::local("out");
        assert_eq!(below(folder, "a/b").unwrap(), "a/b");
        assert_eq!(below(folder, "a//b/").unwrap(), "a/b");
        assert_eq!(below(folder, "").unwrap(), "");
        for name in ["..", "a/../..", "/etc", "./a", ".hidden", "a/.b"] {
            assert_eq!(
                below(folder, name).unwrap_err().to_string(),
                format!(
                    "the bucket `{name}` is no folder below `out`\n  \
                     name a folder such as `JFK` or `2013/01`: without `..`, `.` or `/` at its begin"
                )
            );
        }
    }
}
