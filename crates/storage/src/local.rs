//! A folder of this machine.
//!
//! Answers for a file being whole under its name or not there at all, for its bytes being on the disk when a call returns,
//! and for its name being there when `keep_names` does.
//! Holds: what is being written has a name that no list has; a file with its final name never changes but as a whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::storage::{Entry, Published};

/// What a file being written is called: `NAME#NUMBER`. Lists leave such names out.
fn staged(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // The process is in it, so that two of them do not write to one file.
    PathBuf::from(format!("{}#{}{number:06}", path.display(), std::process::id()))
}

/// Whether a name is that of a file being written, by this module or by the object store crate.
pub(crate) fn is_staged(name: &str) -> bool {
    name.rsplit_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// As much as is written without a look whether it is still wanted.
const PIECE: usize = 32 << 20;

fn stage(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    stage_while(path, bytes, &|| true)
}

fn stage_while(path: &Path, bytes: &[u8], is_wanted: &dyn Fn() -> bool) -> io::Result<PathBuf> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let staged = staged(path);
    let write = || {
        let mut file = File::create(&staged)?;
        for piece in bytes.chunks(PIECE) {
            if !is_wanted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            file.write_all(piece)?;
            // Or the last call would wait for all of it, and could not be given up.
            if bytes.len() > PIECE {
                file.sync_data()?;
            }
        }
        file.sync_all()
    };
    write().inspect_err(|_| {
        // Where the disk is full, half a file would only take room that the next attempt needs.
        let _ = fs::remove_file(&staged);
    })?;
    Ok(staged)
}

/// Writes a file whole, in the place of one that was there.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put_while(path, bytes, &|| true)
}

/// The same, for as long as it is wanted; [`io::ErrorKind::Interrupted`] if it is not.
pub(crate) fn put_while(path: &Path, bytes: &[u8], is_wanted: &dyn Fn() -> bool) -> io::Result<()> {
    let staged = stage_while(path, bytes, is_wanted)?;
    fs::rename(&staged, path).inspect_err(|_| {
        let _ = fs::remove_file(&staged);
    })
}

/// Writes a file whole where there is none of its name; of several who try, one wins.
pub(crate) fn put_if_absent(path: &Path, bytes: &[u8]) -> io::Result<Published> {
    let staged = stage(path, bytes)?;
    // A link, unlike a rename, never replaces.
    let linked = fs::hard_link(&staged, path);
    let _ = fs::remove_file(&staged);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Published::Lost),
        linked => linked.map(|()| Published::Won),
    }
}

/// Gives a file another name, that no file has.
pub(crate) fn rename_if_absent(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_same(from, to) => {}
        linked => linked?,
    }
    fs::remove_file(from)
}

/// Whether both are names of one file: a rename that was interrupted between its two steps.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        id(one).is_some() && id(one) == id(other)
    }
    #[cfg(not(unix))]
    {
        let _ = (one, other);
        false
    }
}

pub(crate) fn get(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// The bytes of a range that the file has.
pub(crate) fn get_range(path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn head(path: &Path, name: &str) -> io::Result<Entry> {
    let file = fs::metadata(path)?;
    if file.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it is a folder"));
    }
    Ok(Entry { name: name.to_owned(), size: file.len(), modified: file.modified()?, tag: None })
}

/// All files in a folder, and below it if `deep`; none where there is no folder.
pub(crate) fn list(folder: &Path, within: &str, deep: bool, into: &mut Vec<Entry>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if within.is_empty() { name.clone() } else { format!("{within}/{name}") };
        let file = match fs::metadata(entry.path()) {
            // It was removed, or given its final name, while we listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        if file.is_dir() {
            // A link could lead back here.
            if deep && !entry.file_type()?.is_symlink() {
                list(&entry.path(), &path, deep, into)?;
            }
        } else {
            into.push(Entry { name: path, size: file.len(), modified: file.modified()?, tag: None });
        }
    }
    Ok(())
}

pub(crate) fn delete(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Puts the names in a folder on the disk.
pub(crate) fn keep_names(folder: &Path) -> io::Result<()> {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    // Only Unix opens folders as files; elsewhere the system keeps names in order by itself.
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// Lets one at a time do something with a file, of all threads of all processes of this machine.
pub(crate) fn exclusively<T>(path: &Path, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // A name that no list has; it stays, since who removed it would take it from under one who waits for it.
    let lock = PathBuf::from(format!("{}#0", path.display()));
    let lock = File::options().create(true).append(true).open(lock)?;
    lock.lock()?;
    let result = act();
    lock.unlock()?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_and_the_one_before_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/file");
        put(&path, b"old").unwrap();
        keep_names(path.parent().unwrap()).unwrap();
        // A folder in place of the file: the rename fails, behind the write.
        let taken = folder.path().join("deep/taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        put(&taken, b"new").unwrap_err();
        assert_eq!(names(&folder.path().join("deep")), ["file", "taken"]);
        put(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_large_file_that_is_given_up_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (path, bytes) = (folder.path().join("large"), vec![7; PIECE + 5]);
        let looks = std::cell::Cell::new(0);
        let once = || looks.replace(looks.get() + 1) == 0;
        let given_up = put_while(&path, &bytes, &once).unwrap_err();
        assert_eq!((given_up.kind(), looks.get()), (io::ErrorKind::Interrupted, 2));
        assert!(names(folder.path()).is_empty());
        put_while(&path, &bytes, &|| true).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn who_loses_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one");
        assert_eq!(put_if_absent(&path, b"first").unwrap(), Published::Won);
        assert_eq!(put_if_absent(&path, b"second").unwrap(), Published::Lost);
        assert_eq!(get(&path).unwrap(), b"first");
        assert_eq!(names(folder.path()), ["one"]);
    }

    #[test]
    fn a_rename_that_was_interrupted_is_brought_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        put(&from, b"text").unwrap();
        fs::hard_link(&from, &to).unwrap();
        rename_if_absent(&from, &to).unwrap();
        assert_eq!(names(folder.path()), ["to"]);
        put(&from, b"another").unwrap();
        assert_eq!(rename_if_absent(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(get(&to).unwrap(), b"text");
    }
}
