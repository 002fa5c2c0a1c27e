//! A file that is written now and becomes visible later, in one step.
//!
//! Where a store renames, the file is written under a hidden name and gets its final one with the commit. S3 cannot
//! rename: there the file's parts are uploaded, and the commit puts them together under the final name. A hidden note
//! tells of each upload, since what was begun by a process that is gone must be found to be thrown away.
//!
//! Answers for the two phases, for committing again what may be committed already, and for throwing away what never will
//! be. Not for when a file is whole nor for what is in it.
//! Holds: under its final name a file is whole; what was staged outlasts the process that staged it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::multipart::PartId;
use object_store::{MultipartUpload, PutPayload};
use serde::{Deserialize, Serialize};

use crate::error::StorageError;
use crate::objects::Objects;
use crate::storage::{Place, Renamed, Storage};

/// How much is held in memory before it is sent: S3 takes no smaller part, but for the last.
const PART: usize = 8 << 20;
/// How the hidden names end.
const IN_PROGRESS: &str = ".inprogress";
const PENDING: &str = ".pending";
const NOTE: &str = ".upload";

/// A file that is being written.
pub struct Upload {
    place: Storage,
    name: String,
    hidden: String,
    bytes: u64,
    way: Open,
    /// Whether it is to be read while it waits for its commit.
    read: bool,
}

enum Open {
    /// Into a local file.
    File { file: BufWriter<File>, path: PathBuf },
    /// Into memory, until it is a part.
    Parts { buffer: Vec<u8>, sent: Sent },
}

enum Sent {
    Nothing,
    /// Parts of an upload that is completed by its id.
    Parts {
        id: String,
        parts: Vec<String>,
    },
    /// Into a hidden file, one after the other.
    Stream(Arc<Mutex<Box<dyn MultipartUpload>>>),
}

/// A file that is whole and waits to be committed. Can be kept in a checkpoint, and be committed by another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedUpload {
    /// The name that it is to get.
    pub name: String,
    bytes: u64,
    way: Way,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Way {
    /// Give the hidden file its final name.
    Rename { pending: String },
    /// Put the hidden file's bytes under the final name, and remove it: where nothing can be renamed.
    Copy { pending: String },
    /// Put the parts together.
    Complete { id: String, parts: Vec<String>, note: String },
}

impl Storage {
    /// Begins a file that gets the name `name` when it is committed. `hidden` is what it is called until then, in its
    /// folder and with an ending more: `.part-0-3` for `part-0-3.txt`.
    ///
    /// # Errors
    /// If a local file cannot be created. Stores elsewhere are asked once there is something to send.
    pub fn begin_upload(&self, name: &str, hidden: &str) -> Result<Upload, StorageError> {
        let hidden = beside(name, hidden);
        let way = match &self.place {
            Place::Local(folder) => {
                let path = folder.join(format!("{hidden}{IN_PROGRESS}"));
                let made =
                    path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create(&path));
                let file = made
                    .map_err(|source| self.failed("creating", &format!("{hidden}{IN_PROGRESS}"), source))?;
                Open::File { file: BufWriter::with_capacity(64 << 10, file), path }
            }
            Place::Objects(_) => Open::Parts { buffer: Vec::new(), sent: Sent::Nothing },
        };
        Ok(Upload { place: self.clone(), name: name.to_owned(), hidden, bytes: 0, way, read: false })
    }

    /// Makes a staged file visible, or finds that it is already: after a restart the same is committed again.
    ///
    /// # Errors
    /// If it cannot be made visible; nothing is lost by it. If it is gone: someone has thrown the upload away.
    pub fn commit(&self, staged: &StagedUpload) -> Result<Renamed, StorageError> {
        match (&staged.way, &self.place) {
            (Way::Rename { pending }, Place::Local(folder)) => {
                match fs::rename(folder.join(pending), folder.join(&staged.name)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Renamed::Before),
                    renamed => renamed
                        .map(|()| Renamed::Now)
                        .map_err(|source| self.failed("renaming", pending, source)),
                }
            }
            (Way::Rename { pending }, Place::Objects(_)) => {
                match self.rename_if_absent(pending, &staged.name) {
                    // Nobody else removes the hidden file: it was renamed, and who reads the output has taken it away.
                    Err(StorageError::NotFound { .. }) => Ok(Renamed::Before),
                    renamed => renamed,
                }
            }
            (Way::Copy { pending }, _) => {
                let bytes = match self.get(pending) {
                    Err(StorageError::NotFound { .. }) => return Ok(Renamed::Before),
                    read => read?,
                };
                self.put(&staged.name, &bytes)?;
                self.delete(pending)?;
                Ok(Renamed::Now)
            }
            (Way::Complete { id, parts, note }, Place::Objects(objects)) => {
                let full = self.full_name(&staged.name);
                let completed = match objects.complete(&full, &staged.name, id, parts) {
                    Ok(()) => Renamed::Now,
                    Err(error) => match self.head(&staged.name) {
                        Ok(file) if file.size == staged.bytes => Renamed::Before,
                        _ => return Err(error),
                    },
                };
                self.delete(note)?;
                Ok(completed)
            }
            (Way::Complete { .. }, Place::Local(_)) => Err(StorageError::Unable {
                action: "completing",
                name: self.full_name(&staged.name),
                store: "a local folder",
            }),
        }
    }

    /// Throws away what an upload has left that nobody will commit any more. `name` is that of a hidden file, or of one
    /// that [`Storage::unfinished`] gives, whose final name is `finished`.
    ///
    /// # Errors
    /// If it cannot be thrown away.
    pub fn abandon(&self, name: &str, finished: &str) -> Result<(), StorageError> {
        if let (Place::Objects(objects), true) = (&self.place, name.ends_with(NOTE)) {
            let id = match self.get(name) {
                Err(StorageError::NotFound { .. }) => return Ok(()),
                read => String::from_utf8_lossy(&read?).into_owned(),
            };
            objects.abort(&self.full_name(finished), finished, &id)?;
        }
        self.delete(name)
    }

    /// The subtask's own name within a hidden one: `.part-0-3` of `.part-0-3.pending`; `None` if it is none.
    pub fn hidden_stem(file: &str) -> Option<&str> {
        // The HDFS client writes `.NAME.tmp.NUMBER` before it renames.
        let of_client = file.strip_prefix('.').and_then(|file| file.rsplit_once(".tmp."));
        let file = of_client.map_or(file, |(name, _)| name);
        let ending = [IN_PROGRESS, PENDING, NOTE].into_iter().find_map(|ending| file.strip_suffix(ending));
        // One that was being put under such a name: `..part-0-3.pending.X.unpublished`.
        ending.filter(|stem| stem.starts_with('.'))
    }

    fn failed(&self, action: &'static str, name: &str, source: io::Error) -> StorageError {
        StorageError::of_system(action, self.full_name(name), source)
    }
}

impl Upload {
    /// How many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file's name once it is committed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is written to now, with its place, for messages.
    pub fn written_to(&self) -> String {
        match &self.way {
            Open::File { path, .. } => path.display().to_string(),
            Open::Parts { .. } => self.place.full_name(&self.name),
        }
    }

    /// The same, but what is smaller than a part waits under its hidden name, where it can be read ([`StagedUpload::pending`]), in
    /// S3 too. There the commit copies it.
    #[must_use]
    pub fn to_be_read(mut self) -> Self {
        self.read = true;
        self
    }

    /// Adds to the file.
    ///
    /// # Errors
    /// If it cannot be written; then the upload is of no more use, and is to be begun again.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.bytes += bytes.len() as u64;
        match &mut self.way {
            Open::File { file, path } => file
                .write_all(bytes)
                .map_err(|source| StorageError::of_system("writing", path.display().to_string(), source)),
            Open::Parts { buffer, .. } => {
                buffer.extend_from_slice(bytes);
                if buffer.len() >= PART { self.send() } else { Ok(()) }
            }
        }
    }

    /// Sends what is in memory.
    fn send(&mut self) -> Result<(), StorageError> {
        let (Open::Parts { buffer, sent }, Place::Objects(objects)) = (&mut self.way, &self.place.place)
        else {
            return Ok(());
        };
        let full = self.place.full_name(&self.name);
        let payload = PutPayload::from(std::mem::take(buffer));
        if matches!(sent, Sent::Nothing) {
            *sent = if objects.has_parts() {
                let note = format!("{}{NOTE}", self.hidden);
                let id = objects.begin_parts(&full, &self.name)?;
                objects.put(&self.place.full_name(&note), &note, id.as_bytes())?;
                Sent::Parts { id, parts: Vec::new() }
            } else {
                let stream = objects.begin_stream(&full, &format!("{}{PENDING}", self.hidden))?;
                Sent::Stream(Arc::new(Mutex::new(stream)))
            };
        }
        match sent {
            Sent::Nothing => Ok(()),
            Sent::Parts { id, parts } => {
                let part = objects.put_part(&full, &self.name, id, parts.len(), payload)?;
                parts.push(part.content_id);
                Ok(())
            }
            Sent::Stream(stream) => {
                let part = stream.lock().unwrap_or_else(PoisonError::into_inner).put_part(payload.clone());
                objects.once(&full, payload.content_length() as u64, part)
            }
        }
    }

    /// Closes the file: it is whole, and outlasts this process.
    ///
    /// # Errors
    /// As [`Upload::write`].
    pub fn finish(mut self) -> Result<StagedUpload, StorageError> {
        let pending = format!("{}{PENDING}", self.hidden);
        let whole = match (&mut self.way, &self.place.place) {
            (Open::File { file, path }, Place::Local(folder)) => {
                let closed = file.flush().and_then(|()| file.get_ref().sync_data());
                let renamed = closed.and_then(|()| fs::rename(&*path, folder.join(&pending)));
                renamed.map_err(|source| {
                    StorageError::of_system("finishing", path.display().to_string(), source)
                })?;
                None
            }
            // All of it is here: a put can be made again where it fails, which parts of a stream cannot.
            (Open::Parts { buffer, sent: Sent::Nothing }, Place::Objects(objects))
                if self.read || !objects.has_parts() =>
            {
                Some((std::mem::take(buffer), objects.clone()))
            }
            _ => {
                let is_empty = matches!(&self.way, Open::Parts { buffer, sent } if buffer.is_empty() && !matches!(sent, Sent::Nothing));
                if !is_empty {
                    self.send()?;
                }
                None
            }
        };
        if let Some((bytes, objects)) = whole {
            objects.put(&self.place.full_name(&pending), &pending, &bytes)?;
        }
        let way = match (self.way, &self.place.place) {
            (Open::Parts { sent: Sent::Parts { id, parts }, .. }, _) => {
                Way::Complete { id, parts, note: format!("{}{NOTE}", self.hidden) }
            }
            (Open::Parts { sent: Sent::Stream(stream), .. }, Place::Objects(objects)) => {
                objects.end_stream(&self.place.full_name(&pending), stream)?;
                Way::Rename { pending }
            }
            (_, Place::Objects(objects)) if !objects.can_rename() => Way::Copy { pending },
            _ => Way::Rename { pending },
        };
        Ok(StagedUpload { name: self.name, bytes: self.bytes, way })
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({}, {} bytes)", self.place.full_name(&self.name), self.bytes)
    }
}

impl StagedUpload {
    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The hidden file in which its bytes can be read until it is committed; `None` where they are parts of an upload.
    pub fn pending(&self) -> Option<&str> {
        match &self.way {
            Way::Rename { pending } | Way::Copy { pending } => Some(pending),
            Way::Complete { .. } => None,
        }
    }

    /// The folder of its final name, from the place on.
    pub fn folder(&self) -> &str {
        self.name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Another name in the folder of `name`.
fn beside(name: &str, other: &str) -> String {
    match Path::new(name).parent().and_then(Path::to_str) {
        None | Some("") => other.to_owned(),
        Some(folder) => format!("{folder}/{other}"),
    }
}

impl Objects {
    fn complete(&self, full: &str, name: &str, id: &str, parts: &[String]) -> Result<(), StorageError> {
        let parts = parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
        self.complete_parts(full, name, id, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Kind;

    /// Every way to stage there is: a local folder, parts, a hidden file.
    fn check(act: impl Fn(&Storage)) {
        let folder = tempfile::tempdir().unwrap();
        act(&Storage::local(folder.path()));
        let number = folder.path().file_name().unwrap().to_str().unwrap();
        act(&Storage::open(&format!("memory:upload-{number}/out")).unwrap());
        let mut place = Storage::open(&format!("memory:upload-named-{number}/out")).unwrap();
        let Place::Objects(objects) = &mut place.place else { panic!("memory is no folder") };
        *objects = objects.clone().without_parts();
        objects.kind = Kind::Renaming;
        act(&place);
    }

    fn names(place: &Storage) -> Vec<String> {
        place.list("").unwrap().into_iter().map(|entry| entry.name).collect()
    }

    fn shown(place: &Storage) -> Vec<String> {
        names(place).into_iter().filter(|name| !name.contains("/.") && !name.starts_with('.')).collect()
    }

    #[test]
    fn a_file_of_any_length_appears_whole_with_its_commit_which_may_come_twice() {
        check(|place| {
            for (number, length) in [1, PART - 1, PART, 2 * PART + 5].into_iter().enumerate() {
                let name = format!("2013/part-{number}");
                let bytes: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
                let mut upload = place.begin_upload(&name, &format!(".part-{number}")).unwrap();
                bytes.chunks(1 << 20).for_each(|chunk| upload.write(chunk).unwrap());
                assert_eq!(upload.bytes(), length as u64);
                let staged = upload.finish().unwrap();
                assert_eq!(shown(place).len(), number, "{place:?}");
                assert_eq!(place.commit(&staged).unwrap(), Renamed::Now);
                assert_eq!(place.commit(&staged).unwrap(), Renamed::Before);
                assert!(place.get(&name).unwrap() == bytes, "{place:?}, {length} bytes");
                assert_eq!(names(place).len(), number + 1, "{:?}", names(place));
            }
        });
    }

    #[test]
    fn what_nobody_will_commit_is_found_by_its_name_and_thrown_away() {
        check(|place| {
            let mut open = place.begin_upload("part-0", ".part-0").unwrap();
            open.write(&vec![7; PART]).unwrap();
            let mut staged = place.begin_upload("part-1", ".part-1").unwrap();
            staged.write(b"text").unwrap();
            staged.finish().unwrap();
            let left = place.list("").unwrap().into_iter().chain(place.unfinished("").unwrap());
            let left: Vec<_> = left.map(|entry| entry.name).collect();
            assert!(!left.is_empty(), "{place:?}");
            for name in left {
                let stem = Storage::hidden_stem(&name).unwrap();
                place.abandon(&name, &stem[1..]).unwrap();
            }
            assert_eq!(names(place), [""; 0]);
        });
    }

    #[test]
    fn an_upload_that_was_thrown_away_is_not_taken_for_committed() {
        let place = Storage::open("memory:upload-gone").unwrap();
        let mut upload = place.begin_upload("part-0", ".part-0").unwrap();
        upload.write(b"text").unwrap();
        let staged = upload.finish().unwrap();
        place.abandon(".part-0.upload", "part-0").unwrap();
        assert!(place.commit(&staged).is_err());
    }
}
