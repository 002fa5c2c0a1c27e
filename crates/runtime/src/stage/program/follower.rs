//! The actions of a program in an executor: tasks by their names, until the master tells how the job ended.
//!
//! Holds: a process that comes to an action after its end is given the same result; without a master it ends.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use millstream_dataflow::lineage::{DatasetId, Dependency, FRAME, Frames, Lineage, Shuffle, ShuffleId};
use millstream_model::error::{Failure, Result};

use super::super::Counters;
use super::super::action::{Action, Done, Outcome, Work, decode};
use super::super::engine::Stores;
use super::super::fetch::{InMemory, Reader, Server, Shelves, Wanted};
use super::super::reach::{Places, Reach};
use super::super::scheduler::Scheduler;
use super::super::shipped::{Lender, Receive, Received};
use super::super::task::attempt;
use super::super::team::{Event, Running, Stage, Team, Tell};
use super::super::there::ALL_JOBS;
use super::lineage::{Actions, other_action};
use super::recorded::join;
use super::{Program, ProgramRole, below};
use crate::control::{ExecutorId, ResultTold, StageEvent, StageOrder, TaskEnd, TaskOrdered, TaskPart, ToJob};
use crate::executor::{Executor, Obeys};

/// How often the result of an action is read again.
const READS: u32 = 10;
/// How long before.
const PAUSE: Duration = Duration::from_millis(500);

struct Ended {
    fingerprint: String,
    result: Result<()>,
    left: ResultTold,
}

#[derive(Default)]
struct State {
    /// The actions that the program waits at.
    actions: BTreeMap<u64, Action>,
    ended: BTreeMap<u64, Ended>,
    /// The stages of the job that runs.
    stages: HashMap<u64, Arc<dyn Running>>,
    counters: Counters,
}

/// The results of tasks, until the master has read them.
#[derive(Default)]
struct Results(Mutex<HashMap<(u64, usize), Arc<dyn Frames>>>);

impl Results {
    fn lock(&self) -> MutexGuard<'_, HashMap<(u64, usize), Arc<dyn Frames>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this process lends.
struct Lent {
    stores: Arc<Stores>,
    results: Arc<Results>,
}

impl Shelves for Lent {
    fn find(&self, wanted: &Wanted) -> Result<Arc<dyn Frames>> {
        match *wanted {
            Wanted::Block { shuffle, map, block } => {
                self.stores.shuffles.lend(ShuffleId(shuffle), map, block)
            }
            Wanted::Result { stage, at } => {
                let found = self.results.lock().get(&(stage, at)).cloned();
                found.ok_or_else(|| Failure::external("the result of a task is not here"))
            }
            Wanted::Recorded { .. } | Wanted::Lent { .. } => {
                Err(Failure::internal("an executor was asked for what masters have"))
            }
        }
    }
}

/// See the module.
pub(in super::super) struct Follower {
    executor: Arc<Executor>,
    hands: Arc<Hands>,
    actions: Actions,
}

/// What obeys the master.
struct Hands {
    executor: Arc<Executor>,
    here: Arc<dyn Team>,
    stores: Arc<Stores>,
    results: Arc<Results>,
    reach: Arc<Reach>,
    reader: Arc<Reader>,
    cancel_timeout: Duration,
    receive: Option<Arc<dyn Receive>>,
    state: Mutex<State>,
    changed: Condvar,
    _server: Server,
}

impl Follower {
    /// The follower of the executor's program, whose tasks run in the slots of `here`.
    ///
    /// # Errors
    /// If no port can be had, the master is gone, or the program has another context.
    pub(in super::super) fn new(
        executor: Arc<Executor>,
        here: Arc<dyn Team>,
        stores: Arc<Stores>,
        cancel_timeout: Duration,
        receive: Option<Arc<dyn Receive>>,
    ) -> Result<Self> {
        let results = Arc::<Results>::default();
        let lent = Lent { stores: Arc::clone(&stores), results: Arc::clone(&results) };
        let server = Server::open(executor.charge(), Arc::new(lent))?;
        let reader = Arc::new(Reader::new(executor.charge(), executor.id().to_string())?);
        let places = Arc::<Places>::default();
        let reach = Arc::new(Reach {
            own: executor.id(),
            stores: Arc::clone(&stores),
            places,
            reader: Arc::clone(&reader),
        });
        let address = server.address();
        let hands = Arc::new(Hands {
            executor: Arc::clone(&executor),
            here,
            stores,
            results,
            reach,
            reader,
            cancel_timeout,
            receive,
            state: Mutex::default(),
            changed: Condvar::new(),
            _server: server,
        });
        if !executor.attach(Arc::clone(&hands) as Arc<_>) {
            return Err(super::super::engine::second_context());
        }
        executor.master().say(&ToJob::Stages(StageEvent::Serves { blocks: address }))?;
        if hands.receive.is_some() {
            // There is no program to follow: it is ready for whatever comes.
            executor.master().say(&ToJob::AtJob { number: ALL_JOBS, fingerprint: String::new() })?;
        }
        Ok(Self { executor, hands, actions: Actions::new() })
    }

    /// Waits until the master has told how a job ended, and gives the parts of its result.
    fn wait(&self, number: u64, fingerprint: String) -> Result<Vec<Vec<u8>>> {
        self.executor.master().say(&ToJob::AtJob { number, fingerprint: fingerprint.clone() })?;
        let ended = {
            let mut state = self.hands.lock();
            loop {
                if let Some(ended) = state.ended.remove(&number) {
                    // What is told twice, or was told of earlier jobs, is of no use to anybody.
                    state.ended = state.ended.split_off(&number);
                    state.actions.remove(&number);
                    break ended;
                }
                state = self.hands.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        };
        if ended.fingerprint != fingerprint {
            let failure = other_action(number, &ended.fingerprint, &fingerprint);
            self.executor.refuse(&failure);
            return Err(failure);
        }
        let mut parts = self.read(number, ended.left)?;
        let changed = if parts.is_empty() { Vec::new() } else { parts.remove(0) };
        if !changed.is_empty() {
            self.hands.stores.accumulators.put(&decode(&changed)?)?;
        }
        ended.result.map(|()| parts)
    }

    /// What a job left.
    fn read(&self, number: u64, left: ResultTold) -> Result<Vec<Vec<u8>>> {
        let at = match left {
            ResultTold::Whole(parts) => return Ok(parts),
            ResultTold::At(address) => address,
        };
        let mut tries = 0;
        loop {
            let mut parts = Vec::new();
            let wanted = Wanted::Recorded { number };
            match self.hands.reader.each(at, &wanted, |frame| join(&mut parts, &frame)) {
                Ok(()) => return Ok(parts),
                // Without the result this process cannot go the way of the others; a master that is gone ends it.
                Err(failure) if tries < READS => tracing::warn!(%failure, "a result is read again"),
                Err(failure) => return Err(failure),
            }
            tries += 1;
            std::thread::sleep(PAUSE);
        }
    }
}

impl Program for Follower {
    fn act(&self, _: &Scheduler, action: Action) -> Result<Vec<Outcome>> {
        let fingerprint = self.actions.begin(&action, &self.hands.stores.accumulators)?;
        let number = self.executor.next_job();
        self.hands.lock().actions.insert(number, action);
        Ok(self.wait(number, fingerprint)?.into_iter().map(Outcome::Written).collect())
    }

    fn once(&self, what: &str, _: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        self.actions.check_thread(what)?;
        let number = self.executor.next_job();
        Ok(self.wait(number, format!("{what}\n"))?.pop().unwrap_or_default())
    }

    fn forget_shuffle(&self, shuffle: ShuffleId) {
        self.hands.reach.places.forget(shuffle);
    }

    fn counters(&self, _: Counters) -> Counters {
        self.hands.lock().counters
    }

    fn role(&self) -> ProgramRole {
        ProgramRole::Follows
    }

    fn hand_over(&self, thread: ThreadId, is_lent: bool) {
        self.actions.hand_over(thread, is_lent);
    }
}

impl Obeys for Hands {
    fn obey(&self, order: StageOrder) {
        match order {
            StageOrder::Places { shuffle, peers, maps } => self.reach.places.put(shuffle, &peers, &maps),
            StageOrder::Run(task) => self.run(&task),
            StageOrder::Abandon { stage, at, attempt } => {
                let running = self.lock().stages.get(&stage).cloned();
                if let Some(running) = running {
                    running.abandon(at, attempt);
                }
                tell(&self.executor, StageEvent::Abandoned { stage, at, attempt });
            }
            StageOrder::Leave { stage } => self.leave(stage),
            StageOrder::Shipped { job, what, lends } => self.take(job, &what.0, lends),
            StageOrder::Over { job } => {
                self.results.lock().clear();
                let mut state = self.lock();
                state.stages.clear();
                state.actions.remove(&job);
            }
            StageOrder::Forget { shuffles, datasets } => {
                for shuffle in shuffles.into_iter().map(ShuffleId) {
                    self.stores.shuffles.remove_all(shuffle);
                    self.reach.places.forget(shuffle);
                }
                datasets.into_iter().for_each(|dataset| self.stores.cache.remove_all(DatasetId(dataset)));
            }
            StageOrder::Ended { number, fingerprint, result, left, counters } => {
                self.results.lock().clear();
                let mut state = self.lock();
                state.stages.clear();
                state.counters = *counters;
                state.ended.insert(number, Ended { fingerprint, result, left });
                drop(state);
                self.changed.notify_all();
            }
        }
    }
}

impl Hands {
    /// Takes in what the tasks of a job are. What cannot be read is told when the first of them is to run.
    fn take(&self, job: u64, what: &[u8], lends: SocketAddr) {
        let lender = Lender::new(Arc::clone(&self.executor), Arc::clone(&self.reader), lends);
        match self.receive.as_ref().map(|receive| receive.receive(what, lender)) {
            Some(Ok(Received(action))) => drop(self.lock().actions.insert(job, action)),
            Some(Err(failure)) => tracing::error!(%failure, "job {job} cannot be read"),
            None => tracing::error!("job {job} was shipped to a program that makes its jobs itself"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, task: &TaskOrdered) {
        let running = self.lock().stages.get(&task.stage).cloned();
        let running = match running {
            Some(running) => Ok(running),
            None => self.open(task),
        };
        if let Err(failure) = running.and_then(|running| running.start(task.at, task.partition, task.attempt))
        {
            self.ended(task.stage, task.at, task.attempt.number, Err(failure));
        }
    }

    /// Finds what the tasks of a stage do.
    fn open(&self, task: &TaskOrdered) -> Result<Arc<dyn Running>> {
        let action = self.lock().actions.get(&task.job).cloned();
        let action = action
            .ok_or_else(|| Failure::internal(format!("a task of job {}, which is not run here", task.job)))?;
        let mut stage = match task.part {
            TaskPart::Result => Stage::of_action(task.job, &action),
            TaskPart::Map(id) => {
                let shuffle = find(&action.dataset, ShuffleId(id)).ok_or_else(|| {
                    Failure::internal(format!("shuffle {id} is in no lineage of job {}", task.job))
                })?;
                Stage::of_shuffle(task.job, &shuffle, &action.properties, &self.stores)
            }
        };
        stage.properties = Arc::new(task.properties.clone());
        stage.work = self.at_a_distance(task.stage, &stage, &action);
        let number = task.stage;
        let (told, master) = (Arc::clone(&self.stores), self.executor.clone());
        let tell: Tell = Arc::new(move |event| {
            if let Event::Ended(at, attempt, result) = event {
                ended(&master, &told, number, at, attempt, result);
            }
        });
        let running = Arc::clone(&self.here).open(stage, tell);
        self.lock().stages.insert(number, Arc::clone(&running));
        Ok(running)
    }

    /// The work of a stage whose tasks read blocks of other processes, and whose results are for another one.
    fn at_a_distance(&self, number: u64, stage: &Stage, action: &Action) -> Work {
        let (work, of, encode) = (Arc::clone(&stage.work), Arc::clone(&stage.of), action.encode.clone());
        let (reach, results) = (Arc::clone(&self.reach), Arc::clone(&self.results));
        let places: Vec<usize> = action.partitions.clone();
        Arc::new(move |partition, task| {
            let (blocks, lost) = reach.for_task();
            let mut task = task.clone();
            task.blocks = blocks;
            match attempt(&*of, &task, &work) {
                Ok(Outcome::Value(value)) => {
                    let encode =
                        encode.as_ref().ok_or_else(|| Failure::internal("no encoding of a result"))?;
                    let bytes = encode(&*value)?;
                    let length = bytes.len() as u64;
                    let frames: Arc<dyn Frames> =
                        Arc::new(InMemory(bytes.chunks(FRAME).map(<[u8]>::to_vec).collect()));
                    let mut results = results.lock();
                    let at = (0..places.len()).filter(|at| places[*at] == partition);
                    at.for_each(|at| drop(results.insert((number, at), Arc::clone(&frames))));
                    Ok(Outcome::Kept(length))
                }
                Err(failure) if !failure.is_cancelled() => {
                    let lost = lost.take();
                    if lost.is_empty() { Err(failure) } else { Ok(Outcome::Lost(lost, failure)) }
                }
                other => other,
            }
        })
    }

    /// Stops a stage, on a thread of its own: the master's must not wait.
    fn leave(&self, stage: u64) {
        let running = self.lock().stages.get(&stage).cloned();
        let (executor, at_most) = (Arc::clone(&self.executor), self.cancel_timeout);
        let leave = move || {
            let stuck = running.map_or_else(Vec::new, |running| {
                let (stuck, freed) = running.leave(at_most);
                if let Err(fewer) = freed {
                    tracing::warn!(%fewer, "there are fewer task slots now");
                }
                stuck
            });
            tell(&executor, StageEvent::Left { stage, stuck });
        };
        if let Err(error) = std::thread::Builder::new().name("leaving a stage".into()).spawn(leave) {
            tracing::warn!(%error, "no thread to stop the tasks of a stage");
        }
    }

    fn ended(&self, stage: u64, at: usize, attempt: u32, result: Result<Done>) {
        ended(&self.executor, &self.stores, stage, at, attempt, result);
    }
}

fn tell(executor: &Executor, event: StageEvent) {
    // A master that is gone is noticed where it is heard.
    if let Err(failure) = executor.master().say(&ToJob::Stages(event)) {
        tracing::debug!(%failure, "the master was not told");
    }
}

/// Tells the master how an attempt ended.
fn ended(executor: &Executor, stores: &Stores, stage: u64, at: usize, attempt: u32, result: Result<Done>) {
    let written = result.and_then(|Done { outcome, added, .. }| Ok((outcome, added.write()?)));
    let end = match written {
        Ok((Outcome::Kept(bytes), added)) => TaskEnd::Done { bytes, added },
        Ok((Outcome::Lost(blocks, why), _)) => {
            let blocks = blocks.iter().map(|lost| (lost.shuffle.0, lost.map, lost.of.map(ExecutorId)));
            TaskEnd::Lost { blocks: blocks.collect(), why }
        }
        Ok((_, added)) => TaskEnd::Done { bytes: 0, added },
        Err(failure) => TaskEnd::Failed(failure),
    };
    // Told in the order in which they happened: nobody else tells changes meanwhile.
    stores.cache.changes().tell(|kept| {
        let counters = Box::new(stores.tally.read());
        tell(executor, StageEvent::Ended { stage, at, attempt, end, kept, counters });
    });
}

/// The shuffle of this number in a lineage.
fn find(last: &Arc<dyn Lineage>, id: ShuffleId) -> Option<Arc<dyn Shuffle>> {
    let nodes = below(last, &HashSet::new());
    nodes.iter().flat_map(|node| node.dependencies()).find_map(|dependency| match dependency {
        Dependency::Shuffle(shuffle) if shuffle.id() == id => Some(Arc::clone(shuffle)),
        _ => None,
    })
}
