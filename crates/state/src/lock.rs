//! One job per checkpoint folder.
//!
//! Answers for refusing the second job, by name of the first. In a local folder the system lets go of the lock when its
//! process ends, however it ends. Elsewhere there is a lease, which ends by itself when its holder gives no sign of life;
//! of a holder that was killed on this machine that is known at once.
//! Holds: a killed job leaves nothing behind that had to be removed by hand.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use millstream_storage::{Lease, Storage, StorageError};

use crate::error::StoreError;

/// How long a job may be silent before another takes its folder.
const SILENCE: Duration = Duration::from_secs(15);

/// The right to write to a folder, until dropped.
#[derive(Debug)]
pub(crate) enum Lock {
    /// Of this machine.
    Local {
        /// Until dropped.
        _lock: FolderLock,
    },
    /// In a store that several machines write to.
    Leased(Lease),
}

impl Lock {
    /// Takes it. Waits for up to a quarter of a minute where a job of another machine had the folder and may be gone.
    pub(crate) fn take(place: &Storage) -> Result<Self, StoreError> {
        if let Some(folder) = place.folder() {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::unwritable(folder, source))?;
            return FolderLock::take(folder).map(|lock| Self::Local { _lock: lock });
        }
        match Lease::take(place, "lease", SILENCE) {
            Err(StorageError::Held { holder, .. }) => {
                Err(StoreError::Locked { folder: place.name().to_owned(), holder })
            }
            lease => Ok(Self::Leased(lease?)),
        }
    }

    /// Refuses where another may have taken it.
    pub(crate) fn check(&self, folder: &str) -> Result<(), StoreError> {
        match self {
            Self::Leased(lease) if !lease.is_held() => {
                let holder = "another job, since this one gave no sign of life for too long".to_owned();
                Err(StoreError::Locked { folder: folder.to_owned(), holder })
            }
            _ => Ok(()),
        }
    }
}

/// The right to write to a local folder, until dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    /// Lets go at once. A process that another thread starts at this moment has a copy of the file until it becomes another
    /// program, and closing this one would leave the lock with that.
    fn drop(&mut self) {
        // Closing it lets go too, if a moment later.
        let _ = self.file.unlock();
    }
}

impl FolderLock {
    pub(crate) fn take(folder: &Path) -> Result<Self, StoreError> {
        let unwritable = |source| StoreError::unwritable(folder, source);
        let path = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {
                note_holder(&mut file).map_err(unwritable)?;
                Ok(Self { file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                let holder =
                    holder.map_or("an unknown process".to_owned(), |pid: u32| format!("process {pid}"));
                Err(StoreError::Locked { folder: folder.display().to_string(), holder })
            }
            Err(TryLockError::Error(source)) => Err(unwritable(source)),
        }
    }
}

fn note_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
