//! Where data sets come from.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_connectors::text_files::{LineSettings, found, splits};
use millstream_dataflow::lineage::VecPull;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::text::Text;
use millstream_runtime::stage::{Counters, StageEngine, StageSettings};

use super::{Rdd, text};

/// The engine of a program's batches. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    pub(super) engine: Arc<StageEngine>,
}

/// Makes a [`Context`].
#[derive(Clone, Debug, Default)]
pub struct ContextBuilder(StageSettings);

impl ContextBuilder {
    /// How many tasks run at once, and into how many partitions inputs are cut.
    #[must_use]
    pub fn parallelism(mut self, slots: usize) -> Self {
        self.0.slots = slots;
        self
    }

    /// Up to how many bytes of shuffled records stay in memory; the rest goes to temporary files.
    #[must_use]
    pub fn shuffle_memory(mut self, bytes: usize) -> Self {
        self.0.shuffle_memory = bytes;
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// If the parallelism is 0, or a thread cannot be started.
    pub fn build(self) -> Result<Context> {
        Ok(Context { engine: Arc::new(StageEngine::new(&self.0)?) })
    }
}

impl Context {
    /// A context with a task slot for each core.
    ///
    /// # Errors
    /// As [`ContextBuilder::build`].
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// A context with settings.
    pub fn builder() -> ContextBuilder {
        ContextBuilder::default()
    }

    /// How many tasks run at once.
    pub fn parallelism(&self) -> usize {
        self.engine.slots()
    }

    /// What was run so far.
    pub fn counters(&self) -> Counters {
        self.engine.counters()
    }

    /// The records, cut into as many partitions as tasks run at once.
    pub fn parallelize<T: Record>(&self, records: impl IntoIterator<Item = T>) -> Rdd<T> {
        self.parallelize_in(records, self.parallelism())
    }

    /// The records, cut into `partitions` (at least 1).
    pub fn parallelize_in<T: Record>(
        &self,
        records: impl IntoIterator<Item = T>,
        partitions: usize,
    ) -> Rdd<T> {
        let mut rest: Vec<T> = records.into_iter().collect();
        let (total, count) = (rest.len(), partitions.max(1));
        let mut parts: Vec<Mutex<Vec<T>>> = Vec::with_capacity(count);
        for at in (0..count).rev() {
            parts.push(Mutex::new(rest.split_off(total * at / count)));
        }
        parts.reverse();
        Rdd::new(&self.engine, "parallelize", count, Vec::new(), None, move |partition, _| {
            let part = parts[partition].lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Box::new(VecPull::from(part.clone())))
        })
    }

    /// The numbers from `start` to below `end`.
    pub fn range(&self, start: i64, end: i64) -> Rdd<i64> {
        let count = self.parallelism();
        let (length, parts) = (i128::from(end.max(start)) - i128::from(start), count as i128);
        let bounds: Vec<i64> =
            (0..=parts).map(|at| (i128::from(start) + length * at / parts) as i64).collect();
        let ranges = self.parallelize_in(bounds.windows(2).map(|ends| (ends[0], ends[1])), count);
        ranges.map_partitions(|ranges| ranges.flat_map(|(from, to)| from..to))
    }

    /// No record, in no partition.
    pub fn empty<T: Record>(&self) -> Rdd<T> {
        Rdd::new(&self.engine, "empty", 0, Vec::new(), None, |_, _| {
            Err(Failure::internal("an empty rdd has no partition"))
        })
    }

    /// All records of all `rdds`, partition after partition.
    pub fn union<T: Record>(&self, rdds: &[Rdd<T>]) -> Rdd<T> {
        let parents = rdds.to_vec();
        let places: Vec<(usize, usize)> = (parents.iter().enumerate())
            .flat_map(|(of, rdd)| (0..rdd.partitions()).map(move |partition| (of, partition)))
            .collect();
        let dependencies = parents.iter().map(Rdd::narrow).collect();
        Rdd::new(&self.engine, "union", places.len(), dependencies, None, move |partition, task| {
            let (of, partition) = places[partition];
            parents[of].node.read(partition, task)
        })
    }

    /// The lines of a file, of the files in a folder, or of those that a pattern with `*`, `?`, `[]` or `**` matches.
    /// Files that end in `.gz` or `.zst` are read through their compression, each as one partition.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn text_file(&self, path: impl AsRef<Path>) -> Result<Rdd<Text>> {
        self.text_file_with(path, LineSettings::default())
    }

    /// As [`Context::text_file`], with all settings of how lines are cut: the delimiter, the longest line, and what
    /// becomes of a line that is not UTF-8.
    ///
    /// # Errors
    /// If there is no such file, or the settings cannot work.
    pub fn text_file_with(&self, path: impl AsRef<Path>, lines: LineSettings) -> Result<Rdd<Text>> {
        lines.check()?;
        let splits = splits(text::name(path.as_ref())?, self.parallelism())?;
        let count = splits.len();
        Ok(Rdd::new(&self.engine, "text_file", count, Vec::new(), None, move |partition, _| {
            Ok(Box::new(text::LinesPull::open(&splits[partition], &lines)?))
        }))
    }

    /// The path and the whole text of each file.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn whole_text_files(&self, path: impl AsRef<Path>) -> Result<Rdd<(String, Text)>> {
        let files = found(text::name(path.as_ref())?)?;
        Ok(Rdd::new(&self.engine, "whole_text_files", files.len(), Vec::new(), None, move |partition, _| {
            let path = &files[partition];
            let record = (path.display().to_string(), text::whole(path)?);
            Ok(Box::new(VecPull::from(vec![record])))
        }))
    }
}
