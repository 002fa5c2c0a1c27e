//! Where data sets come from.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use millstream_connectors::files::{LineSettings, found, splits};
use millstream_dataflow::batch::{Batch, DEFAULT_BATCH};
use millstream_dataflow::lineage::{Kept, KeptPull, Pull, VecPull};
use millstream_dataflow::state::StateData;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;
use millstream_model::text::Text;
use millstream_runtime::stage::{Counters, ProgramRole, Speculation, StageEngine, StageSettings};

use super::site::Site;
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

    /// Up to how many bytes of kept partitions ([`Rdd::cache`], [`Rdd::persist`]) stay in memory. When there is no more
    /// room, the partitions of other data sets that were not read for longest make room.
    #[must_use]
    pub fn cache_memory(mut self, bytes: usize) -> Self {
        self.0.cache_memory = bytes;
        self
    }

    /// The folder that shuffled records and kept partitions are spilled to, if there is no room in memory. Files there have
    /// no name, and are gone when the process is. The folder for temporary files (TMPDIR), if none is given.
    #[must_use]
    pub fn spill_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.0.spill_folder = folder.into();
        self
    }

    /// How long an action that has failed waits for its other tasks to stop; 10 s if nothing is said. Tasks stop between
    /// two runs of records; one that does not is named in the error, and keeps its slot until it ends.
    #[must_use]
    pub fn cancel_timeout(mut self, timeout: Duration) -> Self {
        self.0.cancel_timeout = timeout;
        self
    }

    /// Runs tasks a second time that take much longer than the others of their stage: another executor, or another thread
    /// where there is one process. The first attempt that ends well counts, with what it wrote and what it added to
    /// accumulators; the other one is told to stop and not waited for. Functions that do something to the world may do it
    /// twice. Not done if nothing is said.
    #[must_use]
    pub fn speculation(mut self, rule: Speculation) -> Self {
        self.0.speculation = Some(rule);
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// If the parallelism is 0, or a thread cannot be started.
    pub fn build(self) -> Result<Context> {
        Ok(Context { engine: Arc::new(StageEngine::of_program(&self.0)?) })
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

    /// What this process is among those of the program.
    pub(crate) fn role(&self) -> ProgramRole {
        self.engine.role()
    }

    /// The engine behind it.
    pub(crate) fn engine(&self) -> &Arc<StageEngine> {
        &self.engine
    }

    /// Tells all actions that run now, on whatever thread, to stop, and says how many there were. Each fails with an error
    /// of which [`Failure::is_cancelled`] is true, once its tasks have come to the end of a run of records.
    pub fn cancel_all_jobs(&self) -> usize {
        self.engine.cancel_all_jobs()
    }

    /// Does something once for the whole program, and gives its result to all of its processes: on a cluster the master
    /// does it, while `main` runs in the executors too. `what` names it in errors.
    ///
    /// ```
    /// use millstream::rdd::Context;
    ///
    /// let context = Context::builder().parallelism(2).build()?;
    /// let total = context.range(0, 10).count()?;
    /// context.once("the report", || Ok(println!("{total} records")))?;
    /// # Ok::<(), millstream::Failure>(())
    /// ```
    ///
    /// # Errors
    /// Those of `make`, in all processes; or that it was called inside a task.
    pub fn once<R: StateData>(&self, what: &str, make: impl FnOnce() -> Result<R>) -> Result<R> {
        self.engine.once(what, make)
    }

    /// What was run so far; on a cluster, in all processes until the end of the last action.
    pub fn counters(&self) -> Counters {
        self.engine.counters()
    }

    /// The records, cut into as many partitions as tasks run at once.
    #[track_caller]
    pub fn parallelize<T: Record>(&self, records: impl IntoIterator<Item = T>) -> Rdd<T> {
        self.parallelize_in(records, self.parallelism())
    }

    /// The records, cut into `partitions` (at least 1).
    #[track_caller]
    pub fn parallelize_in<T: Record>(
        &self,
        records: impl IntoIterator<Item = T>,
        partitions: usize,
    ) -> Rdd<T> {
        let mut rest: Vec<T> = records.into_iter().collect();
        let (total, count) = (rest.len(), partitions.max(1));
        let mut parts: Vec<Arc<Kept<T>>> = Vec::with_capacity(count);
        for at in (0..count).rev() {
            parts.push(Arc::new(Kept::new(rest.split_off(total * at / count), None)));
        }
        parts.reverse();
        let site = Site::new(&self.engine, "ParallelCollectionRdd", "parallelize", count);
        Rdd::new(&self.engine, site, Vec::new(), None, move |partition, _| {
            Ok(Box::new(KeptPull::from(Arc::clone(&parts[partition]))))
        })
    }

    /// The numbers from `start` to below `end`.
    #[track_caller]
    pub fn range(&self, start: i64, end: i64) -> Rdd<i64> {
        let count = self.parallelism();
        let (length, parts) = (i128::from(end.max(start)) - i128::from(start), count as i128);
        let bounds: Vec<i64> =
            (0..=parts).map(|at| (i128::from(start) + length * at / parts) as i64).collect();
        let site = Site::new(&self.engine, "ParallelCollectionRdd", "range", count);
        Rdd::new(&self.engine, site, Vec::new(), None, move |partition, _| {
            Ok(Box::new(Numbers(bounds[partition]..bounds[partition + 1])))
        })
        .encodable()
    }

    /// No record, in no partition.
    #[track_caller]
    pub fn empty<T: Record>(&self) -> Rdd<T> {
        let site = Site::new(&self.engine, "EmptyRdd", "empty", 0);
        Rdd::new(&self.engine, site, Vec::new(), None, |_, _| {
            Err(Failure::internal("an empty rdd has no partition"))
        })
    }

    /// All records of all `rdds`, partition after partition.
    #[track_caller]
    pub fn union<T: Record>(&self, rdds: &[Rdd<T>]) -> Rdd<T> {
        let parents = rdds.to_vec();
        let places: Vec<(usize, usize)> = (parents.iter().enumerate())
            .flat_map(|(of, rdd)| (0..rdd.partitions()).map(move |partition| (of, partition)))
            .collect();
        let dependencies = parents.iter().map(Rdd::narrow).collect();
        let site = Site::new(&self.engine, "UnionRdd", "union", places.len());
        Rdd::new(&self.engine, site, dependencies, None, move |partition, task| {
            let (of, partition) = places[partition];
            parents[of].node.read(partition, task)
        })
    }

    /// The lines of a file, of the files in a folder, or of those that a pattern with `*`, `?`, `[]` or `**` matches; on this
    /// machine, or at a location such as `s3://bucket/2013/*.csv` or `hdfs://name-node:8020/logs`.
    /// Files that end in `.gz` or `.zst` are read through their compression, each as one partition.
    ///
    /// # Errors
    /// If there is no such file.
    #[track_caller]
    pub fn text_file(&self, path: impl AsRef<Path>) -> Result<Rdd<Text>> {
        self.text_file_with(path, LineSettings::default())
    }

    /// As [`Context::text_file`], with all settings of how lines are cut: the delimiter, the longest line, and what
    /// becomes of a line that is not UTF-8.
    ///
    /// # Errors
    /// If there is no such file, or the settings cannot work.
    #[track_caller]
    pub fn text_file_with(&self, path: impl AsRef<Path>, settings: LineSettings) -> Result<Rdd<Text>> {
        let path = text::name(path.as_ref())?;
        // Looked at once: where there are several processes, they are to see the same files.
        let listed = || splits(path, self.parallelism(), &settings);
        let splits = self.engine.once(&format!("the files of {path}"), listed)?;
        let site = Site::new(&self.engine, "TextFileRdd", "text_file", splits.len());
        let lines = Rdd::new(&self.engine, site, Vec::new(), None, move |partition, _| {
            Ok(Box::new(text::LinesPull::open(&splits[partition], &settings)?))
        });
        Ok(lines.encodable())
    }

    /// The path and the whole text of each file.
    ///
    /// # Errors
    /// If there is no such file.
    #[track_caller]
    pub fn whole_text_files(&self, path: impl AsRef<Path>) -> Result<Rdd<(String, Text)>> {
        let path = text::name(path.as_ref())?;
        let files = self.engine.once(&format!("the files of {path}"), || found(path))?;
        let site = Site::new(&self.engine, "WholeTextFileRdd", "whole_text_files", files.len());
        let texts = Rdd::new(&self.engine, site, Vec::new(), None, move |partition, _| {
            let path = &files[partition];
            let record = (path.clone(), text::whole(path)?);
            Ok(Box::new(VecPull::from(vec![record])))
        });
        Ok(texts.encodable())
    }
}

/// Numbers in a row.
struct Numbers(Range<i64>);

impl Pull<i64> for Numbers {
    fn next(&mut self) -> Result<Option<Batch<i64>>> {
        let run: Vec<i64> = self.0.by_ref().take(DEFAULT_BATCH).collect();
        Ok((!run.is_empty()).then(|| Batch::from(run)))
    }
}
