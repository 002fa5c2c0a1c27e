//! What a leader writes down for the next one: all jobs, in one file.
//!
//! Each version of the file is written on the condition that the one before it is what this leader wrote last; the first
//! thing that a leader writes is the file as it found it, with its own term in it. So whoever led before can write nothing
//! from then on, whatever its clock says. Programs lie beside it under their hashes: those are the same whoever writes them.
//! Holds: what was written down is found by the next leader; a write that was not made is an error to who asked for it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_model::error::{Failure, Result, Retry};
use millstream_storage::{ConditionalStore, Outcome, Storage, Version};
use serde::{Deserialize, Serialize};

use super::Leadership;
use crate::blobs::Blobs;
use crate::dispatcher::{JobId, JobRecord};

/// The file.
const NAME: &str = "jobs.json";
/// The bytes of a program that are held in memory at once.
const PIECE: usize = 4 << 20;

/// The jobs of a cluster, by the leader of a term.
#[derive(Debug)]
pub(crate) struct Ledger {
    place: Storage,
    page: Page,
    version: Version,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Page {
    /// Whose it is.
    term: u64,
    /// Counts the writes of this term: no two pages are the same.
    count: u64,
    jobs: BTreeMap<JobId, JobRecord>,
}

impl Ledger {
    /// Makes the file this leader's.
    pub(crate) fn take(leadership: &Arc<Leadership>) -> Result<Self> {
        let holds = Arc::downgrade(leadership);
        // A question that waits for the store ends with the right to ask it.
        let place = leadership
            .place()
            .clone()
            .stopped_by(move || holds.upgrade().is_none_or(|leadership| !leadership.is_held()));
        Self::begin(place, leadership.term())
    }

    fn begin(place: Storage, term: u64) -> Result<Self> {
        loop {
            let read = place.read(NAME)?;
            let (jobs, version) = match read {
                None => (BTreeMap::new(), None),
                Some((text, version)) => {
                    let page: Page = serde_json::from_slice(&text).map_err(|error| {
                        Failure::external(format!("{} is no list of jobs", place.full_name(NAME)))
                            .because(error)
                            .advice("was it written by another version of Millstream? move it away to start without jobs")
                    })?;
                    if page.term >= term {
                        return Err(overtaken(&place, page.term));
                    }
                    (page.jobs, Some(version))
                }
            };
            let page = Page { term, count: 1, jobs };
            let written = match version {
                Some(version) => place.replace(NAME, &version, &text(&page)?)?,
                None => place.create(NAME, &text(&page)?)?,
            };
            // Whoever led before wrote once more in between: that is read, too.
            if let Outcome::Won(version) = written {
                return Ok(Self { place, page, version });
            }
        }
    }

    /// All jobs, the oldest first.
    pub(crate) fn records(&self) -> Vec<JobRecord> {
        self.page.jobs.values().cloned().collect()
    }

    /// Writes a job down.
    pub(crate) fn keep(&mut self, record: &JobRecord) -> Result<()> {
        self.change(|jobs| drop(jobs.insert(record.id, record.clone())))
    }

    /// Removes what is known of a job.
    pub(crate) fn forget(&mut self, job: JobId) -> Result<()> {
        self.change(|jobs| drop(jobs.remove(&job)))
    }

    fn change(&mut self, change: impl FnOnce(&mut BTreeMap<JobId, JobRecord>)) -> Result<()> {
        let mut page = self.page.clone();
        page.count += 1;
        change(&mut page.jobs);
        match self.place.replace(NAME, &self.version, &text(&page)?)? {
            Outcome::Won(version) => {
                (self.page, self.version) = (page, version);
                Ok(())
            }
            Outcome::Lost => Err(overtaken(&self.place, page.term)),
        }
    }
}

fn text(page: &Page) -> Result<Vec<u8>> {
    serde_json::to_vec(page)
        .map_err(|error| Failure::internal("the jobs cannot be written down").because(error))
}

fn overtaken(place: &Storage, term: u64) -> Failure {
    Failure::external(format!(
        "another job manager has written to {} since term {term} began",
        place.full_name(NAME)
    ))
    .retry(Retry::No)
    .advice("this one has to stop, and stands by once it is started again")
}

fn program(hash: &str) -> String {
    format!("programs/{hash}")
}

/// Whether a program lies where the next leader finds it.
pub(crate) fn has_program(place: &Storage, hash: &str) -> Result<bool> {
    match place.head(&program(hash)) {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Puts a program there.
pub(crate) fn put_program(place: &Storage, hash: &str, file: &Path) -> Result<()> {
    if has_program(place, hash)? {
        return Ok(());
    }
    let unreadable = |error| Failure::external(format!("{} cannot be read", file.display())).because(error);
    let mut from = File::open(file).map_err(unreadable)?;
    let hidden = format!(".{hash}-{}", &crate::secret::fresh()?[..8]);
    let mut upload = place.begin_upload(&program(hash), &hidden)?;
    let mut piece = vec![0; PIECE];
    loop {
        match from.read(&mut piece).map_err(unreadable)? {
            0 => break,
            length => upload.write(&piece[..length])?,
        }
    }
    match place.commit(&upload.finish()?) {
        // Another upload of the same was faster.
        Err(_) if has_program(place, hash)? => Ok(()),
        committed => Ok(committed.map(drop)?),
    }
}

/// Gets a program from there.
pub(crate) fn fetch_program(place: &Storage, hash: &str, to: &Blobs) -> Result<PathBuf> {
    let length = place.head(&program(hash))?.size;
    let mut incoming = to.begin(hash)?;
    let mut offset = 0;
    while offset < length {
        let piece = place.get_range(&program(hash), offset..(offset + PIECE as u64).min(length))?;
        incoming.take(&piece)?;
        offset += PIECE as u64;
    }
    incoming.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::hash_of;
    use crate::dispatcher::{Kind, Submission};

    fn record(number: u64) -> JobRecord {
        let submission = Submission {
            program: "abc".into(),
            file_name: "count".into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            kind: Kind::Binary,
            files: Vec::new(),
        };
        let (id, name, parallelism) = (JobId(number), None, None);
        JobRecord { id, submission, submitted: 5, term: 2, outcome: None, name, parallelism }
    }

    #[test]
    fn the_next_leader_finds_what_was_written_down_and_the_last_one_writes_nothing_more() {
        let place = Storage::open("memory:ledger").unwrap();
        let mut first = Ledger::begin(place.clone(), 1).unwrap();
        for number in [10, 9, 11] {
            first.keep(&record(number)).unwrap();
        }
        first.forget(JobId(11)).unwrap();
        let mut second = Ledger::begin(place.clone(), 2).unwrap();
        assert_eq!(second.records(), [record(9), record(10)]);
        for refused in [first.keep(&record(12)), first.forget(JobId(9))] {
            let text = refused.unwrap_err().to_string();
            assert!(text.starts_with("another job manager has written to memory:ledger/jobs.json"), "{text}");
        }
        second.keep(&record(13)).unwrap();
        let text = Ledger::begin(place.clone(), 2).unwrap_err().to_string();
        assert!(text.contains("another job manager"), "{text}");
        assert_eq!(Ledger::begin(place, 3).unwrap().records(), [record(9), record(10), record(13)]);
    }

    #[test]
    fn what_is_no_list_of_jobs_is_named_and_left_alone() {
        let place = Storage::open("memory:ledger-damaged").unwrap();
        place.put(NAME, b"{").unwrap();
        let text = Ledger::begin(place.clone(), 1).unwrap_err().to_string();
        assert!(text.starts_with("memory:ledger-damaged/jobs.json is no list of jobs"), "{text}");
        assert_eq!(place.get(NAME).unwrap(), b"{");
    }

    #[test]
    fn a_program_goes_to_the_store_and_comes_back() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = one.path().join("program");
        std::fs::write(&file, vec![7; PIECE + 3]).unwrap();
        let hash = hash_of(&file).unwrap();
        for place in
            [Storage::open("memory:ledger-programs").unwrap(), Storage::local(one.path().join("place"))]
        {
            assert!(!has_program(&place, &hash).unwrap());
            put_program(&place, &hash, &file).unwrap();
            put_program(&place, &hash, &file).unwrap();
            assert!(has_program(&place, &hash).unwrap());
            let fetched = fetch_program(&place, &hash, &Blobs::in_folder(other.path()).unwrap()).unwrap();
            assert_eq!(hash_of(&fetched).unwrap(), hash);
        }
    }
}
