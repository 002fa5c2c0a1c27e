//! Lines of standard input.

use std::time::Duration;

use millstream_dataflow::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream_dataflow::state::encoding::{from_bytes, to_bytes};
use millstream_formats::lines::{LineCutter, LineSettings, OnBadText, SkippedLines, Until};
use millstream_model::error::{Failure, Result};
use millstream_model::id::Subtask;
use millstream_model::text::Text;
use serde::{Deserialize, Serialize};

use super::feed::{Fed, Feed};
use super::settings::{BAD_TEXT, INPUT_SETTINGS, LINE_MAX};
use crate::chosen::Chosen;

/// Each line of standard input, until its end; one subtask reads it.
///
/// At most once across a kill: what was read from a pipe is gone from there. A job that is started again within its process
/// goes on with the next line. On a cluster a job's processes have nothing at their standard input.
///
/// ```
/// use millstream_connectors::standard_io::StandardInput;
///
/// let lines = StandardInput::lines().set("bad-text", "replace");
/// ```
#[derive(Clone, Debug)]
pub struct StandardInput {
    settings: Chosen,
    skipped: SkippedLines,
    /// What is read, where that is not standard input: in tests.
    feed: Option<Feed>,
}

impl StandardInput {
    /// Lines, without their ends.
    pub fn lines() -> Self {
        Self { settings: Chosen::new(&INPUT_SETTINGS), skipped: SkippedLines::default(), feed: None }
    }

    #[cfg(test)]
    pub(super) fn of(feed: Feed) -> Self {
        Self { feed: Some(feed), ..Self::lines() }
    }

    /// Gives a setting its value: see [`INPUT_SETTINGS`]. One that is unknown or malformed is refused when the job starts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.set(name, value);
        self
    }

    /// The count of lines left out for the setting `bad-text`.
    pub fn skipped(&self) -> SkippedLines {
        self.skipped.clone()
    }

    fn line_settings(&self) -> Result<LineSettings> {
        self.settings.check()?;
        Ok(LineSettings {
            on_bad_text: OnBadText::from(self.settings.get(&BAD_TEXT)?),
            longest: usize::try_from(self.settings.get(&LINE_MAX)?.0).unwrap_or(usize::MAX),
            skipped: self.skipped.clone(),
            ..LineSettings::default()
        })
    }
}

/// The input, with how many lines came: they cannot be asked for again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandardLines {
    /// How many lines came so far.
    pub lines: u64,
}

impl Split for StandardLines {
    fn id(&self) -> String {
        "standard input".into()
    }
}

impl Source for StandardInput {
    type Record = Text;
    type Split = StandardLines;

    fn name(&self) -> String {
        "StandardInput".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        Promise::AtMostOnce
    }

    fn enumerator(&self, restored: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<StandardLines>>> {
        self.line_settings()?;
        let waiting = match restored {
            None => vec![StandardLines { lines: 0 }],
            Some(bytes) => from_bytes(&bytes).map_err(|error| {
                Failure::user("the checkpoint's split does not fit standard input").because(error)
            })?,
        };
        Ok(Box::new(Only(waiting)))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<Text, StandardLines>>> {
        Ok(Box::new(Reader { settings: self.line_settings()?, feed: self.feed.clone(), open: None }))
    }
}

struct Only(Vec<StandardLines>);

impl SplitEnumerator<StandardLines> for Only {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<StandardLines>> {
        Ok(self.0.pop().map_or(NextSplit::NoMore, NextSplit::Split))
    }

    fn add_back(&mut self, splits: Vec<StandardLines>) {
        self.0.extend(splits);
    }

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        to_bytes(&self.0).map_err(|error| Failure::internal("a split cannot be encoded").because(error))
    }
}

struct Reader {
    settings: LineSettings,
    feed: Option<Feed>,
    open: Option<(Feed, LineCutter)>,
}

fn failed(error: std::io::Error) -> Failure {
    Failure::external("standard input cannot be read").because(error)
}

impl SourceReader<Text, StandardLines> for Reader {
    fn add_split(&mut self, split: StandardLines) -> Result<()> {
        let feed = self.feed.clone().map_or_else(Feed::of_the_process, Ok).map_err(failed)?;
        let cutter = LineCutter::new("standard input".into(), self.settings.clone(), 0, split.lines);
        self.open = Some((feed, cutter));
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Text>, patience: Duration) -> Result<Polled> {
        let Some((feed, cutter)) = &mut self.open else { return Ok(Polled::NeedSplit) };
        match feed.take(patience).map_err(failed)? {
            Fed::Nothing => Ok(Polled::Nothing),
            Fed::Bytes(bytes) => {
                let mut left = &*bytes;
                while !left.is_empty() {
                    cutter.read(&mut left).map_err(failed)?;
                    cutter.cut(Until::Complete, &mut |batch| output.emit(batch))?;
                }
                Ok(Polled::More)
            }
            Fed::End => {
                cutter.cut(Until::Rest, &mut |batch| output.emit(batch))?;
                self.open = None;
                Ok(Polled::NeedSplit)
            }
        }
    }

    fn snapshot(&mut self) -> Vec<StandardLines> {
        self.open.iter().map(|(_, cutter)| StandardLines { lines: cutter.lines() }).collect()
    }
}
