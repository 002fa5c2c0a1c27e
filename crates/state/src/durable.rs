//! Files that outlast a power failure, in a local folder.
//!
//! Answers for a file being whole under its name or not there at all, and for its name being on the disk. object_store's
//! local store gives the first, by a rename, but leaves both the bytes and the name to the system's cache.
//! Holds: when `write` returns, the file's bytes are on the disk; when `keep_names` returns, so are the names in a folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a file whole, its bytes on the disk before it has its name. The folder is made where it does not exist.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A name that object_store takes for an unfinished upload: it never lists it.
    let staged = PathBuf::from(format!("{}#1", path.display()));
    let written = write_staged(&staged, bytes).and_then(|()| fs::rename(&staged, path));
    if written.is_err() {
        // Where the disk is full, half a file would only take room that the next attempt needs.
        let _ = fs::remove_file(&staged);
    }
    written
}

fn write_staged(staged: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(staged)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts the names in a folder on the disk.
pub(crate) fn keep_names(folder: &Path) -> io::Result<()> {
    // Only Unix opens folders as files; elsewhere the system keeps names in order by itself.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_and_the_one_before_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        write(&path, b"old").unwrap();
        keep_names(path.parent().unwrap()).unwrap();
        // A folder in place of the file: the rename fails, behind the write.
        let taken = folder.path().join("deep/taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        write(&taken, b"new").unwrap_err();
        let mut names: Vec<_> = fs::read_dir(folder.path().join("deep"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["file", "taken"]);
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
