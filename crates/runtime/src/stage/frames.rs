//! Encoded blocks on disk: one file for each shuffle or kept data set, without a name, so that nothing of it is left
//! behind, whatever happens to the process.
//!
//! Holds: what failed to be written takes no room in the file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::Frames;
use millstream_model::error::{Failure, Result};

/// A file that is written at its end and read anywhere.
pub(super) struct SpillFile {
    folder: PathBuf,
    what: &'static str,
    open: Mutex<(File, u64)>,
}

impl SpillFile {
    /// A file in `folder` for `what`, which messages name.
    pub(super) fn new(folder: PathBuf, what: &'static str) -> Result<Arc<Self>> {
        match tempfile::tempfile_in(&folder) {
            Ok(file) => Ok(Arc::new(Self { folder, what, open: Mutex::new((file, 0)) })),
            Err(error) => Err(not_spilled(&folder, what, error)),
        }
    }

    fn open(&self) -> MutexGuard<'_, (File, u64)> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, bytes: &[u8]) -> Result<u64> {
        let mut open = self.open();
        let (file, end) = &mut *open;
        file.seek(SeekFrom::Start(*end))
            .and_then(|_| file.write_all(bytes))
            .map_err(|error| not_spilled(&self.folder, self.what, error))?;
        let at = *end;
        *end += bytes.len() as u64;
        Ok(at)
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut open = self.open();
        let file = &mut open.0;
        file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes)).map_err(|error| {
            let (what, folder) = (self.what, self.folder.display());
            Failure::external(format!("{what} that was spilled to {folder} cannot be read back"))
                .because(error)
        })?;
        Ok(bytes)
    }
}

fn not_spilled(folder: &std::path::Path, what: &str, error: std::io::Error) -> Failure {
    Failure::external(format!("{what} cannot be spilled to {}", folder.display()))
        .because(error)
        .advice("free space there, name another folder (`spill_folder`, or TMPDIR), or give it more memory")
}

/// Some of the frames of a file.
pub(super) struct FrameList {
    file: Arc<SpillFile>,
    places: Mutex<Vec<(u64, usize)>>,
}

impl FrameList {
    pub(super) fn new(file: Arc<SpillFile>) -> Self {
        Self { file, places: Mutex::default() }
    }

    fn places(&self) -> MutexGuard<'_, Vec<(u64, usize)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frames for FrameList {
    fn append(&self, bytes: &[u8]) -> Result<()> {
        let offset = self.file.append(bytes)?;
        self.places().push((offset, bytes.len()));
        Ok(())
    }

    fn count(&self) -> usize {
        self.places().len()
    }

    fn bytes(&self) -> usize {
        self.places().iter().map(|(_, length)| length).sum()
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        let place = self.places().get(at).copied();
        let (offset, length) = place.ok_or_else(|| Failure::internal("a frame that was never written"))?;
        self.file.read(offset, length)
    }
}
