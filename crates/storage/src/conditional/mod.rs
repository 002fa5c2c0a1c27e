//! Changing a file only where it is as one has seen it: what leases and elections are made of.
//!
//! Answers for the one trait, and for three ways to it: a tag that the store compares (S3, memory), a lock on the
//! file (local folders), a file for each version of which only one process can make the next (HDFS). Not for who
//! should win (`lease`).
//! Holds: of all who replace the same version, in whatever process, one wins; a version that was read is whole.

mod numbered;
#[cfg(test)]
mod tests;

use object_store::{PutMode, UpdateVersion};

use crate::error::StorageError;
use crate::local;
use crate::objects::Kind;
use crate::storage::{Place, Storage};

/// A version of a file, as it was read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Mark);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// What the store calls it.
    Tag(UpdateVersion),
    /// What was in it. A file that holds the same again is the same: nobody can tell what was between.
    Bytes(Vec<u8>),
    /// Which one it was.
    Number(u64),
}

/// What came of creating or replacing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and this is the version now.
    Won(Version),
    /// Another was first; the file is what that one made of it.
    Lost,
}

/// Small files that several processes agree over. Such a file is read, created and replaced by these calls only, and its
/// bytes should tell who wrote it and be different each time: where a server's answer was lost, a file with the very
/// bytes is taken for ours.
///
/// ```
/// use millstream_storage::{ConditionalStore, Outcome, Storage};
/// let place = Storage::open("memory:doc-conditional")?;
/// let Outcome::Won(first) = place.create("leader", b"a 1")? else { panic!() };
/// assert_eq!(place.create("leader", b"b 1")?, Outcome::Lost);
/// let Outcome::Won(_) = place.replace("leader", &first, b"a 2")? else { panic!() };
/// assert_eq!(place.replace("leader", &first, b"b 2")?, Outcome::Lost);
/// assert_eq!(place.read("leader")?.unwrap().0, b"a 2");
/// # Ok::<(), millstream_storage::StorageError>(())
/// ```
pub trait ConditionalStore {
    /// Creates a file where there is none of its name.
    ///
    /// # Errors
    /// If it cannot be known who won.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Outcome, StorageError>;

    /// The file's bytes and their version; `None` where there is no such file.
    ///
    /// # Errors
    /// If it cannot be read.
    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, Version)>, StorageError>;

    /// Replaces a file that still is of this version.
    ///
    /// # Errors
    /// If it cannot be known who won.
    fn replace(&self, name: &str, version: &Version, bytes: &[u8]) -> Result<Outcome, StorageError>;
}

impl ConditionalStore for Storage {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Outcome, StorageError> {
        let full = self.full_name(name);
        match &self.place {
            Place::Local(folder) => {
                let path = folder.join(name);
                let created = local::exclusively(&path, || match path.exists() {
                    true => Ok(Outcome::Lost),
                    false => kept(&path, bytes),
                });
                created.map_err(|source| StorageError::of_system("writing", full, source))
            }
            Place::Objects(objects) if objects.kind == Kind::Renaming => {
                numbered::write(self, name, 0, bytes).map(outcome)
            }
            Place::Objects(objects) => objects.put_when(&full, name, bytes, &PutMode::Create).map(tagged),
        }
    }

    fn read(&self, name: &str) -> Result<Option<(Vec<u8>, Version)>, StorageError> {
        let read = match &self.place {
            Place::Local(_) => self.get(name).map(|bytes| (bytes.clone(), Version(Mark::Bytes(bytes)))),
            Place::Objects(objects) if objects.kind == Kind::Renaming => {
                let read = numbered::read(self, name)?;
                return Ok(read.map(|(bytes, number)| (bytes, Version(Mark::Number(number)))));
            }
            Place::Objects(objects) => {
                let read = objects.get(&self.full_name(name), name);
                read.map(|(bytes, tag)| (bytes, Version(Mark::Tag(tag))))
            }
        };
        match read {
            Err(StorageError::NotFound { .. }) => Ok(None),
            read => read.map(Some),
        }
    }

    fn replace(&self, name: &str, version: &Version, bytes: &[u8]) -> Result<Outcome, StorageError> {
        let full = self.full_name(name);
        match (&self.place, &version.0) {
            (Place::Local(folder), Mark::Bytes(seen)) => {
                let path = folder.join(name);
                let replaced = local::exclusively(&path, || match local::get(&path) {
                    Ok(there) if there == *seen => kept(&path, bytes),
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                    _ => Ok(Outcome::Lost),
                });
                replaced.map_err(|source| StorageError::of_system("writing", full, source))
            }
            (Place::Objects(_), Mark::Number(number)) => {
                numbered::write(self, name, *number, bytes).map(outcome)
            }
            (Place::Objects(objects), Mark::Tag(tag)) => {
                objects.put_when(&full, name, bytes, &PutMode::Update(tag.clone())).map(tagged)
            }
            // A version of another place: nothing here can be it.
            _ => Ok(Outcome::Lost),
        }
    }
}

fn kept(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<Outcome> {
    local::put(path, bytes)?;
    path.parent().map_or(Ok(()), local::keep_names)?;
    Ok(Outcome::Won(Version(Mark::Bytes(bytes.to_vec()))))
}

fn tagged(tag: Option<UpdateVersion>) -> Outcome {
    tag.map_or(Outcome::Lost, |tag| Outcome::Won(Version(Mark::Tag(tag))))
}

fn outcome(number: Option<u64>) -> Outcome {
    number.map_or(Outcome::Lost, |number| Outcome::Won(Version(Mark::Number(number))))
}
