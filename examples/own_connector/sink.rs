//! A sink of one's own, in two phases: files that appear when the checkpoint that has them is complete.
//!
//! Holds: exactly once. A file is written under a hidden name, and a commit only renames it; to do that twice changes
//! nothing.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use millstream::batch::Batch;
use millstream::sink::{Committer, Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::Promise;
use millstream::{CheckpointId, Failure, Record, Result};
use serde::{Deserialize, Serialize};

/// Writes each record on a line into files of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Parts<T> {
    folder: PathBuf,
    record: PhantomData<fn(T)>,
}

impl<T> Parts<T> {
    pub(crate) fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), record: PhantomData }
    }
}

/// A file that is written and hidden: what the checkpoint keeps of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hidden {
    name: String,
}

impl<T: Record + Display> Sink for Parts<T> {
    type Record = T;
    type Staged = Hidden;
    type State = ();

    fn name(&self) -> String {
        "Parts".into()
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn writer(&self, context: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        std::fs::create_dir_all(&self.folder).map_err(|error| failed(&self.folder, error))?;
        Ok(Box::new(PartWriter { folder: self.folder.clone(), subtask: context.subtask.index, open: None }))
    }

    fn committer(&self) -> Result<Option<Box<dyn Committer<Hidden>>>> {
        Ok(Some(Box::new(Renaming { folder: self.folder.clone() })))
    }
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::external(format!("{} cannot be written", path.display())).because(error)
}

struct PartWriter {
    folder: PathBuf,
    subtask: u32,
    open: Option<(String, BufWriter<File>)>,
}

/// A name that no other attempt of the job, in this process or before it, has given.
fn fresh_name(subtask: u32) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("part-{subtask}-{}-{}-{count}", now.as_nanos(), std::process::id())
}

impl PartWriter {
    /// The file that is being written; begun if there is none.
    fn file(&mut self) -> Result<&mut (String, BufWriter<File>)> {
        let open = match self.open.take() {
            Some(open) => open,
            None => {
                let name = fresh_name(self.subtask);
                let path = self.folder.join(format!(".{name}"));
                let file = File::create_new(&path).map_err(|error| failed(&path, error))?;
                (name, BufWriter::new(file))
            }
        };
        Ok(self.open.insert(open))
    }
}

impl<T: Display> SinkWriter<T, Hidden, ()> for PartWriter {
    fn write(&mut self, batch: &mut Batch<T>) -> Result<()> {
        let folder = self.folder.clone();
        let (_, file) = self.file()?;
        for record in batch.drain() {
            writeln!(file, "{record}").map_err(|error| failed(&folder, error))?;
        }
        batch.clear();
        Ok(())
    }

    /// Before the checkpoint: all that was written is on the disk, under its hidden name.
    fn prepare(&mut self, _: CheckpointId) -> Result<Vec<Hidden>> {
        let Some((name, file)) = self.open.take() else { return Ok(Vec::new()) };
        let file = file.into_inner().map_err(|error| failed(&self.folder, error.into_error()))?;
        file.sync_all().map_err(|error| failed(&self.folder, error))?;
        Ok(vec![Hidden { name }])
    }
}

/// Renames; lives once, beside the job's coordinator.
struct Renaming {
    folder: PathBuf,
}

impl Committer<Hidden> for Renaming {
    fn commit(&mut self, staged: Vec<Hidden>) -> Result<()> {
        for Hidden { name } in staged {
            let (hidden, shown) = (self.folder.join(format!(".{name}")), self.folder.join(&name));
            match std::fs::rename(&hidden, &shown) {
                Ok(()) => {}
                // After a restart the same is committed again.
                Err(_) if shown.exists() => {}
                Err(error) => return Err(failed(&shown, error)),
            }
        }
        Ok(())
    }
}
