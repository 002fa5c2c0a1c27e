//! Where executors keep copies of the state that they wrote.
//!
//! Answers for a folder for each job, which its executors here share, one after the other too: one that takes the place of
//! one that crashed starts from what that one kept. Not for what lies in it (`millstream_state::LocalCopies`).
//! Holds: copies go with the last executor of a job that was told to end, a while after the last that ended otherwise, and
//! with the worker; those of a worker that was killed go when the next one starts in its folder.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// See the module.
#[derive(Debug)]
pub(super) struct Copies {
    /// Of this process.
    folder: PathBuf,
}

impl Copies {
    /// Copies below the folder of a worker, which others may have, too.
    pub(super) fn below(folder: &Path) -> Self {
        let all = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).join("state");
        for entry in fs::read_dir(&all).into_iter().flatten().flatten() {
            let owner = entry.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?));
            if owner.is_some_and(|owner| test_kill_process(owner) == Err(Errno::SRCH)) {
                remove(&entry.path());
            }
        }
        Self { folder: all.join(std::process::id().to_string()) }
    }

    /// Those of a job.
    pub(super) fn of(&self, job: &str) -> PathBuf {
        self.folder.join(job)
    }

    /// Removes those of a job.
    pub(super) fn forget(&self, job: &str) {
        remove(&self.of(job));
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "copies of state stay behind: {}", folder.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_left_that_was_killed_goes_and_what_one_has_that_lives_stays() {
        let folder = tempfile::tempdir().unwrap();
        let make = |owner: &str| {
            let kept = folder.path().join("state").join(owner).join("job-1");
            fs::create_dir_all(&kept).unwrap();
            kept
        };
        let mut killed = std::process::Command::new("true").spawn().unwrap();
        killed.wait().unwrap();
        let (left, kept) = (make(&killed.id().to_string()), make("1"));
        let own = make(&std::process::id().to_string());
        let copies = Copies::below(folder.path());
        assert_eq!((left.exists(), kept.exists(), copies.of("job-1")), (false, true, own.clone()));
        copies.forget("job-1");
        assert!(!own.exists());
        make(&std::process::id().to_string());
        drop(copies);
        assert_eq!((own.parent().unwrap().exists(), kept.exists()), (false, true));
    }
}
