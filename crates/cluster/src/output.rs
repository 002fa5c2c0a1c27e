//! What the processes of a job print, in one log a job.
//!
//! A log is a row of files of JSON lines. Each is named by where it begins, so that a place in the log stays what it is
//! when the oldest file goes.
//! Holds: lines are in the order in which they came; a log takes at most 16 files of about 4 MiB; a reader
//! that missed some is told so.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use millstream_model::error::{Failure, Result};
use serde::{Deserialize, Serialize};

use crate::process::Stream;

/// The size of a file, in bytes.
const FILE: u64 = 4 << 20;
/// How many are kept.
const KEPT: usize = 16;

const PREFIX: &str = "output-";
const SUFFIX: &str = ".jsonl";

/// One line that a process printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When it came, in milliseconds since 1970.
    pub at: i64,
    /// Whose: `master`, `executor 7`.
    pub process: String,
    /// Of what.
    pub stream: Stream,
    /// Without its end.
    pub text: String,
}

/// Some lines of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// In order.
    pub lines: Vec<Line>,
    /// From where to read on.
    pub next: u64,
    /// Whether lines before these are gone that were asked for.
    pub missed: bool,
}

/// The log of a job.
#[derive(Debug)]
pub struct Output {
    folder: PathBuf,
    /// No line has a place before this.
    first: u64,
    /// The last file, where it begins and how long it is.
    last: Option<(File, u64, u64)>,
}

impl Output {
    /// The log in a folder, which is there.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self::beginning(folder, 0)
    }

    /// The same, but what is added is at this place or behind it: lines of a log elsewhere have the places before.
    #[must_use]
    pub fn beginning(folder: &Path, first: u64) -> Self {
        Self { folder: folder.to_owned(), first, last: None }
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Failure::internal("a line cannot be written").because(error))?;
        text.push(b'\n');
        self.write(&text).map_err(|error| {
            Failure::external(format!("what a job prints cannot be kept in {}", self.folder.display()))
                .because(error)
        })
    }

    /// Lines from this place on, of up to about so many bytes.
    ///
    /// # Errors
    /// If the log cannot be read, or this is no place in it.
    pub fn read(&self, from: u64, most: usize) -> Result<Page> {
        let starts = match starts(&self.folder) {
            // Nothing was printed here, yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            starts => starts.map_err(|error| self.unreadable(error))?,
        };
        let Some(first) = starts.first() else {
            return Ok(Page { lines: Vec::new(), next: from, missed: false });
        };
        let mut page = Page { lines: Vec::new(), next: from.max(*first), missed: from < *first };
        let begin = starts.partition_point(|start| *start <= page.next).saturating_sub(1);
        let mut room = most;
        for start in &starts[begin..] {
            page.next = page.next.max(*start);
            let mut file = File::open(path(&self.folder, *start)).map_err(|error| self.unreadable(error))?;
            file.seek(SeekFrom::Start(page.next - start)).map_err(|error| self.unreadable(error))?;
            let mut reader = BufReader::new(file);
            let mut text = Vec::new();
            while room > 0 {
                text.clear();
                let length = reader.read_until(b'\n', &mut text).map_err(|error| self.unreadable(error))?;
                // A line whose end is not written yet is none yet.
                if text.pop() != Some(b'\n') {
                    break;
                }
                let line = serde_json::from_slice(&text).map_err(|_| {
                    Failure::user(format!("{} is no place where a line of this log begins", page.next))
                        .advice("read from 0, or from where the last answer says (`next`)")
                })?;
                page.lines.push(line);
                page.next += length as u64;
                room = room.saturating_sub(length);
            }
        }
        Ok(page)
    }

    fn write(&mut self, text: &[u8]) -> std::io::Result<()> {
        let full = |(_, _, length): &(File, u64, u64)| length + text.len() as u64 > FILE && *length > 0;
        if self.last.is_none() {
            self.last = self.open_last()?;
        }
        let next = match &self.last {
            None => Some(self.first),
            Some(last) if full(last) || last.1 < self.first => Some(self.first.max(last.1 + last.2)),
            Some(_) => None,
        };
        if let Some(start) = next {
            fs::create_dir_all(&self.folder)?;
            self.last = Some((File::create(path(&self.folder, start))?, start, 0));
            let starts = starts(&self.folder)?;
            for old in &starts[..starts.len().saturating_sub(KEPT)] {
                fs::remove_file(path(&self.folder, *old))?;
            }
        }
        if let Some((file, _, length)) = &mut self.last {
            file.write_all(text)?;
            *length += text.len() as u64;
        }
        Ok(())
    }

    /// The file that a job manager before this one wrote last, without a line that it did not end.
    fn open_last(&self) -> std::io::Result<Option<(File, u64, u64)>> {
        let starts = match starts(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            starts => starts?,
        };
        let Some(&start) = starts.last() else { return Ok(None) };
        let text = fs::read(path(&self.folder, start))?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1) as u64;
        let mut file = OpenOptions::new().write(true).open(path(&self.folder, start))?;
        file.set_len(whole)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Some((file, start, whole)))
    }

    fn unreadable(&self, error: std::io::Error) -> Failure {
        Failure::external(format!("the log in {} cannot be read", self.folder.display())).because(error)
    }
}

fn path(folder: &Path, start: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{start:020}{SUFFIX}"))
}

/// Where the files of the log begin, in order.
fn starts(folder: &Path) -> std::io::Result<Vec<u64>> {
    let mut starts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let start: Option<u64> =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok());
        starts.extend(start);
    }
    starts.sort_unstable();
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: impl Into<String>) -> Line {
        Line { at: 5, process: "master".into(), stream: Stream::Out, text: text.into() }
    }

    #[test]
    fn lines_are_read_from_where_the_last_answer_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::in_folder(folder.path());
        assert_eq!(output.read(0, 1000).unwrap(), Page { lines: vec![], next: 0, missed: false });
        output.add(&line("a")).unwrap();
        let page = output.read(0, 1000).unwrap();
        assert_eq!(page.lines, [line("a")]);
        assert_eq!(output.read(page.next, 1000).unwrap().lines, []);
        output.add(&line("b")).unwrap();
        output.add(&line("c")).unwrap();
        assert_eq!(output.read(page.next, 1).unwrap().lines, [line("b")], "no more than asked for");
        // What the next job manager finds: a line that was not ended.
        let file = path(folder.path(), 0);
        let mut torn = fs::read(&file).unwrap();
        torn.extend(b"{\"at\":");
        fs::write(&file, torn).unwrap();
        let mut output = Output::in_folder(folder.path());
        assert_eq!(output.read(0, 1000).unwrap().lines.len(), 3);
        output.add(&line("d")).unwrap();
        assert_eq!(output.read(0, 1000).unwrap().lines.len(), 4);
    }

    #[test]
    fn a_log_has_a_bound_and_who_missed_something_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::in_folder(folder.path());
        let text = "x".repeat(1 << 20);
        for number in 0..100 {
            output.add(&line(format!("{number} {text}"))).unwrap();
        }
        let size: u64 =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert!(size <= FILE * KEPT as u64, "{size}");
        let page = output.read(0, usize::MAX).unwrap();
        assert!(page.missed);
        assert!(page.lines.last().unwrap().text.starts_with("99 "));
        assert_eq!(page.lines.len() as u64, size.div_ceil(1 << 20) - 1);
    }

    #[test]
    fn a_place_within_a_line_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::in_folder(folder.path());
        output.add(&line("a")).unwrap();
        let text = output.read(3, 1000).unwrap_err().to_string();
        assert!(text.starts_with("3 is no place where a line of this log begins"), "{text}");
    }
}
