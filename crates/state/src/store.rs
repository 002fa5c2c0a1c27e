//! A checkpoint folder: opening it, and finding what it holds.
//!
//! Answers for the folder's lock, for listing and for reading manifests. Its calls block; they belong on threads that
//! may. Not for writing (`write`), cutting (`restore`) or collecting (`retention`).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use millstream_storage::Storage;
use object_store::ObjectStore;

use crate::copies::LocalCopies;
use crate::error::StoreError;
use crate::lock::Lock;
use crate::manifest::{FORMAT_VERSION, Manifest, ManifestFault};
use crate::name::CheckpointName;
use millstream_model::id::CheckpointKind;

/// A folder of checkpoints, in a local folder or an object store.
///
/// ```
/// use millstream_dataflow::state::OperatorSnapshot;
/// use millstream_dataflow::state::restore::Redistribution;
/// use millstream_dataflow::state::snapshot::OperatorPart;
/// use millstream_model::key::MaxParallelism;
/// use millstream_state::{CheckpointName, CheckpointStore, JobEntry, Manifest, OperatorEntry, SubtaskWork};
///
/// # let folder = tempfile::tempdir()?;
/// let (store, max) = (CheckpointStore::open(folder.path())?, MaxParallelism::default());
/// let checkpoint = CheckpointName::checkpoint(store.next_id()?);
/// let splits = OperatorPart::new("splits", 1, &[("flights.csv", 4096u64)])?;
/// let snapshot = OperatorSnapshot { keyed: vec![], operator: vec![splits] };
/// let work = SubtaskWork { operators: vec![("lines".to_owned(), snapshot)], committables: vec![] };
/// let written = store.write_subtask(checkpoint, "0-0", work)?;
///
/// let job = JobEntry { name: "delays".to_owned(), fingerprint: "5eed".to_owned(), run: None };
/// let operators = vec![OperatorEntry::new("lines", "TextFiles", 1, max)];
/// let mut manifest = Manifest { checkpoint, job, time: 0, operators, committables: vec![] };
/// manifest.add(written)?;
/// store.write_manifest(&manifest)?;
/// store.collect_garbage(3, &[])?;
///
/// let mut restore = store.restore(&store.latest()?, "lines", 0, 1, max)?;
/// let splits = restore.claim_operator::<(String, u64)>("splits", 1, Redistribution::Split)?;
/// assert_eq!(splits, [("flights.csv".to_owned(), 4096)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CheckpointStore {
    place: Storage,
    lock: Option<Lock>,
    copies: Option<LocalCopies>,
    over: Option<Arc<AtomicBool>>,
}

impl CheckpointStore {
    /// Opens a folder to write checkpoints to, making it where it does not exist, and takes its lock: a path, or a location
    /// such as `s3://bucket/delays` or `hdfs://name-node:8020/delays`.
    ///
    /// # Errors
    /// Where another job has it, it cannot be written to, or its server does not answer.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let place = place(folder.as_ref())?;
        let lock = Lock::take(&place)?;
        Ok(Self { place, lock: Some(lock), copies: None, over: None })
    }

    /// Opens a folder to write parts of checkpoints to, in a job whose coordinator is another process, which has the lock.
    ///
    /// # Errors
    /// Where it does not exist: the coordinator has made it, so this machine does not see the same folder.
    pub fn join(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_to_read(folder)
    }

    /// Opens a folder that must exist, to read from it; another process may be writing to it.
    ///
    /// # Errors
    /// Where it does not exist.
    pub fn open_to_read(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let place = place(folder.as_ref())?;
        if place.folder().is_some_and(|folder| !folder.is_dir()) {
            return Err(StoreError::FolderMissing { folder: place.name().to_owned() });
        }
        Ok(Self { place, lock: None, copies: None, over: None })
    }

    /// A folder in any object store, which `objects` is the root of; `name` is for messages. There is no lock.
    pub fn within(objects: Arc<dyn ObjectStore>, name: impl Into<String>) -> Self {
        Self { place: Storage::within(objects, &name.into()), lock: None, copies: None, over: None }
    }

    /// Keeps copies of the state files that are written, and reads them where they are of use.
    #[must_use]
    pub fn with_copies(mut self, copies: LocalCopies) -> Self {
        self.copies = Some(copies);
        self
    }

    /// Gives up what it is about to write once `over` is set: nobody waits for it any more.
    #[must_use]
    pub fn given_up_with(mut self, over: Arc<AtomicBool>) -> Self {
        let look = over.clone();
        self.place = self.place.stopped_by(move || look.load(Ordering::Relaxed));
        self.over = Some(over);
        self
    }

    /// Whether what is written is still wanted.
    pub(crate) fn is_wanted(&self) -> bool {
        self.over.as_ref().is_none_or(|over| !over.load(Ordering::Relaxed))
    }

    pub(crate) fn copies(&self) -> Option<&LocalCopies> {
        self.copies.as_ref()
    }

    /// The folder, as it is named in messages.
    pub fn name(&self) -> &str {
        self.place.name()
    }

    pub(crate) fn place(&self) -> &Storage {
        &self.place
    }

    /// Refuses where another job may have taken the folder.
    pub(crate) fn check_lock(&self) -> Result<(), StoreError> {
        self.lock.as_ref().map_or(Ok(()), |lock| lock.check(self.name()))
    }

    /// The file with its folder, for messages.
    pub(crate) fn full_name(&self, file: &str) -> String {
        self.place.full_name(file)
    }

    /// All files, from the folder on.
    pub(crate) fn all_files(&self) -> Result<Vec<String>, StoreError> {
        let listed = self.place.list("");
        let files = listed.map_err(|error| StoreError::asking("listing", self.name(), error))?;
        Ok(files.into_iter().map(|file| file.name).collect())
    }

    /// The finished checkpoints and savepoints, by number.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn list(&self) -> Result<Vec<CheckpointName>, StoreError> {
        let files = self.all_files()?;
        let name_of = |file: &String| file.strip_suffix("/manifest.json")?.parse::<CheckpointName>().ok();
        let mut names: Vec<CheckpointName> = files.iter().filter_map(name_of).collect();
        names.sort_by_key(|name| (name.id, name.kind));
        Ok(names)
    }

    /// A number that no checkpoint or savepoint has, finished or not, above all of them.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn next_id(&self) -> Result<u64, StoreError> {
        let files = self.all_files()?;
        let ids =
            files.iter().filter_map(|file| Some(file.split_once('/')?.0.parse::<CheckpointName>().ok()?.id));
        Ok(ids.max().unwrap_or(0) + 1)
    }

    /// The manifest with the highest number, savepoints included.
    ///
    /// # Errors
    /// Where there is none, or it is damaged or of a later format: the error names one that is intact.
    pub fn latest(&self) -> Result<Manifest, StoreError> {
        match self.list()?.last() {
            Some(name) => self.read(*name),
            None => Err(StoreError::Empty { folder: self.name().to_owned() }),
        }
    }

    /// The manifest of this name: `checkpoint-000017`, `savepoint-18`, or `17` for either.
    ///
    /// # Errors
    /// As [`CheckpointStore::latest`], and where there is none of that name: the error lists those there are.
    pub fn named(&self, name: &str) -> Result<Manifest, StoreError> {
        let parsed: CheckpointName = name.parse()?;
        let known = self.list()?;
        let bare = name.bytes().all(|byte| byte.is_ascii_digit());
        let found = known.iter().find(|known| **known == parsed || (bare && known.id == parsed.id));
        match found {
            Some(name) => self.read(*name),
            None => Err(StoreError::NotFound {
                folder: self.name().to_owned(),
                name: parsed.to_string(),
                available: known.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    fn read(&self, name: CheckpointName) -> Result<Manifest, StoreError> {
        self.read_alone(name).map_err(|mut error| {
            if let StoreError::ManifestDamaged { intact, .. } = &mut error {
                *intact = self.intact_besides(name);
            }
            error
        })
    }

    pub(crate) fn read_alone(&self, name: CheckpointName) -> Result<Manifest, StoreError> {
        let file = name.manifest();
        let text = self.place.get(&file);
        let text = text.map_err(|error| StoreError::asking("reading", &self.full_name(&file), error))?;
        let file = self.full_name(&file);
        let manifest = Manifest::from_text(&text).map_err(|fault| match fault {
            ManifestFault::Damaged(reason) => {
                StoreError::ManifestDamaged { file: file.clone(), reason, intact: None }
            }
            ManifestFault::Newer(found) => {
                StoreError::NewerFormat { file: file.clone(), found, supported: FORMAT_VERSION }
            }
        })?;
        if manifest.checkpoint != name {
            let reason = format!("it is the manifest of {}", manifest.checkpoint);
            return Err(StoreError::ManifestDamaged { file, reason, intact: None });
        }
        Ok(manifest)
    }

    /// The newest checkpoint other than `damaged` whose manifest reads and whose files are there in full length.
    pub(crate) fn intact_besides(&self, damaged: CheckpointName) -> Option<String> {
        let names = self.list().ok()?;
        let intact = |name: &&CheckpointName| {
            **name != damaged && self.read_alone(**name).is_ok_and(|manifest| self.is_complete(&manifest))
        };
        names.iter().rev().find(intact).map(ToString::to_string)
    }

    fn is_complete(&self, manifest: &Manifest) -> bool {
        manifest
            .extents()
            .into_iter()
            .all(|(file, end)| self.place.head(file).is_ok_and(|object| object.size >= end))
    }

    /// The newest manifest of a checkpoint rather than a savepoint that can be read, passing over damaged ones.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn newest_readable(&self) -> Result<Option<Manifest>, StoreError> {
        let names = self.list()?;
        let checkpoints = names.iter().rev().filter(|name| name.kind == CheckpointKind::Checkpoint);
        Ok(checkpoints.filter_map(|name| self.read_alone(*name).ok()).next())
    }
}

/// The place that a path or a location means. A path that is no text can only be a local one.
pub(crate) fn place(folder: &Path) -> Result<Storage, StoreError> {
    Ok(folder.to_str().map_or_else(|| Ok(Storage::local(folder)), Storage::open)?)
}
