//! This process as an executor of a job: subtasks on a master's orders.
//!
//! Answers for the line to the master and for following a program from job to job: at each one the program waits until the
//! master has coordinated it to its end, and goes on with its result. Not for the subtasks of an attempt (`attempt`).
//! Holds: one attempt at a time; what is said about it carries its number; without a master the process ends.

mod attempt;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use millstream_model::error::{Failure, Fault, Result};
use millstream_network::{Hearer, Introduction, Pulse, Speaker, connect};
use millstream_state::LocalCopies;

use crate::channel::Exchange;
use crate::control::{Charge, Deployment, ExecutorId, Happened, Order, StageOrder, ToExecutor, ToJob};
use crate::job::{Counters, JobResult};
use crate::plan::Plan;
use crate::site::desert;
use attempt::{Attempt, Own};

/// From one telling of the counts to the next.
const COUNT: Duration = Duration::from_secs(1);

/// What the program has come to.
#[derive(Default)]
struct State {
    /// The plans of the jobs that the program has come to and that have not ended.
    plans: BTreeMap<u64, Arc<Plan>>,
    ended: BTreeMap<u64, Result<JobResult>>,
    /// The attempt whose channels are being laid; set as soon as it is unwanted.
    laying: Option<(u64, Arc<AtomicBool>)>,
    attempt: Option<Attempt>,
}

/// Obeys what the master orders about tasks of stages.
pub(crate) trait Obeys: Send + Sync {
    /// Called on the thread that hears the master, one order after the other; must not wait.
    fn obey(&self, order: StageOrder);
}

/// See the module.
pub(crate) struct Executor {
    id: ExecutorId,
    charge: Charge,
    slots: u32,
    stages: OnceLock<Arc<dyn Obeys>>,
    master: Speaker<ToJob>,
    exchange: Arc<Exchange>,
    state: Mutex<State>,
    ended: Condvar,
    jobs: AtomicU64,
}

impl Executor {
    /// Calls the master.
    ///
    /// # Errors
    /// If it cannot be reached, or no port be had.
    pub(crate) fn start(
        charge: &Charge,
        id: ExecutorId,
        slots: u32,
        master: SocketAddr,
    ) -> Result<Arc<Self>> {
        let own = Introduction {
            role: "executor".into(),
            name: id.to_string(),
            job: charge.job.clone(),
            term: charge.term,
        };
        let exchange = Exchange::open(id, charge)?;
        let data = exchange.address();
        let (master, orders) =
            connect::<ToJob, ToExecutor>(&master.to_string(), &own, exchange.security(), Pulse::default())?;
        master.say(&ToJob::Here { executor: id, slots, data })?;
        let executor = Arc::new(Self {
            id,
            charge: charge.clone(),
            slots,
            stages: OnceLock::new(),
            master,
            exchange,
            state: Mutex::default(),
            ended: Condvar::new(),
            jobs: AtomicU64::new(0),
        });
        let own = executor.clone();
        spawn("orders of the master", move || own.follow(orders))?;
        let own = executor.clone();
        spawn("counts", move || own.count_each_second())?;
        Ok(executor)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its number in the cluster.
    pub(crate) fn id(&self) -> ExecutorId {
        self.id
    }

    /// What this process was started with.
    pub(crate) fn charge(&self) -> &Charge {
        &self.charge
    }

    /// How many subtasks of each chain, or tasks, it runs at once.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// Where the master is told.
    pub(crate) fn master(&self) -> &Speaker<ToJob> {
        &self.master
    }

    /// The number of the next job of the program.
    pub(crate) fn next_job(&self) -> u64 {
        self.jobs.fetch_add(1, Ordering::Relaxed)
    }

    /// Orders about tasks of stages go there. False if they go elsewhere already.
    pub(crate) fn attach(&self, stages: Arc<dyn Obeys>) -> bool {
        self.stages.set(stages).is_ok()
    }

    /// Tells the master that the program cannot run here.
    pub(crate) fn refuse(&self, why: &Failure) {
        self.say(&ToJob::Unfit(why.told_again()));
    }

    /// Takes part in the next job of the program, to its end.
    ///
    /// # Errors
    /// The failure that ended it.
    pub(crate) fn take_part(&self, plan: &Arc<Plan>) -> Result<JobResult> {
        let number = self.next_job();
        self.lock().plans.insert(number, plan.clone());
        self.master.say(&ToJob::AtJob { number, fingerprint: plan.fingerprint() })?;
        let mut state = self.lock();
        loop {
            if let Some(result) = state.ended.remove(&number) {
                state.plans.remove(&number);
                return result;
            }
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The master's thread.
    fn follow(self: &Arc<Self>, mut orders: Hearer<ToExecutor>) {
        loop {
            match orders.hear() {
                Ok(message) => self.obey(message),
                Err(failure) => {
                    // A program whose last job has ended is about to end by itself.
                    desert(&failure.to_string())
                }
            }
        }
    }

    fn obey(self: &Arc<Self>, message: ToExecutor) {
        match message {
            ToExecutor::Deploy(deployment) => {
                let (own, number) = (self.clone(), deployment.attempt);
                let unwanted = Arc::<AtomicBool>::default();
                self.lock().laying = Some((number, unwanted.clone()));
                // Peers may keep it waiting; meanwhile the master may have thought better of it.
                if let Err(failure) = spawn("laying", move || own.lay(&deployment, &unwanted)) {
                    attempt::tell_failure(&self.master, number, failure);
                }
            }
            ToExecutor::Order { attempt, order } => {
                let mut state = self.lock();
                if let Some((_, unwanted)) = state.laying.take_if(|(laying, _)| *laying == attempt) {
                    // No order but to leave comes before it has said that it is ready.
                    unwanted.store(true, Ordering::Release);
                }
                let Some(current) = state.attempt.as_mut().filter(|current| current.number() == attempt)
                else {
                    drop(state);
                    if matches!(order, Order::Leave) {
                        self.say(&ToJob::Left { attempt, stuck: None });
                    }
                    return;
                };
                match order {
                    Order::Start => current.start(),
                    Order::Task(task, order) => current.tell(task, order),
                    Order::Completed(checkpoint) => {
                        let Some(copies) = current.copies().cloned() else { return };
                        drop(state);
                        // Large files take their time to go.
                        let forget = move || copies.forget_before(checkpoint);
                        if let Err(failure) = spawn("old copies", forget) {
                            tracing::warn!(%failure, "local copies of old checkpoints stay");
                        }
                    }
                    Order::Leave => {
                        drop(state);
                        self.leave();
                    }
                }
            }
            ToExecutor::Ended { number, result } => {
                self.lock().ended.insert(number, result);
                self.ended.notify_all();
            }
            ToExecutor::Stages(order) => {
                // The master says nothing of the kind before this process has.
                if let Some(stages) = self.stages.get() {
                    stages.obey(order);
                }
            }
        }
    }

    /// Where copies of a job's state are kept, if they are. Another term may give numbers to checkpoints that an earlier one
    /// has given to others, and another job of the program has another folder.
    fn copies(&self, plan: &Plan, number: u64) -> Option<LocalCopies> {
        plan.settings.checkpoints.as_ref().filter(|checkpoints| checkpoints.local_recovery)?;
        let folder = self.charge.local.as_ref()?.join(format!("{}-{number}", self.charge.term));
        Some(LocalCopies::in_folder(folder))
    }

    /// Lays the channels of an attempt, and says that it is ready.
    fn lay(&self, deployment: &Deployment, unwanted: &AtomicBool) {
        let number = deployment.attempt;
        let plan = self.lock().plans.get(&deployment.number).cloned();
        let laid = match plan {
            Some(plan) => {
                let copies = self.copies(&plan, deployment.number);
                let own = Own { id: self.id, exchange: &self.exchange, master: &self.master, copies };
                Attempt::lay(own, &plan, deployment, unwanted)
            }
            None => Err(Failure::internal("a deployment for a job that the program has not come to")),
        };
        let mut state = self.lock();
        match laid {
            Ok(attempt) => {
                if state.laying.take_if(|(laying, _)| *laying == number).is_some() {
                    state.attempt = Some(attempt);
                    self.say(&ToJob::Ready { attempt: number });
                } else {
                    drop(state);
                    let _nothing_runs = attempt.leave();
                }
            }
            Err(failure) if unwanted.load(Ordering::Acquire) => {
                tracing::debug!(%failure, "an attempt that nobody wants any more");
            }
            Err(failure) if failure.fault() == Fault::External => {
                attempt::tell(&self.master, number, Happened::Lost(failure));
            }
            Err(failure) => attempt::tell_failure(&self.master, number, failure),
        }
    }

    /// Ends the subtasks that run here, and says so.
    fn leave(&self) {
        let Some(attempt) = self.lock().attempt.take() else { return };
        let number = attempt.number();
        self.say(&attempt.counted());
        let stuck = attempt.leave().err();
        let ends = stuck.as_ref().map(ToString::to_string);
        self.say(&ToJob::Left { attempt: number, stuck });
        if let Some(why) = ends {
            // Nothing stops a thread that does not listen, but the end of its process.
            desert(&why);
        }
    }

    fn count_each_second(&self) {
        loop {
            std::thread::sleep(COUNT);
            let counted = self.lock().attempt.as_ref().map(Attempt::counted);
            if let Some(counted) = counted {
                self.say(&counted);
            }
        }
    }

    fn say(&self, message: &ToJob) {
        // A master that is gone is noticed where it is heard.
        if let Err(failure) = self.master.say(message) {
            tracing::debug!(%failure, "the master was not told");
        }
    }
}

/// What passed through the operators here.
fn counted(attempt: u64, counters: &Counters) -> ToJob {
    ToJob::Counted { attempt, counted: counters.counted() }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(run);
    thread
        .map(drop)
        .map_err(|error| Failure::external(format!("the thread `{name}` cannot be started")).because(error))
}
