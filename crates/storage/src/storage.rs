//! A place that was opened, and what can be done in it.
//!
//! Answers for one set of blocking calls over all kinds of places, for publishing in one step, and for leaving unfinished
//! files out of lists. Not for changing a file by agreement with others (`conditional`) nor for what is in a file.
//! Holds: who reads a file by its name reads it whole; names are relative to the place, with `/` between their parts.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use object_store::ObjectStore;

use crate::calls::Calls;
use crate::error::StorageError;
use crate::local;
use crate::location::Location;
use crate::objects::{Kind, Objects, is_unfinished};
use crate::settings::StorageSettings;

/// A place, opened: a folder with all that is below it. Calls block; they belong on threads that may. Copies are cheap.
///
/// ```
/// use millstream_storage::{Published, Storage};
/// let place = Storage::open("memory:doc/delays")?;
/// place.put("2013/01.csv", b"AA,12\n")?;
/// assert_eq!(place.get("2013/01.csv")?, b"AA,12\n");
/// assert_eq!(place.put_if_absent("2013/01.csv", b"other")?, Published::Lost);
/// assert_eq!(place.list("2013")?[0].name, "2013/01.csv");
/// assert_eq!(place.get("2014/01.csv").unwrap_err().to_string(), "memory:doc/delays/2014/01.csv does not exist");
/// # Ok::<(), millstream_storage::StorageError>(())
/// ```
#[derive(Clone)]
pub struct Storage {
    name: Arc<str>,
    pub(crate) place: Place,
}

/// Where the bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Local(Arc<PathBuf>),
    Objects(Objects),
}

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, from the place on.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was written last.
    pub modified: SystemTime,
    /// What changes whenever the file does, where the store has such a thing.
    pub tag: Option<String>,
}

/// What came of publishing a file that must not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is there, and it is ours.
    Won,
    /// There was one of that name already, which is as it was.
    Lost,
}

/// What came of a rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// It has its new name.
    Now,
    /// It had its new name already: the old one is gone and the new one there.
    Before,
}

impl Storage {
    /// Opens a location with the settings of the environment. Nothing is asked of a server yet, and nothing made.
    ///
    /// # Errors
    /// If it is no location, the program was built without its client, or settings are wrong or missing.
    pub fn open(location: &str) -> Result<Self, StorageError> {
        let settings = StorageSettings::from_environment().map_err(|failure| StorageError::Settings {
            location: location.to_owned(),
            reason: failure.to_string(),
        })?;
        Self::open_with(location, &settings)
    }

    /// Opens a location with settings.
    ///
    /// # Errors
    /// As [`Storage::open`].
    pub fn open_with(location: &str, settings: &StorageSettings) -> Result<Self, StorageError> {
        let parsed: Location = location.parse()?;
        crate::open::open(&parsed, settings)
    }

    pub(crate) fn of(name: &str, place: Place) -> Self {
        Self { name: name.into(), place }
    }

    /// A local folder.
    pub fn local(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self::of(&folder.display().to_string(), Place::Local(Arc::new(folder)))
    }

    /// Any object store, of which `store` is the root, and which answers at once; `name` is for messages.
    pub fn within(store: Arc<dyn ObjectStore>, name: &str) -> Self {
        let objects = Objects::new(store, Kind::Tagged, String::new(), Calls::here());
        Self::of(name, Place::Objects(objects))
    }

    /// The same, but a call that waits for a server ends soon after `stop` says so, with [`StorageError::Cancelled`].
    #[must_use]
    pub fn stopped_by(mut self, stop: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        if let Place::Objects(objects) = &mut self.place {
            objects.calls.stop = Some(Arc::new(stop));
        }
        self
    }

    /// The same, but what fails is not tried again, and a server has a few seconds to answer.
    #[must_use]
    pub fn asked_once(self) -> Self {
        self.asked_within(Duration::from_secs(5))
    }

    /// The same, but what fails is not tried again, and a server has so long to answer, if that is less than it had.
    #[must_use]
    pub fn asked_within(mut self, time: Duration) -> Self {
        if let Place::Objects(objects) = &mut self.place {
            objects.calls.patience = Duration::ZERO;
            objects.calls.timeout = objects.calls.timeout.min(time);
        }
        self
    }

    /// The place as it is named in messages; a location that opens it again.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The local folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Local(folder) => Some(folder),
            Place::Objects(_) => None,
        }
    }

    /// Whether a call may wait for a server.
    pub(crate) fn needs_network(&self) -> bool {
        matches!(&self.place, Place::Objects(objects) if objects.calls.on_network)
    }

    /// A file with its place, for messages.
    pub fn full_name(&self, name: &str) -> String {
        if name.is_empty() { self.name.to_string() } else { format!("{}/{name}", self.name) }
    }

    /// Writes a file whole, in the place of one that was there. In a local folder its bytes are on the disk then, and its
    /// name once [`Storage::keep_names`] was called.
    ///
    /// # Errors
    /// If it cannot be written; then the file that was there is as it was.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        match &self.place {
            Place::Local(folder) => self.done("writing", name, local::put(&folder.join(name), bytes)),
            Place::Objects(objects) => objects.put(&self.full_name(name), name, bytes),
        }
    }

    /// As [`Storage::put`], for as long as it is wanted: a large file of a local folder is given up between its pieces, one that
    /// goes to a server as [`Storage::stopped_by`] says.
    ///
    /// # Errors
    /// As there, and [`StorageError::Cancelled`] if it was given up.
    pub fn put_while(
        &self,
        name: &str,
        bytes: &[u8],
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<(), StorageError> {
        match &self.place {
            Place::Local(folder) => match local::put_while(&folder.join(name), bytes, is_wanted) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    Err(StorageError::Cancelled { action: "writing", name: self.full_name(name) })
                }
                written => self.done("writing", name, written),
            },
            Place::Objects(_) => self.put(name, bytes),
        }
    }

    /// Writes a file whole where there is none of its name: of all who try, in whatever process, one wins. The bytes should
    /// tell who writes: where a server's answer was lost, a file with these very bytes is taken for ours.
    ///
    /// # Errors
    /// If it cannot be known who won.
    pub fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<Published, StorageError> {
        match &self.place {
            Place::Local(folder) => {
                self.done("writing", name, local::put_if_absent(&folder.join(name), bytes))
            }
            Place::Objects(objects) => objects.put_if_absent(&self.full_name(name), name, bytes),
        }
    }

    /// Gives a file another name that no file has, in one step. May be called again where it is not known whether an
    /// earlier call was carried out.
    ///
    /// # Errors
    /// If neither is there, if the target is another file, or in S3, which cannot rename.
    pub fn rename_if_absent(&self, from: &str, to: &str) -> Result<Renamed, StorageError> {
        let renamed = match &self.place {
            Place::Local(folder) => match local::rename_if_absent(&folder.join(from), &folder.join(to)) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    Err(StorageError::Exists { name: self.full_name(to) })
                }
                renamed => self.done("renaming", from, renamed).map(|()| Renamed::Now),
            },
            Place::Objects(objects) => objects.rename_if_absent(&self.full_name(from), from, to),
        };
        match renamed {
            Err(StorageError::NotFound { .. }) => match self.head(to) {
                Ok(_) => Ok(Renamed::Before),
                Err(StorageError::NotFound { .. }) => {
                    Err(StorageError::NotFound { name: self.full_name(from) })
                }
                Err(error) => Err(error),
            },
            Err(StorageError::Exists { .. }) => Err(StorageError::Exists { name: self.full_name(to) }),
            renamed => renamed,
        }
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        match &self.place {
            Place::Local(folder) => self.done("reading", name, local::get(&folder.join(name))),
            Place::Objects(objects) => objects.get(&self.full_name(name), name).map(|(bytes, _)| bytes),
        }
    }

    /// Some bytes of a file: as many of the range as the file has.
    ///
    /// # Errors
    /// As [`Storage::get`].
    pub fn get_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        self.get_range_tagged(name, range, None)
    }

    /// The same of a file that must still have this tag, where its store has such a thing.
    ///
    /// # Errors
    /// As [`Storage::get`], or if it is another file by now.
    pub fn get_range_tagged(
        &self,
        name: &str,
        range: Range<u64>,
        tag: Option<&str>,
    ) -> Result<Vec<u8>, StorageError> {
        Ok(self.get_chunks(name, range, tag)?.concat())
    }

    /// The same, in the chunks in which they came.
    pub(crate) fn get_chunks(
        &self,
        name: &str,
        range: Range<u64>,
        tag: Option<&str>,
    ) -> Result<Vec<Bytes>, StorageError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        match &self.place {
            Place::Local(folder) => {
                let read = local::get_range(&folder.join(name), range);
                self.done("reading", name, read).map(|bytes| vec![bytes.into()])
            }
            Place::Objects(objects) => objects.get_chunks(&self.full_name(name), name, range, tag),
        }
    }

    /// A file's length and age.
    ///
    /// # Errors
    /// As [`Storage::get`].
    pub fn head(&self, name: &str) -> Result<Entry, StorageError> {
        match &self.place {
            Place::Local(folder) => self.done("reading", name, local::head(&folder.join(name), name)),
            Place::Objects(objects) => objects.head(&self.full_name(name), name),
        }
    }

    /// All files below a folder of the place (`""` for the place itself), by name; those that are being written are left
    /// out. None where there is no such folder.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub fn list(&self, folder: &str) -> Result<Vec<Entry>, StorageError> {
        self.listed(folder, true, |entry| !is_unfinished(&entry.name))
    }

    /// The files that lists leave out: those being written, and what processes that are gone have left of such.
    ///
    /// # Errors
    /// As [`Storage::list`].
    pub fn unfinished(&self, folder: &str) -> Result<Vec<Entry>, StorageError> {
        self.listed(folder, true, |entry| is_unfinished(&entry.name))
    }

    /// The files in a folder, without those in folders below it.
    ///
    /// # Errors
    /// As [`Storage::list`].
    pub fn list_folder(&self, folder: &str) -> Result<Vec<Entry>, StorageError> {
        self.listed(folder, false, |entry| !is_unfinished(&entry.name))
    }

    fn listed(
        &self,
        folder: &str,
        deep: bool,
        keep: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Entry>, StorageError> {
        let mut entries = match &self.place {
            Place::Local(root) => {
                let mut entries = Vec::new();
                let listed = local::list(&root.join(folder), folder, deep, &mut entries);
                self.done("listing", folder, listed)?;
                entries
            }
            Place::Objects(objects) => objects.list(&self.full_name(folder), folder, deep)?,
        };
        entries.retain(keep);
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// Removes a file. One that is not there is no fault.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn delete(&self, name: &str) -> Result<(), StorageError> {
        match &self.place {
            Place::Local(folder) => self.done("deleting", name, local::delete(&folder.join(name))),
            Place::Objects(objects) => objects.delete(&self.full_name(name), name),
        }
    }

    /// Makes the place itself, and puts its name on the disk, where it is a local folder: elsewhere one is there with the first file in it.
    ///
    /// # Errors
    /// If the system cannot do so.
    pub fn make_folder(&self) -> Result<(), StorageError> {
        match &self.place {
            Place::Local(folder) => {
                let made = std::fs::create_dir_all(&**folder);
                // Its own name is in the folder above.
                let kept = made.and_then(|()| folder.parent().map_or(Ok(()), local::keep_names));
                self.done("making", "", kept)
            }
            Place::Objects(_) => Ok(()),
        }
    }

    /// Puts the names in a folder on the disk, where it is a local one. A folder that is not there is no fault.
    ///
    /// # Errors
    /// If the system cannot do so.
    pub fn keep_names(&self, folder: &str) -> Result<(), StorageError> {
        match &self.place {
            Place::Local(root) => self.done("syncing", folder, local::keep_names(&root.join(folder))),
            Place::Objects(_) => Ok(()),
        }
    }

    fn done<T>(&self, action: &'static str, name: &str, done: std::io::Result<T>) -> Result<T, StorageError> {
        done.map_err(|source| StorageError::of_system(action, self.full_name(name), source))
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_written_is_in_no_list() {
        let folder = tempfile::tempdir().unwrap();
        for place in [Storage::local(folder.path()), Storage::open("memory:listed").unwrap()] {
            for name in ["a/b", "a/c#12", "a/.d.tmp.1", "e"] {
                place.put(name, b"12").unwrap();
            }
            let names = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>();
            assert_eq!(names(place.list("").unwrap()), ["a/b", "e"]);
            assert_eq!(names(place.list_folder("").unwrap()), ["e"]);
            assert_eq!(names(place.list("a").unwrap()), ["a/b"]);
            assert_eq!(names(place.list("none").unwrap()), [""; 0]);
            assert_eq!(names(place.unfinished("").unwrap()), ["a/.d.tmp.1", "a/c#12"], "{place:?}");
        }
    }

    #[test]
    fn a_range_has_as_many_bytes_as_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for place in [Storage::local(folder.path()), Storage::open("memory:ranges").unwrap()] {
            place.put("file", b"0123456789").unwrap();
            for (range, bytes) in [(2..4, "23"), (8..20, "89"), (10..12, ""), (50..60, ""), (3..3, "")] {
                assert_eq!(place.get_range("file", range).unwrap(), bytes.as_bytes());
            }
            assert!(place.get_range("none", 0..1).unwrap_err().is_not_found());
        }
    }

    #[test]
    fn a_rename_that_was_done_before_is_told_from_one_that_cannot_be_done() {
        let folder = tempfile::tempdir().unwrap();
        for place in [Storage::local(folder.path()), Storage::open("memory:renames").unwrap()] {
            place.put("from", b"text").unwrap();
            assert_eq!(place.rename_if_absent("from", "to").unwrap(), Renamed::Now);
            assert_eq!(place.rename_if_absent("from", "to").unwrap(), Renamed::Before);
            let error = place.rename_if_absent("none", "nothing").unwrap_err().to_string();
            assert_eq!(error, format!("{}/none does not exist", place.name()));
            place.put("from", b"other").unwrap();
            let error = place.rename_if_absent("from", "to").unwrap_err().to_string();
            assert_eq!(error, format!("{}/to exists already", place.name()));
        }
    }
}
