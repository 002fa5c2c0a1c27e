//! Writing a data set into a folder.
//!
//! Answers for where: a local folder (`local`), or a place elsewhere (`remote`).
//! Holds: what is not finished never looks finished, and each partition is there once, however often its task was tried:
//! an attempt writes under a name of its own, the program gives one file a partition its name when all tasks have
//! ended, and `_SUCCESS` comes last. What fails leaves nothing behind.

mod local;
mod remote;

use std::fmt::Display;
use std::path::Path;

use millstream_model::error::Result;
use millstream_model::record::Record;
use millstream_storage::{Location, Storage};

use super::Rdd;

impl<T: Record> Rdd<T> {
    /// Writes a line for each record into `folder`: `part-00000` and so on, one for each partition, and at the end
    /// `_SUCCESS`. Until then, what is written is in `folder/_temporary` or hidden; what fails is removed. The folder may be
    /// a location such as `s3://bucket/out` or `hdfs://name-node:8020/out`.
    ///
    /// # Errors
    /// If the folder exists or cannot be written, or as [`Rdd::collect`].
    #[track_caller]
    pub fn save_as_text_file(&self, folder: impl AsRef<Path>) -> Result<()>
    where
        T: Display,
    {
        let site = self.action("save_as_text_file");
        let place = match folder.as_ref().to_str() {
            Some(text) if Location::has_scheme(text) => Storage::open(text)?,
            _ => Storage::local(folder.as_ref()),
        };
        // One process makes the folder and finishes it; where there are others they go on as it does.
        let (begins, ends) =
            (format!("the output {}", place.name()), format!("the end of output {}", place.name()));
        let mut output = None;
        if let Some(folder) = place.folder() {
            self.engine.once(&begins, || {
                output = Some(local::Output::create(folder)?);
                Ok(())
            })?;
            let temporary = local::temporary(folder);
            let written = self.engine.run(&self.node, &self.all(), move |mut records, task| {
                local::write(&mut *records, task, &temporary, &site.calls(task.partition))
            })?;
            return self.engine.once(&ends, || output.map_or(Ok(()), |output| output.finish(written)));
        }
        let mut output = None;
        self.engine.once(&begins, || {
            output = Some(remote::Output::create(place.clone())?);
            Ok(())
        })?;
        let written = self.engine.run(&self.node, &self.all(), move |mut records, task| {
            remote::write(&mut *records, task, &place, &site.calls(task.partition))
        })?;
        self.engine.once(&ends, || output.map_or(Ok(()), |output| output.finish(&written)))
    }
}
