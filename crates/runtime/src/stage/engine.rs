//! The engine of a context: its threads, its blocks, its counters.

use std::fmt;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use millstream_dataflow::lineage::{
    Blocks, Cancellation, Dataset, DatasetId, Frames, Properties, Pull, ShuffleId, StorageLevel, Stored,
    TaskContext,
};
use millstream_dataflow::state::StateData;
use millstream_model::error::{Failure, Result};
use millstream_model::record::Record;

use super::accumulator::{Accumulator, Accumulators};
use super::action::{Action, ResultCodec, decode, encode, typed};
use super::cache::CacheStore;
use super::claims::Claims;
use super::counters::{Tally, add};
use super::fetch::Server;
use super::here::Here;
use super::jobs::Jobs;
use super::pool::Pool;
use super::program::{Alone, Driver, Follower, Leader, Lent, Program, ProgramRole};
use super::scheduler::Scheduler;
use super::shuffle::ShuffleStore;
use super::there::{Driven, There};
use super::{CachedSize, Counters, Lends, Receive, Speculation, StageProgress};
use crate::job::{DriverCharge, Master};
use crate::site::{Site, site};

/// How an engine is made.
#[derive(Clone, Debug)]
pub struct StageSettings {
    /// How many tasks run at once; at least 1.
    pub slots: usize,
    /// Up to how many bytes of shuffle blocks stay in memory.
    pub shuffle_memory: usize,
    /// Up to how many bytes of kept partitions stay in memory.
    pub cache_memory: usize,
    /// Where shuffle blocks and kept partitions are spilled to.
    pub spill_folder: PathBuf,
    /// How long a job that has failed waits for its other tasks, before the error names those that do not stop.
    pub cancel_timeout: Duration,
    /// When tasks are run a second time; `None`: when the first attempt has failed or was lost.
    pub speculation: Option<Speculation>,
}

impl Default for StageSettings {
    /// A slot for each core; 1 GiB of shuffle blocks and 1 GiB of kept partitions in memory; the folder for temporary
    /// files (TMPDIR); 10 s for tasks to stop.
    fn default() -> Self {
        let slots = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            slots,
            shuffle_memory: 1 << 30,
            cache_memory: 1 << 30,
            spill_folder: std::env::temp_dir(),
            cancel_timeout: Duration::from_secs(10),
            speculation: None,
        }
    }
}

/// The blocks that tasks share.
pub(super) struct Stores {
    pub(super) shuffles: ShuffleStore,
    pub(super) cache: CacheStore,
    pub(super) tally: Tally,
    pub(super) accumulators: Accumulators,
    /// How many tasks share the memory.
    slots: usize,
    computing: Claims<(DatasetId, usize)>,
}

impl Blocks for Stores {
    fn shuffled(&self, shuffle: ShuffleId, map: usize, block: usize) -> Result<Stored> {
        self.shuffles.get(shuffle, map, block)
    }

    fn shuffle_share(&self) -> usize {
        self.shuffles.limit() / self.slots
    }

    fn shuffle_frames(&self, shuffle: ShuffleId) -> Result<Arc<dyn Frames>> {
        self.shuffles.frames(shuffle)
    }

    fn unreadable(&self, shuffle: ShuffleId, map: usize) {
        self.shuffles.remove(shuffle, map);
    }

    fn kept(&self, dataset: DatasetId, partition: usize) -> Option<Stored> {
        self.cache.get(dataset, partition)
    }

    fn claim(&self, dataset: DatasetId, partition: usize, cancellation: &Cancellation) -> Result<()> {
        self.computing.claim((dataset, partition), cancellation)
    }

    fn release(&self, dataset: DatasetId, partition: usize) {
        self.computing.release((dataset, partition));
    }

    fn keep(&self, dataset: DatasetId, partition: usize, level: StorageLevel, stored: Stored) {
        add(&self.tally.cached);
        self.cache.put((dataset, partition), level, stored, &self.tally);
    }

    fn frames(&self, dataset: DatasetId) -> Result<Arc<dyn Frames>> {
        self.cache.frames(dataset)
    }

    fn not_kept(&self, dataset: DatasetId, partition: usize, why: &Failure) {
        self.cache.not_kept((dataset, partition), why);
    }
}

impl Stores {
    fn new(settings: &StageSettings, slots: usize) -> Arc<Self> {
        let folder = &settings.spill_folder;
        Arc::new(Self {
            shuffles: ShuffleStore::new(settings.shuffle_memory, folder.clone()),
            cache: CacheStore::new(settings.cache_memory, folder.clone()),
            tally: Tally::default(),
            accumulators: Accumulators::default(),
            slots,
            computing: Claims::default(),
        })
    }
}

/// Runs batch jobs.
pub struct StageEngine {
    /// The task slots of this process; a master has none.
    pool: Option<Arc<Pool>>,
    pub(super) stores: Arc<Stores>,
    scheduler: Scheduler,
    program: Box<dyn Program>,
    slots: usize,
    datasets: AtomicU64,
    shuffles: AtomicU64,
}

impl fmt::Debug for StageEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StageEngine({} slots, {:?})", self.slots, self.counters())
    }
}

impl StageEngine {
    /// Starts the threads of an engine in this process.
    ///
    /// # Errors
    /// If `slots` is 0, a thread cannot be started, or a cluster started this process.
    pub fn new(settings: &StageSettings) -> Result<Self> {
        Self::check_alone("this program of data sets")?;
        Self::alone(settings)
    }

    /// Refuses `what` in a process that a cluster started, where each process of the program would do all the work.
    fn check_alone(what: &str) -> Result<()> {
        if matches!(site()?, Site::Alone) {
            return Ok(());
        }
        Err(Failure::user(format!("{what} does not run on a cluster yet")).advice(
            "run this program by itself; on a cluster run programs of a StreamEnvironment or of a Context in Rust",
        ))
    }

    /// Starts the engine of a program: in this process, or, where a cluster started it, on the executors of the cluster.
    ///
    /// # Errors
    /// If `slots` is 0, a thread cannot be started, or the cluster be reached; or if the program has another such engine
    /// on a cluster.
    pub fn of_program(settings: &StageSettings) -> Result<Self> {
        match site()? {
            Site::Alone => Self::alone(settings),
            Site::Master(master) => {
                check_slots(settings.slots)?;
                let (stores, jobs) = (Stores::new(settings, settings.slots), Arc::<Jobs>::default());
                let slots = u32::try_from(settings.slots).unwrap_or(u32::MAX);
                let there = There::new(&master, slots, Arc::clone(&jobs), None)?;
                let leader = Leader::new(master, Arc::clone(&there), settings.spill_folder.clone())?;
                let scheduler = Scheduler::new(there, Arc::clone(&stores), jobs, settings);
                Self::start(None, stores, scheduler, Box::new(leader), settings.slots)
            }
            Site::Executor(executor) => {
                check_slots(settings.slots)?;
                let own = executor.slots().max(1) as usize;
                let (stores, pool) = (Stores::new(settings, own), Arc::new(Pool::new(own)?));
                stores.cache.changes().follow();
                let here = Arc::new(Here::new(Arc::clone(&pool), Arc::clone(&stores)));
                let (team, timeout) = (Arc::clone(&here), settings.cancel_timeout);
                let follower = Follower::new(executor, here, Arc::clone(&stores), timeout, None)?;
                let scheduler = Scheduler::new(team, Arc::clone(&stores), Arc::default(), settings);
                Self::start(Some(pool), stores, scheduler, Box::new(follower), settings.slots)
            }
        }
    }

    /// Starts the engine of a program that runs in this process alone, as the master of a job of a cluster: tasks run on the
    /// cluster's executors, which are told what they are (see [`StageEngine::run_shipped`]). `lends` has what they refer to.
    ///
    /// # Errors
    /// If the job manager cannot be reached, or no port be had.
    pub fn of_driver(settings: &StageSettings, driver: &DriverCharge, lends: Arc<dyn Lends>) -> Result<Self> {
        check_slots(settings.slots)?;
        let master = Master::drive(driver)?;
        let server = Server::open(&driver.charge, Arc::new(Lent(lends)))?;
        let (stores, jobs) = (Stores::new(settings, settings.slots), Arc::<Jobs>::default());
        let slots = u32::try_from(settings.slots).unwrap_or(u32::MAX);
        let driven = Driven::new(driver.seen_from_afar(server.address()));
        let there = There::new(&master, slots, Arc::clone(&jobs), Some(driven))?;
        let program = Driver::new(master, Arc::clone(&there), server);
        let scheduler = Scheduler::new(there, Arc::clone(&stores), jobs, settings);
        Ok(Self::with(None, stores, scheduler, Box::new(program), settings.slots))
    }

    /// Starts the engine of an executor whose program runs in its master alone, in as many slots as the cluster gave it.
    ///
    /// # Errors
    /// If no cluster started this process as an executor, or threads or ports cannot be had.
    pub fn of_tasks(settings: &StageSettings, receive: Arc<dyn Receive>) -> Result<Self> {
        let Site::Executor(executor) = site()? else {
            return Err(Failure::internal("tasks were to be served in a process that is no executor"));
        };
        let slots = executor.slots().max(1) as usize;
        let (stores, pool) = (Stores::new(settings, slots), Arc::new(Pool::new(slots)?));
        stores.cache.changes().follow();
        let here = Arc::new(Here::new(Arc::clone(&pool), Arc::clone(&stores)));
        let (team, timeout) = (Arc::clone(&here), settings.cancel_timeout);
        let follower = Follower::new(executor, here, Arc::clone(&stores), timeout, Some(receive))?;
        let scheduler = Scheduler::new(team, Arc::clone(&stores), Arc::default(), settings);
        Ok(Self::with(Some(pool), stores, scheduler, Box::new(follower), slots))
    }

    fn alone(settings: &StageSettings) -> Result<Self> {
        check_slots(settings.slots)?;
        let pool = Arc::new(Pool::new(settings.slots)?);
        let stores = Stores::new(settings, settings.slots);
        let here = Arc::new(Here::new(Arc::clone(&pool), Arc::clone(&stores)));
        let scheduler = Scheduler::new(here, Arc::clone(&stores), Arc::default(), settings);
        Self::start(Some(pool), stores, scheduler, Box::new(Alone), settings.slots)
    }

    /// An engine with as many slots as that of the program's first process has: those of all are the same.
    fn start(
        pool: Option<Arc<Pool>>,
        stores: Arc<Stores>,
        scheduler: Scheduler,
        program: Box<dyn Program>,
        slots: usize,
    ) -> Result<Self> {
        let mut engine = Self::with(pool, stores, scheduler, program, slots);
        engine.slots = engine.once("the parallelism of the program", || Ok(slots))?;
        Ok(engine)
    }

    fn with(
        pool: Option<Arc<Pool>>,
        stores: Arc<Stores>,
        scheduler: Scheduler,
        program: Box<dyn Program>,
        slots: usize,
    ) -> Self {
        let (datasets, shuffles) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { pool, stores, scheduler, program, slots, datasets, shuffles }
    }

    /// Runs an action: `action` over each of `partitions` of `dataset`; the results in the order of `partitions`.
    ///
    /// # Errors
    /// What a task said in its last attempt: the fourth, or one whose failure would only come again; that the job was
    /// told to stop; or that it was called inside a task, which must not wait for another one.
    pub fn run<T: Record, R: StateData>(
        &self,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        self.perform((Arc::default(), None), Some(ResultCodec::of()), dataset, partitions, action)
    }

    /// As [`StageEngine::run`], as a job of which the program says something, and whose results cannot be told to another
    /// process: on a cluster it is refused.
    ///
    /// # Errors
    /// As there.
    pub fn run_with<T: Record, R: Send + 'static>(
        &self,
        properties: Arc<Properties>,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        self.perform((properties, None), None, dataset, partitions, action)
    }

    /// As [`StageEngine::run_with`]; where executors are told what their tasks are, they are told `shipped`.
    ///
    /// # Errors
    /// As there.
    pub fn run_shipped<T: Record, R: Send + 'static>(
        &self,
        (properties, shipped): (Arc<Properties>, Arc<Vec<u8>>),
        codec: ResultCodec<R>,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        self.perform((properties, Some(shipped)), Some(codec), dataset, partitions, action)
    }

    /// What tasks of executors have told the program since this was asked last.
    pub fn take_told(&self) -> Vec<Vec<u8>> {
        self.program.take_told()
    }

    /// The program is at its end, or has failed: the job of a driver ends.
    pub fn leave(&self, failure: Option<String>) {
        self.program.leave(failure);
    }

    fn perform<T: Record, R: Send + 'static>(
        &self,
        (properties, shipped): (Arc<Properties>, Option<Arc<Vec<u8>>>),
        codec: Option<ResultCodec<R>>,
        dataset: &Arc<dyn Dataset<T>>,
        partitions: &[usize],
        action: impl Fn(Box<dyn Pull<T>>, &TaskContext) -> Result<R> + Send + Sync + 'static,
    ) -> Result<Vec<R>> {
        if self.is_inside() {
            let (name, id) = (dataset.name(), dataset.id().0);
            return Err(Failure::user(format!("an action on `{name}` (rdd {id}) was called inside a task"))
                .advice(
                    "call actions and make rdds in the program itself; give tasks the collected result",
                ));
        }
        let mut action = Action::new(properties, codec, dataset, partitions, action);
        action.shipped = shipped;
        typed(self.program.act(&self.scheduler, action)?, codec)
    }

    /// Makes something once for all processes of the program: in the one process that there is, or on a cluster in the
    /// master, whose result the others are given. `what` names it.
    ///
    /// # Errors
    /// Those of `make`, in all processes.
    pub fn once<R: StateData>(&self, what: &str, make: impl FnOnce() -> Result<R>) -> Result<R> {
        if self.is_inside() {
            return Err(Failure::user(format!("{what} was asked for inside a task"))
                .advice("do in the program itself what is done once"));
        }
        let mut make = Some(make);
        let bytes = self.program.once(what, &mut || match make.take() {
            Some(make) => encode(&make()?),
            None => Err(Failure::internal("something was to be made twice that is made once")),
        })?;
        decode(&bytes)
    }

    /// Gives all processes of the program the value that the first of them has: on a cluster the master, elsewhere the
    /// one process that there is. `what` names it.
    ///
    /// # Errors
    /// If it cannot be told to the others; or if it was asked for inside a task.
    pub fn tell<R: StateData>(&self, what: &str, value: R) -> Result<R> {
        if self.program.is_alone() && !self.is_inside() {
            return Ok(value);
        }
        self.once(what, move || Ok(value))
    }

    /// An accumulator that is `zero` at first, and that `merge` adds to.
    ///
    /// # Errors
    /// If it is made inside a task.
    #[track_caller]
    pub fn accumulator<V: StateData>(
        &self,
        name: &str,
        zero: V,
        merge: impl Fn(&mut V, V) + Send + Sync + 'static,
    ) -> Result<Accumulator<V>> {
        if self.is_inside() {
            return Err(Failure::user(format!("accumulator `{name}` was made inside a task"))
                .advice("make accumulators in the program itself, and give the functions of tasks a clone"));
        }
        Ok(self.stores.accumulators.make(name, zero, merge, Location::caller()))
    }

    /// What this process is among those of the program.
    pub fn role(&self) -> ProgramRole {
        self.program.role()
    }

    /// Has another thread call the program's actions from now on: one that they are lent to, or the program's own again.
    pub fn hand_over(&self, thread: ThreadId, is_lent: bool) {
        self.program.hand_over(thread, is_lent);
    }

    /// How many tasks run at once.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// A number for a data set, never given twice.
    pub fn next_dataset(&self) -> DatasetId {
        DatasetId(self.datasets.fetch_add(1, Ordering::Relaxed))
    }

    /// A number for a shuffle, never given twice.
    pub fn next_shuffle(&self) -> ShuffleId {
        ShuffleId(self.shuffles.fetch_add(1, Ordering::Relaxed))
    }

    /// What was run so far.
    pub fn counters(&self) -> Counters {
        self.program.counters(self.stores.tally.read())
    }

    /// The stages that each running job waits for, the oldest job first; of one job, the last stage is the one whose tasks
    /// run.
    pub fn progress(&self) -> Vec<Vec<StageProgress>> {
        self.scheduler.jobs.progress()
    }

    /// Tells all jobs that run now to stop, and says how many there were. Their actions fail with
    /// [`Failure::cancelled`] as soon as their tasks have come to the end of a run of records.
    pub fn cancel_all_jobs(&self) -> usize {
        self.scheduler.jobs.cancel(|_| true)
    }

    /// As [`StageEngine::cancel_all_jobs`], for the jobs of which the program has said that `name` is `value`.
    pub fn cancel_jobs(&self, name: &str, value: &str) -> usize {
        self.scheduler.jobs.cancel(|properties| properties.get(name).is_some_and(|said| said == value))
    }

    /// Lets go of what a map task left, as a lost worker would.
    pub fn lose_shuffled(&self, shuffle: ShuffleId, map: usize) {
        self.scheduler.team.lose_shuffled(shuffle, map);
    }

    /// Lets go of one kept partition, as a lost worker would.
    pub fn lose_cached(&self, dataset: DatasetId, partition: usize) {
        self.scheduler.team.lose_cached(dataset, partition);
    }

    /// Lets go of all blocks of a shuffle that nobody can ask for again.
    pub fn forget_shuffle(&self, shuffle: ShuffleId) {
        self.scheduler.team.forget_shuffle(shuffle);
        self.program.forget_shuffle(shuffle);
    }

    /// Lets go of all kept partitions of a data set.
    pub fn forget_cached(&self, dataset: DatasetId) {
        self.scheduler.team.forget_cached(dataset);
    }

    /// How much of a data set is kept, and where.
    pub fn cached_size(&self, dataset: DatasetId) -> CachedSize {
        self.scheduler.team.cached_size(dataset)
    }

    /// About how many bytes of shuffle blocks are in memory.
    pub fn shuffle_memory_in_use(&self) -> usize {
        self.stores.shuffles.in_memory()
    }

    fn is_inside(&self) -> bool {
        self.pool.as_ref().is_some_and(|pool| pool.is_inside())
    }
}

fn check_slots(slots: usize) -> Result<()> {
    if slots > 0 {
        return Ok(());
    }
    Err(Failure::user("parallelism 0: no task could run").advice("set it to 1 or more"))
}

/// What a program is told that makes a second context in a process of a cluster.
pub(super) fn second_context() -> Failure {
    Failure::user("the program makes a second context")
        .advice("on a cluster a program has one context; use the first one")
}
