//! Writing a data set into a folder.
//!
//! Holds: what is not finished never looks finished, and each partition is there once, however often its task was tried:
//! an attempt writes under a name of its own, the program moves one file a partition to its place when all tasks have
//! ended, and `_SUCCESS` comes last. What fails leaves nothing behind.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use millstream_dataflow::batch::Batch;
use millstream_dataflow::lineage::{Pull, TaskContext};
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::Rdd;
use super::site::Calls;

/// Where attempts write, below the output folder.
const TEMPORARY: &str = "_temporary";

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::external(format!("{} cannot be written", path.display())).because(error)
}

/// An output folder, with what had to be made for it. Removed again unless it is finished.
struct Output {
    folder: PathBuf,
    /// The topmost folder that was made.
    made: PathBuf,
    is_done: bool,
}

impl Output {
    /// Makes the folder; whoever makes it owns it.
    fn create(folder: &Path) -> Result<Self> {
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

    fn finish(mut self, written: Vec<PathBuf>) -> Result<()> {
        for (partition, path) in written.iter().enumerate() {
            let part = self.folder.join(format!("part-{partition:05}"));
            fs::rename(path, &part).map_err(|error| failed(&part, error))?;
        }
        let temporary = self.folder.join(TEMPORARY);
        fs::remove_dir_all(&temporary).map_err(|error| failed(&temporary, error))?;
        let success = self.folder.join("_SUCCESS");
        fs::write(&success, "").map_err(|error| failed(&success, error))?;
        self.is_done = true;
        Ok(())
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
fn write<T: Display>(
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

impl<T: Record> Rdd<T> {
    /// Writes a line for each record into `folder`: `part-00000` and so on, one for each partition, and at the end
    /// `_SUCCESS`. Until then, what is written is in `folder/_temporary`; what fails is removed.
    ///
    /// # Errors
    /// If the folder exists or cannot be written, or as [`Rdd::collect`].
    #[track_caller]
    pub fn save_as_text_file(&self, folder: impl AsRef<Path>) -> Result<()>
    where
        T: Display,
    {
        let output = Output::create(folder.as_ref())?;
        let (temporary, site) = (output.folder.join(TEMPORARY), self.action("save_as_text_file"));
        let written = self.engine.run(&self.node, &self.all(), move |mut records, task| {
            write(&mut *records, task, &temporary, &site.calls(task.partition))
        })?;
        output.finish(written)
    }
}
