//! A data set in a local folder.
//!
//! Holds: an attempt writes below `_temporary`; what fails leaves nothing behind, the folders that were made for it
//! included.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Pull, TaskContext};
use millstream_model::error::{Failure, Result};

use super::super::site::Calls;

/// How often the folder that attempts write in is removed, if there is something new in it each time.
const REMOVALS: u32 = 100;
/// Where attempts write, below the output folder.
const TEMPORARY: &str = "_temporary";

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::external(format!("{} cannot be written", path.display())).because(error)
}

/// Where attempts write.
pub(super) fn temporary(folder: &Path) -> PathBuf {
    folder.join(TEMPORARY)
}

/// An output folder, with what had to be made for it. Removed again unless it is finished.
pub(super) struct Output {
    folder: PathBuf,
    /// The topmost folder that was made.
    made: PathBuf,
    is_done: bool,
}

impl Output {
    /// Makes the folder; whoever makes it owns it.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let made = (folder.ancestors().take_while(|path| *path != Path::new("") && !path.exists()))
            .last()
            .unwrap_or(folder)
            .to_path_buf();
        let parents =
            folder.parent().filter(|parent| *parent != Path::new("")).map_or(Ok(()), fs::create_dir_all);
        parents.and_then(|()| fs::create_dir(folder)).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Failure::user(format!("output folder {} already exists", folder.display()))
                    .advice("remove it or name another: what is there is never overwritten")
            }
            _ => failed(folder, error),
        })?;
        let output = Self { folder: folder.to_path_buf(), made, is_done: false };
        let temporary = folder.join(TEMPORARY);
        fs::create_dir(&temporary).map_err(|error| failed(&temporary, error))?;
        Ok(output)
    }

    pub(super) fn finish(mut self, written: Vec<PathBuf>) -> Result<()> {
        for (partition, path) in written.iter().enumerate() {
            let part = self.folder.join(format!("part-{partition:05}"));
            fs::rename(path, &part).map_err(|error| failed(&part, error))?;
        }
        let temporary = self.folder.join(TEMPORARY);
        remove(&temporary).map_err(|error| failed(&temporary, error))?;
        let success = self.folder.join("_SUCCESS");
        fs::write(&success, "").map_err(|error| failed(&success, error))?;
        self.is_done = true;
        Ok(())
    }
}

/// Removes a folder in which an attempt that does not count may be about to begin a file.
fn remove(folder: &Path) -> std::io::Result<()> {
    let mut tries = 0;
    loop {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty && tries < REMOVALS => {
                tries += 1
            }
            done => return done,
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "unfinished output cannot be removed");
        }
        // Parents that were made for it, as long as nobody else put something there.
        let parents = self.folder.ancestors().skip(1).take_while(|path| path.starts_with(&self.made));
        for parent in parents {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
    }
}

/// Writes the lines of one attempt.
pub(super) fn write<T: Display>(
    records: &mut dyn Pull<T>,
    task: &TaskContext,
    folder: &Path,
    calls: &Calls,
) -> Result<PathBuf> {
    let path = folder.join(format!("part-{:05}.attempt-{}", task.partition, task.attempt));
    let written = File::create(&path).map_err(|error| failed(&path, error)).and_then(|file| {
        let mut file = BufWriter::new(file);
        while let Some(mut batch) = records.next()? {
            let lines =
                |batch: &mut Batch<T>| batch.drain().try_for_each(|record| writeln!(file, "{record}"));
            calls.over(&mut batch, lines)?.map_err(|error| failed(&path, error))?;
        }
        file.flush().map_err(|error| failed(&path, error))
    });
    if written.is_err() {
        // Room on a full disk matters more than an error of the removal.
        let _gone = fs::remove_file(&path);
    }
    written.map(|()| path)
}
