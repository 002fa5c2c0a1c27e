//! Small files of one checkpoint and folder put together, before any of them is visible.
//!
//! The files to be joined wait under their hidden names. What is put together gets the final name of the first of them in one
//! step; only then are they removed. So a commit that is made again sees how far the one before it came: all of them
//! there and no file of the final name: nothing was done; one of them gone, or the final name there: it was.
//!
//! Answers for files in folders and stores that can be read before they have their name. A file that an upload in parts
//! holds cannot be; it is as large as to be left alone.

use millstream_model::error::{Failure, Result};
use millstream_storage::{Storage, StorageError};

use super::committer::StagedFile;
use super::names::{failed, folder_and_file, hidden_while_joined};

/// Which files are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Only those smaller than this, in bytes.
    pub below: u64,
    /// Into files of about so many bytes.
    pub into: u64,
}

impl Default for Joining {
    /// Those below 16 MiB, into 128 MiB.
    fn default() -> Self {
        Self { below: 16 << 20, into: 128 << 20 }
    }
}

impl Joining {
    pub(super) fn check(self) -> Result<()> {
        if self.below == 0 || self.into < self.below {
            let what = format!(
                "files below {} bytes cannot be joined into files of {} bytes",
                self.below, self.into
            );
            return Err(Failure::user(what).advice("give `below` a size, and `into` at least the same"));
        }
        Ok(())
    }
}

/// Commits the files of one folder, in the order of their names.
pub(super) fn join(place: &Storage, joining: &Joining, files: &[StagedFile]) -> Result<()> {
    let fits = |file: &&StagedFile| file.upload.pending().is_some() && file.upload.bytes() < joining.below;
    let (small, other): (Vec<_>, Vec<_>) = files.iter().partition(fits);
    for file in other {
        commit(place, file)?;
    }
    let mut group: Vec<&StagedFile> = Vec::new();
    let mut bytes = 0;
    for file in small {
        // A file with another head, which another version of the program wrote, begins another group.
        if bytes + file.upload.bytes() > joining.into
            || group.first().is_some_and(|first| first.head != file.head)
        {
            put_together(place, &group)?;
            (group, bytes) = (Vec::new(), 0);
        }
        bytes += file.upload.bytes();
        group.push(file);
    }
    put_together(place, &group)
}

fn commit(place: &Storage, file: &StagedFile) -> Result<()> {
    let committed = place.commit(&file.upload);
    committed
        .map_err(|error| failed("give its final name to", &place.full_name(&file.upload.name), error))?;
    Ok(())
}

fn put_together(place: &Storage, files: &[&StagedFile]) -> Result<()> {
    let (first, others) = match files {
        [] => return Ok(()),
        [single] => return commit(place, single),
        [first, others @ ..] => (first, others),
    };
    let name = &first.upload.name;
    let fail = |error: StorageError| failed("put small files together into", &place.full_name(name), error);
    let pending: Vec<&str> = files.iter().filter_map(|file| file.upload.pending()).collect();
    let is_done = is_there(place, name).map_err(fail)?
        || !pending
            .iter()
            .map(|file| is_there(place, file))
            .try_fold(true, |all, one| Ok(all && one?))
            .map_err(fail)?;
    if !is_done {
        let (folder, file) = folder_and_file(name);
        let mut upload = place.begin_upload(name, &hidden_while_joined(file)).map_err(fail)?;
        upload.write(&place.get(pending[0]).map_err(fail)?).map_err(fail)?;
        for (file, pending) in others.iter().zip(&pending[1..]) {
            let bytes = place.get(pending).map_err(fail)?;
            let head = usize::try_from(file.head).unwrap_or(usize::MAX);
            upload.write(bytes.get(head..).unwrap_or_default()).map_err(fail)?;
        }
        let staged = upload.finish().map_err(fail)?;
        place.commit(&staged).map_err(fail)?;
        // The name is on the disk before what it was made of is gone.
        place.keep_names(folder).map_err(fail)?;
    }
    pending.iter().try_for_each(|file| place.delete(file).map_err(fail))
}

fn is_there(place: &Storage, name: &str) -> std::result::Result<bool, StorageError> {
    match place.head(name) {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
