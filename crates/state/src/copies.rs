//! Copies of state files on the machine whose subtasks wrote them.
//!
//! Answers for keeping a copy of each state file beside the store, for reading it in the store's place, and for removing it.
//! Where the store is a folder of the same disk a copy is another name of the same file, and costs nothing.
//! Not for what a checkpoint consists of: that is in its manifest, which is the store's.
//! Holds: a copy is of use or is not there: what is read from one has the length and the checksum that the manifest names,
//! and no failure to keep or to read one is anybody's failure but a warning.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::manifest::Place;
use crate::name::CheckpointName;

/// A folder of copies. Several processes of a run may use it.
#[derive(Clone, Debug)]
pub struct LocalCopies {
    folder: PathBuf,
}

impl LocalCopies {
    /// Copies below this folder, which is of one run of a job: in it no two checkpoints have the same number.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Removes the copies of all checkpoints before this one, which is complete.
    pub fn forget_before(&self, checkpoint: CheckpointName) {
        self.remove(|name| name.id < checkpoint.id);
    }

    /// Removes the copies of all checkpoints but this one, which a job starts from.
    pub fn forget_all_but(&self, checkpoint: Option<CheckpointName>) {
        self.remove(|name| Some(name) != checkpoint);
    }

    fn remove(&self, is_old: impl Fn(CheckpointName) -> bool) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_str().and_then(|name| name.parse::<CheckpointName>().ok());
            if name.is_some_and(&is_old)
                && let Err(error) = fs::remove_dir_all(entry.path())
                // Another process of the run may have done it.
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "a local copy of an old checkpoint stays: {}", entry.path().display());
            }
        }
    }

    /// Keeps a copy of a state file that was written to the store; `original` is its path where that is a local folder.
    pub(crate) fn keep(&self, file: &str, body: &[u8], original: Option<&Path>) {
        if let Err(error) = self.try_keep(file, body, original) {
            let copy = self.folder.join(file);
            tracing::warn!(%error, "no local copy of state was kept: {}", copy.display());
            // Half of one takes room that others need.
            let _none = fs::remove_file(copy);
        }
    }

    fn try_keep(&self, file: &str, body: &[u8], original: Option<&Path>) -> io::Result<()> {
        let copy = self.folder.join(file);
        if let Some(folder) = copy.parent() {
            fs::create_dir_all(folder)?;
        }
        // State files are replaced whole, never changed: a second name is as good as a copy.
        if original.is_some_and(|original| fs::hard_link(original, &copy).is_ok()) {
            return Ok(());
        }
        // Not synced: after a power failure its checksums tell.
        fs::write(copy, body)
    }

    /// The bytes at these places of a state file; nothing where there is no copy, or it is damaged.
    pub(crate) fn read(&self, file: &str, places: &[Place]) -> Option<Vec<Vec<u8>>> {
        let path = self.folder.join(file);
        let copy = File::open(&path).ok()?;
        match read_places(&copy, places) {
            Ok(read) => Some(read),
            Err(damage) => {
                tracing::warn!(%damage, "a local copy of state is of no use, the store is read: {}", path.display());
                None
            }
        }
    }
}

/// The bytes at these places of an open file, each checked.
pub(crate) fn read_places(file: &File, places: &[Place]) -> Result<Vec<Vec<u8>>, Damage> {
    // What a damaged index names is not asked of the memory.
    let size = file.metadata()?.len();
    let needed = places.iter().map(|place| place.offset.saturating_add(place.length)).max().unwrap_or(0);
    if size < needed {
        return Err(Damage::Short { size, needed });
    }
    let read = |place: &Place| {
        let mut bytes = vec![0; usize::try_from(place.length).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, place.offset)?;
        if crc32fast::hash(&bytes) == place.checksum { Ok(bytes) } else { Err(Damage::Checksum(*place)) }
    };
    places.iter().map(read).collect()
}

/// Why a file is not what was written.
#[derive(Debug)]
pub(crate) enum Damage {
    /// It ends too early.
    Short {
        /// Its length.
        size: u64,
        /// How far it must reach.
        needed: u64,
    },
    /// These bytes are others.
    Checksum(Place),
    /// It cannot be read.
    Unreadable(io::Error),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short { size, needed } => write!(f, "it ends at byte {size} and must reach {needed}"),
            Self::Checksum(Place { offset, length, .. }) => {
                write!(f, "the {length} bytes at {offset} have another checksum than was written")
            }
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}
