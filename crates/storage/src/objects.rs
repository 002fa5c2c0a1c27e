//! Places behind the object store crate: memory, S3, HDFS, and any other.
//!
//! Answers for names below a prefix, for what the stores do differently (publishing in one step, renaming), and for
//! their errors in our words. Not for waiting and asking again (`calls`).
//! Holds: a loser of a race for a name leaves nothing behind.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as ObjectPath;
use object_store::{
    GetOptions, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    UpdateVersion, UploadPart,
};

use crate::calls::{About, Answer, Calls, Refusal, first_line};
use crate::error::StorageError;
use crate::storage::{Entry, Published, Renamed};

/// What a store can do beyond reading and writing whole files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It tells versions apart by a tag, and writes on the condition of one.
    Tagged,
    /// The same, in this process: it can rename, too.
    Memory,
    /// It renames in one step.
    Renaming,
}

/// A store, and the prefix of our names in it.
#[derive(Clone)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Where a file can be put together of parts that were uploaded before.
    parts: Option<Arc<dyn MultipartStore>>,
    pub(crate) kind: Kind,
    prefix: Arc<str>,
    pub(crate) calls: Calls,
}

impl Objects {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, kind: Kind, prefix: String, calls: Calls) -> Self {
        Self { store, parts: None, kind, prefix: prefix.into(), calls }
    }

    pub(crate) fn with_parts(self, parts: Arc<dyn MultipartStore>) -> Self {
        Self { parts: Some(parts), ..self }
    }

    #[cfg(test)]
    pub(crate) fn without_parts(self) -> Self {
        Self { parts: None, ..self }
    }

    /// Whether a file can get another name.
    pub(crate) fn can_rename(&self) -> bool {
        self.kind != Kind::Tagged
    }

    pub(crate) fn has_parts(&self) -> bool {
        self.parts.is_some()
    }

    /// The store of parts; only where there is one.
    fn parts(&self, action: &'static str, full: &str) -> Result<Arc<dyn MultipartStore>, StorageError> {
        let unable = || StorageError::Unable { action, name: full.to_owned(), store: "this store" };
        self.parts.clone().ok_or_else(unable)
    }

    /// The whole path of a file.
    fn path(&self, full: &str, name: &str) -> Result<ObjectPath, StorageError> {
        let joined = match (self.prefix.is_empty(), name.is_empty()) {
            (true, _) => name.to_owned(),
            (false, true) => self.prefix.to_string(),
            (false, false) => format!("{}/{name}", self.prefix),
        };
        ObjectPath::parse(&joined).map_err(|error| StorageError::Malformed {
            location: full.to_owned(),
            reason: format!("{error}; choose another name"),
        })
    }

    /// The name of a path, from the prefix on.
    fn name(&self, path: &ObjectPath) -> String {
        let path = path.as_ref();
        let below = path.strip_prefix(&*self.prefix).unwrap_or(path);
        below.strip_prefix('/').unwrap_or(below).to_owned()
    }

    fn entry(&self, meta: ObjectMeta) -> Entry {
        let modified = SystemTime::UNIX_EPOCH
            + Duration::from_millis(u64::try_from(meta.last_modified.timestamp_millis()).unwrap_or(0));
        Entry { name: self.name(&meta.location), size: meta.size, modified, tag: meta.e_tag }
    }

    fn answered<T>(&self, about: About<'_>, answer: Answer<T>) -> Result<T, StorageError> {
        answer.result.map_err(|refusal| self.error(about, refusal))
    }

    fn error(&self, about: About<'_>, refusal: Refusal) -> StorageError {
        use object_store::Error;
        let (action, name) = (about.action, about.name.to_owned());
        let error = match refusal {
            Refusal::Store(error) => error,
            Refusal::Other(error) => return error,
        };
        match error {
            Error::NotFound { .. } => StorageError::NotFound { name },
            Error::AlreadyExists { .. } => StorageError::Exists { name },
            Error::Precondition { .. } => StorageError::Changed { name },
            Error::PermissionDenied { source, .. } | Error::Unauthenticated { source, .. } => {
                StorageError::Denied { action, name, source: first_line(&source.to_string()).into() }
            }
            Error::Generic { source, .. } if source.to_string().contains("FileNotFoundException") => {
                StorageError::NotFound { name }
            }
            Error::Generic { source, .. } if source.to_string().contains("AccessControlException") => {
                StorageError::Denied { action, name, source: first_line(&source.to_string()).into() }
            }
            // The rest of the text is the stack of the server.
            Error::Generic { source, .. } if source.to_string().contains("\tat org.apache") => {
                let source = first_line(&source.to_string()).into();
                StorageError::Failed { action, name, tried: self.calls.patience, source }
            }
            error => StorageError::Failed { action, name, tried: self.calls.patience, source: error.into() },
        }
    }

    pub(crate) fn put(&self, full: &str, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        let about = About { action: "writing", name: full, bytes: bytes.len() as u64 };
        let (path, payload) = (self.path(full, name)?, PutPayload::from(bytes.to_vec()));
        let answer = self.calls.ask(about, || {
            let (store, path, payload) = (self.store.clone(), path.clone(), payload.clone());
            async move { store.put(&path, payload).await }
        });
        self.answered(about, answer).map(drop)
    }

    /// Writes on a condition. Gives the new tag; `None` where the condition did not hold.
    pub(crate) fn put_when(
        &self,
        full: &str,
        name: &str,
        bytes: &[u8],
        mode: &PutMode,
    ) -> Result<Option<UpdateVersion>, StorageError> {
        let about = About { action: "writing", name: full, bytes: bytes.len() as u64 };
        let (path, payload) = (self.path(full, name)?, PutPayload::from(bytes.to_vec()));
        let answer = self.calls.ask(about, || {
            let (store, path, payload) = (self.store.clone(), path.clone(), payload.clone());
            let options = PutOptions::from(mode.clone());
            async move { store.put_opts(&path, payload, options).await }
        });
        match answer.result {
            Ok(put) => Ok(Some(UpdateVersion { e_tag: put.e_tag, version: put.version })),
            Err(Refusal::Store(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::NotFound { .. },
            )) => {
                if !answer.in_doubt {
                    return Ok(None);
                }
                // An attempt whose answer was lost may have been the one that won.
                match self.get(full, name) {
                    Ok((there, version)) if there == bytes => Ok(Some(version)),
                    Ok(_) | Err(StorageError::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error),
                }
            }
            Err(refusal) => Err(self.error(about, refusal)),
        }
    }

    pub(crate) fn put_if_absent(
        &self,
        full: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<Published, StorageError> {
        if self.kind != Kind::Renaming {
            let put = self.put_when(full, name, bytes, &PutMode::Create)?;
            return Ok(if put.is_some() { Published::Won } else { Published::Lost });
        }
        // The client would write and rename too, but it leaves the files of losers behind.
        let staged = unique(name);
        self.put(full, &staged, bytes)?;
        let renamed = self.rename_if_absent(full, &staged, name);
        let lost = match renamed {
            Ok(_) => return Ok(Published::Won),
            // Nobody but us knows the unique name: it was renamed by an attempt whose answer was lost.
            Err(StorageError::NotFound { .. }) => return Ok(Published::Won),
            Err(StorageError::Exists { .. }) => Ok(Published::Lost),
            Err(error) => Err(error),
        };
        if let Err(error) = self.delete(full, &staged) {
            tracing::warn!(%error, "what a lost race for a name has left stays behind");
        }
        lost
    }

    pub(crate) fn rename_if_absent(&self, full: &str, from: &str, to: &str) -> Result<Renamed, StorageError> {
        if self.kind == Kind::Tagged {
            let name = full.to_owned();
            return Err(StorageError::Unable {
                action: "renaming",
                name,
                store: "an object store without folders",
            });
        }
        let about = About { action: "renaming", name: full, bytes: 0 };
        let (from, to) = (self.path(full, from)?, self.path(full, to)?);
        let answer = self.calls.ask(about, || {
            let (store, from, to) = (self.store.clone(), from.clone(), to.clone());
            async move { store.rename_if_not_exists(&from, &to).await }
        });
        self.answered(about, answer).map(|()| Renamed::Now)
    }

    /// All bytes, and the tag of just these.
    pub(crate) fn get(&self, full: &str, name: &str) -> Result<(Vec<u8>, UpdateVersion), StorageError> {
        let about = About { action: "reading", name: full, bytes: 0 };
        let path = self.path(full, name)?;
        let size = self.head(full, name)?.size;
        let answer = self.calls.ask(About { bytes: size, ..about }, || {
            let (store, path) = (self.store.clone(), path.clone());
            async move {
                let got = store.get_opts(&path, GetOptions::default()).await?;
                let version =
                    UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
                Ok((got.bytes().await?.to_vec(), version))
            }
        });
        self.answered(about, answer)
    }

    /// Some bytes of a file that has this tag, where one is given.
    /// Some bytes of a file, in the chunks in which they came.
    pub(crate) fn get_chunks(
        &self,
        full: &str,
        name: &str,
        range: Range<u64>,
        tag: Option<&str>,
    ) -> Result<Vec<Bytes>, StorageError> {
        let about = About { action: "reading", name: full, bytes: range.end - range.start };
        let path = self.path(full, name)?;
        let answer = self.calls.ask(about, || {
            let (store, path) = (self.store.clone(), path.clone());
            let options = GetOptions {
                range: Some(range.clone().into()),
                if_match: tag.map(str::to_owned),
                ..GetOptions::default()
            };
            async move { store.get_opts(&path, options).await?.into_stream().try_collect().await }
        });
        match self.answered(about, answer) {
            // Stores differ in what they say of a range that begins behind the end.
            Err(StorageError::Failed { .. }) if self.head(full, name)?.size <= range.start => Ok(Vec::new()),
            read => read,
        }
    }

    pub(crate) fn head(&self, full: &str, name: &str) -> Result<Entry, StorageError> {
        let about = About { action: "reading", name: full, bytes: 0 };
        let path = self.path(full, name)?;
        let answer = self.calls.ask(about, || {
            let (store, path) = (self.store.clone(), path.clone());
            async move { store.head(&path).await }
        });
        self.answered(about, answer).map(|meta| self.entry(meta))
    }

    pub(crate) fn list(&self, full: &str, folder: &str, deep: bool) -> Result<Vec<Entry>, StorageError> {
        let about = About { action: "listing", name: full, bytes: 0 };
        let path = self.path(full, folder)?;
        let answer = self.calls.ask(about, || {
            let (store, path) = (self.store.clone(), path.clone());
            async move {
                let below = (!path.as_ref().is_empty()).then_some(&path);
                if deep {
                    return store.list(below).try_collect::<Vec<_>>().await;
                }
                store.list_with_delimiter(below).await.map(|listed| listed.objects)
            }
        });
        let listed = self.answered(about, answer)?;
        Ok(listed.into_iter().map(|meta| self.entry(meta)).collect())
    }

    /// Begins an upload in parts; gives its id.
    pub(crate) fn begin_parts(&self, full: &str, name: &str) -> Result<String, StorageError> {
        let about = About { action: "writing", name: full, bytes: 0 };
        let (path, parts) = (self.path(full, name)?, self.parts("writing", full)?);
        let answer = self.calls.ask(about, || {
            let (parts, path) = (parts.clone(), path.clone());
            async move { parts.create_multipart(&path).await }
        });
        self.answered(about, answer)
    }

    pub(crate) fn put_part(
        &self,
        full: &str,
        name: &str,
        id: &str,
        index: usize,
        payload: PutPayload,
    ) -> Result<PartId, StorageError> {
        let about = About { action: "writing", name: full, bytes: payload.content_length() as u64 };
        let (path, parts) = (self.path(full, name)?, self.parts("writing", full)?);
        let answer = self.calls.ask(about, || {
            let (parts, path, id, payload) = (parts.clone(), path.clone(), id.to_owned(), payload.clone());
            async move { parts.put_part(&path, &id, index, payload).await }
        });
        self.answered(about, answer)
    }

    pub(crate) fn complete_parts(
        &self,
        full: &str,
        name: &str,
        id: &str,
        uploaded: Vec<PartId>,
    ) -> Result<(), StorageError> {
        let about = About { action: "completing", name: full, bytes: 0 };
        let (path, parts) = (self.path(full, name)?, self.parts("completing", full)?);
        let answer = self.calls.ask(about, || {
            let (parts, path, id, uploaded) = (parts.clone(), path.clone(), id.to_owned(), uploaded.clone());
            async move { parts.complete_multipart(&path, &id, uploaded).await }
        });
        self.answered(about, answer).map(drop)
    }

    /// Throws an upload in parts away. One that is not there is no fault.
    pub(crate) fn abort(&self, full: &str, name: &str, id: &str) -> Result<(), StorageError> {
        let about = About { action: "abandoning", name: full, bytes: 0 };
        let (path, parts) = (self.path(full, name)?, self.parts("abandoning", full)?);
        let answer = self.calls.ask(about, || {
            let (parts, path, id) = (parts.clone(), path.clone(), id.to_owned());
            async move { parts.abort_multipart(&path, &id).await }
        });
        match self.answered(about, answer) {
            Err(StorageError::NotFound { .. }) => Ok(()),
            Err(StorageError::Failed { .. }) if self.kind == Kind::Memory => Ok(()),
            aborted => aborted,
        }
    }

    /// Begins a file whose parts are written one after the other.
    pub(crate) fn begin_stream(
        &self,
        full: &str,
        name: &str,
    ) -> Result<Box<dyn MultipartUpload>, StorageError> {
        let about = About { action: "creating", name: full, bytes: 0 };
        let path = self.path(full, name)?;
        let answer = self.calls.ask(about, || {
            let (store, path) = (self.store.clone(), path.clone());
            async move { store.put_multipart(&path).await }
        });
        self.answered(about, answer)
    }

    /// Waits for a part to be written. It cannot be asked for again: a stream that failed is broken.
    pub(crate) fn once(&self, full: &str, bytes: u64, part: UploadPart) -> Result<(), StorageError> {
        let about = About { action: "writing", name: full, bytes };
        let part = Mutex::new(Some(part));
        let calls = Calls { patience: Duration::ZERO, ..self.calls.clone() };
        let answer = calls.ask(about, || {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner).take();
            async move {
                match part {
                    Some(part) => part.await,
                    None => Ok(()),
                }
            }
        });
        self.answered(about, answer)
    }

    /// Ends a file of parts: it gets its name.
    pub(crate) fn end_stream(
        &self,
        full: &str,
        stream: Arc<Mutex<Box<dyn MultipartUpload>>>,
    ) -> Result<(), StorageError> {
        let about = About { action: "finishing", name: full, bytes: 0 };
        let calls = Calls { patience: Duration::ZERO, ..self.calls.clone() };
        let stream = Mutex::new(Arc::into_inner(stream));
        let answer = calls.ask(about, || {
            let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
            async move {
                let Some(stream) = stream else { return Ok(()) };
                let mut stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
                stream.complete().await.map(drop)
            }
        });
        self.answered(about, answer)
    }

    pub(crate) fn delete(&self, full: &str, name: &str) -> Result<(), StorageError> {
        let about = About { action: "deleting", name: full, bytes: 0 };
        let path = self.path(full, name)?;
        let answer = self.calls.ask(about, || {
            let (store, path) = (self.store.clone(), path.clone());
            async move { store.delete(&path).await }
        });
        match self.answered(about, answer) {
            Err(StorageError::NotFound { .. }) => Ok(()),
            deleted => deleted,
        }
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("kind", &self.kind).field("prefix", &self.prefix).finish()
    }
}

/// A name beside this one that nobody else gives: lists leave it out.
pub(crate) fn unique(name: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let (folder, file) = name.rsplit_once('/').map_or((None, name), |(folder, file)| (Some(folder), file));
    let hidden = format!(".{file}.{now:x}-{:x}-{number:x}.unpublished", std::process::id());
    folder.map_or(hidden.clone(), |folder| format!("{folder}/{hidden}"))
}

/// Whether a file is one that is being written: by us, by the HDFS client, or by the local store of the crate.
pub(crate) fn is_unfinished(name: &str) -> bool {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    let is_of_client = || {
        let number = file.strip_prefix('.').and_then(|file| file.rsplit_once(".tmp."));
        number.is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    file.ends_with(".unpublished") || is_of_client() || crate::local::is_staged(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_unfinished_files_are_known() {
        for name in ["a/.part.tmp.1", ".x.tmp.12", "a/b#3", &unique("a/b"), &unique("b")] {
            assert!(is_unfinished(name), "{name}");
        }
        for name in ["a/part.tmp.1", "a.tmp", "b#c", ".hidden", "a/.x.tmp.y"] {
            assert!(!is_unfinished(name), "{name}");
        }
        assert!(unique("a/b").starts_with("a/.b."));
        assert_ne!(unique("b"), unique("b"));
    }
}
