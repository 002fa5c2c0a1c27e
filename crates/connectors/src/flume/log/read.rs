//! Reading a log from a place on, while it is written.

use std::fs::File;
use std::io;

use millstream_model::error::{Failure, Result};

use super::entry::{self, Found};
use super::{Log, LogPlace, segment};
use crate::flume::event::FlumeEvent;
use crate::flume::wire::cursor::Cursor;
use crate::flume::wire::packed::unpack;

/// Where one who reads stands.
pub(in crate::flume) struct LogReader {
    place: LogPlace,
    file: Option<(u64, File)>,
    /// The events of the entry at `place`; empty if it is not read yet.
    entry: Vec<u8>,
    count: u32,
    /// Where in them the next event begins.
    at: usize,
}

impl LogReader {
    pub(in crate::flume) fn new(place: LogPlace) -> Self {
        Self { place, file: None, entry: Vec::new(), count: 0, at: 0 }
    }

    /// Behind the last event that was read.
    pub(in crate::flume) fn place(&self) -> LogPlace {
        self.place
    }

    /// Reads events of one entry, `most` of them; how many there were, none if there is nothing to read yet.
    pub(in crate::flume) fn read(
        &mut self,
        log: &Log,
        most: usize,
        mut give: impl FnMut(FlumeEvent),
    ) -> Result<usize> {
        if self.count == 0 && !self.load(log)? {
            return Ok(0);
        }
        let mut cursor = Cursor::new(&self.entry[self.at..]);
        let mut given = 0;
        while given < most && self.place.events < self.count {
            let event = unpack(&mut cursor).map_err(|error| self.damaged(log, &error.to_string()))?;
            self.place.events += 1;
            given += 1;
            give(event);
        }
        self.at += cursor.at();
        if self.place.events == self.count {
            self.place.offset += (entry::HEAD + self.entry.len()) as u64;
            (self.place.events, self.count, self.at) = (0, 0, 0);
            // An entry of many batches does not stay in memory.
            self.entry.shrink_to(1 << 20);
        }
        Ok(given)
    }

    /// Reads the entry at the place; `false` if it is not written yet.
    fn load(&mut self, log: &Log) -> Result<bool> {
        if self.place.offset >= log.end()? {
            return Ok(false);
        }
        let begin = log.segment_of(self.place.offset);
        let begin = begin.ok_or_else(|| self.damaged(log, "its file is gone"))?;
        let unreadable = |error: io::Error| {
            let path = segment(&log.folder, begin);
            Failure::external(format!("the log's file {} cannot be read", path.display())).because(error)
        };
        if self.file.as_ref().is_none_or(|(open, _)| *open != begin) {
            let file = File::open(segment(&log.folder, begin)).map_err(unreadable)?;
            self.file = Some((begin, file));
        }
        let Some((_, file)) = &self.file else { return Ok(false) };
        let length = file.metadata().map_err(unreadable)?.len();
        let at = self.place.offset - begin;
        match entry::read(file, at, length, &mut self.entry).map_err(unreadable)? {
            Found::Entry(head) if head.count >= self.place.events => {
                self.count = head.count;
                let mut cursor = Cursor::new(&self.entry);
                for _ in 0..self.place.events {
                    unpack(&mut cursor).map_err(|error| self.damaged(log, &error.to_string()))?;
                }
                self.at = cursor.at();
                Ok(true)
            }
            _ => Err(self.damaged(log, "there is no whole entry")),
        }
    }

    fn damaged(&self, log: &Log, what: &str) -> Failure {
        let LogPlace { offset, events } = self.place;
        Failure::user(format!("the log in {} is damaged at {offset}, event {events}", log.folder.display()))
            .because(what.to_owned())
            .advice("agents were told that its events are taken: bring the folder back as it was, or")
            .advice("move it away and start with the setting log-lost=go-on, which goes on without them")
    }
}
