//! One process per checkpoint folder.
//!
//! Answers for refusing the second process, by name of the first. The system lets go of the lock when its process ends,
//! however it ends, so a killed job leaves nothing behind that had to be removed by hand. Object stores other than
//! local folders have no such lock.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use crate::error::StoreError;

/// The right to write to a folder, until dropped.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
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
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
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
