//! What a job manager writes down: jobs, their logs, their programs.
//!
//! ```text
//! FOLDER/lock, incarnation
//! FOLDER/programs/SHA256
//! FOLDER/jobs/job-7/job.json, output-*.jsonl, work/
//! ```
//!
//! Holds: one job manager at a time uses a folder; a record is there whole or not at all.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use millstream_model::error::{Failure, Result};

use crate::blobs::Blobs;
use crate::dispatcher::{JobId, JobRecord};

/// A folder that is this process's.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    incarnation: u32,
    _lock: File,
}

impl Folder {
    /// Takes a folder, which is made if it is not there.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let failed = |what: &str, error: std::io::Error| {
            Failure::external(format!("{what} in the folder {} failed", path.display()))
                .because(error)
                .advice("choose another folder: --folder FOLDER")
        };
        fs::create_dir_all(path.join("jobs")).map_err(|error| failed("making folders", error))?;
        let lock = File::create(path.join("lock")).map_err(|error| failed("making the lock", error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::user(format!("another job manager uses the folder {}", path.display()))
                    .advice("stop it, or choose another folder: --folder FOLDER"));
            }
            Err(TryLockError::Error(error)) => return Err(failed("taking the lock", error)),
        }
        let path = fs::canonicalize(path).map_err(|error| failed("finding the way", error))?;
        let counter = path.join("incarnation");
        let before = match fs::read_to_string(&counter) {
            Ok(text) => text.trim().parse::<u32>().map_err(|_| {
                Failure::external(format!("{} holds no number", counter.display())).advice(
                    "it counts the starts of job managers here: write a number higher than it ever was",
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(failed("reading the count of starts", error)),
        };
        let incarnation = before.wrapping_add(1);
        replace(&counter, incarnation.to_string().as_bytes()).map_err(|error| failed("counting", error))?;
        Ok(Self { path, incarnation, _lock: lock })
    }

    /// How often it was taken.
    pub(crate) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    pub(crate) fn programs(&self) -> Result<Blobs> {
        Blobs::in_folder(self.path.join("programs"))
    }

    /// The folder of a job.
    pub(crate) fn job(&self, job: JobId) -> PathBuf {
        self.path.join("jobs").join(job.to_string())
    }

    /// Where a job's master works, which is made if it is not there.
    pub(crate) fn work(&self, job: JobId) -> Result<PathBuf> {
        let path = self.job(job).join("work");
        fs::create_dir_all(&path).map_err(|error| {
            Failure::external(format!("the folder {} cannot be made", path.display())).because(error)
        })?;
        Ok(path)
    }

    /// Writes a job down.
    pub(crate) fn keep(&self, record: &JobRecord) -> Result<()> {
        let text = serde_json::to_vec_pretty(record)
            .map_err(|error| Failure::internal("a job's record cannot be written").because(error))?;
        let folder = self.job(record.id);
        fs::create_dir_all(&folder).and_then(|()| replace(&folder.join("job.json"), &text)).map_err(|error| {
            Failure::external(format!("{} cannot be written down in {}", record.id, folder.display()))
                .because(error)
        })
    }

    /// Removes what is known of a job.
    pub(crate) fn forget(&self, job: JobId) -> Result<()> {
        fs::remove_dir_all(self.job(job)).map_err(|error| {
            Failure::external(format!("what is left of {job} cannot be removed")).because(error)
        })
    }

    /// All jobs that were written down, the oldest first.
    pub(crate) fn records(&self) -> Result<Vec<JobRecord>> {
        let folder = self.path.join("jobs");
        let unreadable = |path: &Path, error: std::io::Error| {
            Failure::external(format!("{} cannot be read", path.display())).because(error)
        };
        let mut records: Vec<JobRecord> = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))? {
            let path = entry.map_err(|error| unreadable(&folder, error))?.path().join("job.json");
            match fs::read(&path) {
                Ok(text) => records.push(serde_json::from_slice(&text).map_err(|error| {
                    Failure::external(format!("{} is no record of a job", path.display()))
                        .because(error)
                        .advice("move its folder away to start without that job")
                })?),
                // A submission that was cut off before it was answered.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&path, error)),
            }
        }
        records.sort_by_key(|record| record.id);
        Ok(records)
    }
}

/// Puts a file in the place of another in one step, on the disk.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatcher::{Kind, Submission};

    fn record(number: u64) -> JobRecord {
        let submission = Submission {
            program: "abc".into(),
            kind: Kind::PythonPlan,
            files: vec!["def".into()],
            file_name: "count".into(),
            arguments: Vec::new(),
            environment: [("A".to_owned(), "b".to_owned())].into(),
        };
        JobRecord {
            id: JobId(number),
            submission,
            submitted: 5,
            term: 2,
            outcome: None,
            name: None,
            parallelism: Some(3),
        }
    }

    #[test]
    fn what_was_written_down_is_read_again_by_the_next_one() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::take(place.path()).unwrap();
        for number in [10, 9, 11] {
            folder.keep(&record(number)).unwrap();
        }
        folder.forget(JobId(11)).unwrap();
        let first = folder.incarnation();
        drop(folder);
        let folder = Folder::take(place.path()).unwrap();
        assert_eq!(folder.records().unwrap(), [record(9), record(10)]);
        assert_eq!(folder.incarnation(), first + 1);
    }

    #[test]
    fn a_folder_has_one_job_manager_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let _folder = Folder::take(place.path()).unwrap();
        let text = Folder::take(place.path()).unwrap_err().to_string();
        assert!(text.starts_with("another job manager uses the folder "), "{text}");
    }

    #[test]
    fn a_damaged_record_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::take(place.path()).unwrap();
        folder.keep(&record(1)).unwrap();
        fs::write(folder.job(JobId(1)).join("job.json"), "{").unwrap();
        let text = folder.records().unwrap_err().to_string();
        assert!(text.contains("job-1/job.json is no record of a job"), "{text}");
    }
}
