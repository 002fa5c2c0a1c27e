//! Where a job manager writes jobs and programs down: in its own folder, or, where several take turns, at their place.
//!
//! Logs and working folders are the folder's in both cases: what a job printed stays with the job manager that took it down.
//! Holds: with a lease, nothing is written once it is lost.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_model::error::Result;

use super::folder::Folder;
use crate::blobs::Blobs;
use crate::dispatcher::{JobId, JobRecord};
use crate::leadership::{Leadership, Ledger, ledger};
use crate::output::Output;

/// The first place in the log of a term is the term with so many bits behind it: a reader that goes on where another
/// leader's log ended misses nothing of this one's.
const LOG_OF_A_TERM: u32 = 40;

/// Where they are.
#[derive(Debug)]
pub(super) enum Records {
    /// In the folder.
    Own,
    /// At the place where this one leads.
    Shared { leadership: Arc<Leadership>, ledger: Box<Mutex<Ledger>> },
}

impl Records {
    /// Opens them, and is what they have.
    pub(super) fn open(folder: &Folder, leadership: Option<Leadership>) -> Result<(Self, Vec<JobRecord>)> {
        let Some(leadership) = leadership else { return Ok((Self::Own, folder.records()?)) };
        let leadership = Arc::new(leadership);
        let ledger = Ledger::take(&leadership)?;
        let found = ledger.records();
        Ok((Self::Shared { leadership, ledger: Box::new(Mutex::new(ledger)) }, found))
    }

    /// Counts the job managers that began here.
    pub(super) fn incarnation(&self, folder: &Folder) -> u32 {
        match self {
            Self::Own => folder.incarnation(),
            Self::Shared { leadership, .. } => u32::try_from(leadership.term()).unwrap_or(u32::MAX),
        }
    }

    /// Refuses where another one may lead by now.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Shared { leadership, .. } => leadership.check(),
        }
    }

    /// Whether others may write them, too.
    pub(super) fn are_shared(&self) -> bool {
        matches!(self, Self::Shared { .. })
    }

    /// Gives the lease back, if there is one.
    pub(super) fn end(&self) {
        if let Self::Shared { leadership, .. } = self {
            leadership.end();
        }
    }

    /// Writes a job down.
    pub(super) fn keep(&self, folder: &Folder, record: &JobRecord) -> Result<()> {
        match self {
            Self::Own => folder.keep(record),
            Self::Shared { ledger, .. } => lock(ledger).keep(record),
        }
    }

    /// Removes what is known of a job.
    pub(super) fn forget(&self, folder: &Folder, job: JobId) -> Result<()> {
        if let Self::Shared { ledger, .. } = self {
            lock(ledger).forget(job)?;
            // Its log may be with another job manager.
            if folder.job(job).exists()
                && let Err(failure) = folder.forget(job)
            {
                tracing::warn!(%failure, "remove it by hand");
            }
            return Ok(());
        }
        folder.forget(job)
    }

    /// A job's log, in its folder.
    pub(super) fn output(&self, folder: &Path) -> Output {
        match self {
            Self::Own => Output::in_folder(folder),
            Self::Shared { leadership, .. } => Output::beginning(folder, leadership.term() << LOG_OF_A_TERM),
        }
    }

    /// Whether this job manager and the next one have it.
    pub(super) fn has_program(&self, hash: &str, own: &Blobs) -> Result<bool> {
        let here = own.find(hash)?.is_some();
        match self {
            Self::Own => Ok(here),
            Self::Shared { leadership, .. } => ledger::has_program(leadership.place(), hash),
        }
    }

    pub(super) fn share_program(&self, hash: &str, own: &Blobs) -> Result<()> {
        match (self, own.find(hash)?) {
            (Self::Shared { leadership, .. }, Some(file)) => {
                ledger::put_program(leadership.place(), hash, &file)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn fetch_program(&self, hash: &str, to: &Blobs) -> Result<Option<PathBuf>> {
        match self {
            Self::Shared { leadership, .. } if ledger::has_program(leadership.place(), hash)? => {
                ledger::fetch_program(leadership.place(), hash, to).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
