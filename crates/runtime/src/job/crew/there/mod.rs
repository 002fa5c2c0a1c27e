//! All subtasks in the executors of a cluster.
//!
//! Answers for an attempt's way from slots to running subtasks: wait for executors that have come to the job, lay the
//! channels everywhere, then start everybody. Not for what follows (`team`) nor for who is there (`master`, `roster`).
//! Holds: nobody starts before all channels are laid, so that nothing is sent to nobody.

pub(crate) mod master;
mod roster;
pub(crate) mod seat;
mod team;

use std::sync::Arc;
use std::time::Duration;

use millstream_model::error::{Failure, Result};

use self::master::Master;
use self::roster::Lacking;
use self::seat::Seat;
use self::team::There;
use super::{Crew, Start, Team};
use crate::control::{Deployment, Happened, Order, TaskId, TaskOrder, ToExecutor};
use crate::job::attempt::Broken;
use crate::job::checkpoints::Checkpoints;
use crate::job::message::{Ask, Message};
use crate::job::{JobHandle, JobRemote, JobResult, Shared};
use crate::plan::Plan;
use crate::sync::{Receiver, now, receive_until};

/// How often somebody who waits looks again, should a message be missed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long no executor has come when a job that takes what it gets starts, and how long room for more has been there when
/// it grows.
const SETTLE: Duration = Duration::from_secs(2);
/// How long executors may take to lay their channels.
const LAYING: Duration = Duration::from_secs(60);

/// Coordinates the next job of the master's program.
///
/// # Errors
/// If the checkpoint folder cannot be used.
pub(crate) fn coordinate(master: &Arc<Master>, plan: Arc<Plan>) -> Result<JobHandle> {
    let number = master.next_job();
    let checkpoints = Checkpoints::open(&plan, master.run(number))?;
    tracing::info!(plan = %plan.describe(), "the job starts");
    let shared = Shared::new(plan, checkpoints.history());
    let (remote, messages) = JobRemote::new();
    let seat = Arc::new(Seat::new(number, remote.clone(), shared.clone()));
    master.seat(number, seat.clone());
    let crew = Box::new(Executors { master: master.clone(), seat, number, widest: 0, has_run: false });
    let own = master.clone();
    let ended = move |result: &Result<JobResult>| own.ended(number, result);
    crate::job::coordinate(shared, checkpoints, crew, (remote, messages), ended)
}

/// The executors of a job.
pub(crate) struct Executors {
    master: Arc<Master>,
    seat: Arc<Seat>,
    number: u64,
    /// The slots that it could use, where it takes what it gets.
    widest: u32,
    /// Whether it has run. Before that no spare is asked for: given together with the others, its slots would be in one
    /// process with them.
    has_run: bool,
}

impl Executors {
    /// How many slots it can use, and with how many it can run.
    fn need(&self, plan: &Plan) -> (u32, u32) {
        let has = plan.widest();
        (has.max(self.widest), if plan.settings.adaptive { 1 } else { has })
    }

    /// Asks for slots: those that it can use, and beside them, once it has run, those that are to be ready.
    fn ask_for_slots(&self, plan: &Plan, slots: u32, least: u32) {
        let spare = if self.has_run { plan.settings.spare_slots } else { 0 };
        self.master.need(self.number, slots.saturating_add(spare), least);
    }

    fn deploy(&self, start: &Start<'_>) -> Result<There, Broken> {
        let chains: Vec<u32> = start.plan.chains.iter().map(|chain| chain.parallelism).collect();
        let fingerprint = start.plan.fingerprint();
        let (need, least) = self.need(start.plan);
        self.ask_for_slots(start.plan, need, least);
        let since = now();
        let placement = loop {
            match self.master.place(self.number, &fingerprint, &chains) {
                Ok(placement) => break placement,
                Err(Lacking::OtherPlan(executor)) => {
                    return Err(Broken::ForGood(other_plan(&executor.to_string())));
                }
                Err(Lacking::Unfit(why)) => return Err(Broken::ForGood(Failure::user(why))),
                Err(Lacking::Slots { .. }) if start.plan.settings.adaptive && now() > since + SETTLE => {
                    let text = "slots that the job was to run in are gone before it ran";
                    return Err(Broken::Lost(Failure::external(text)));
                }
                Err(Lacking::Slots { have, need }) => {
                    self.seat.waits_for(Some(self.master.slots_lacking(have, need)))
                }
            }
            listen(start.messages)?;
        };
        self.seat.waits_for(None);
        let deployment = Deployment {
            number: self.number,
            attempt: self.master.next_attempt(),
            most: start.plan.most,
            fingerprint,
            peers: placement.peers,
            places: placement.places,
            restore: start.restore.as_ref().map(|from| from.1.clone()),
        };
        let wanted = (self.need(start.plan).0 > start.plan.widest()).then(|| self.need(start.plan).0);
        let there = There::new(
            &deployment,
            wanted,
            self.seat.messages(),
            start.counters.clone(),
            self.master.clone(),
        );
        self.master.attend(deployment.attempt, there.attending().clone());
        let peers = deployment.peers.clone();
        let message = ToExecutor::Deploy(deployment);
        peers.iter().for_each(|peer| self.master.say_to(peer.executor, &message));
        Ok(there)
    }

    fn start_all(&self, there: &There, start: &Start<'_>) -> Result<(), Broken> {
        let until = now() + LAYING;
        while !there.is_ready() {
            listen(start.messages)?;
            if now() > until {
                let text = format!("not all executors laid their channels within {LAYING:?}");
                return Err(Broken::Lost(Failure::external(text)));
            }
        }
        there.order_all(&Order::Start);
        Ok(())
    }
}

impl Crew for Executors {
    fn plan(&mut self, widest: &Arc<Plan>, messages: &Receiver<Message>) -> Result<Arc<Plan>, Broken> {
        let need = widest.widest();
        if !widest.settings.adaptive || need < 2 {
            return Ok(widest.clone());
        }
        self.widest = need;
        self.ask_for_slots(widest, need, 1);
        let mut seen = (0, now());
        loop {
            let have = self.master.slots_at(self.number);
            if have >= need {
                break;
            }
            if have != seen.0 {
                seen = (have, now());
            }
            // More may be on their way.
            if have > 0 && now() >= seen.1 + SETTLE {
                break;
            }
            if have == 0 {
                self.seat.waits_for(Some(self.master.slots_lacking(0, 1)));
            }
            listen(messages)?;
        }
        self.seat.waits_for(None);
        let plan =
            widest.narrowed(self.master.slots_at(self.number).clamp(1, need)).map_err(Broken::ForGood)?;
        tracing::info!(subtasks = plan.widest(), of = need, "the job runs in the slots that there are");
        Ok(plan)
    }

    fn start(&mut self, start: &Start<'_>) -> (Box<dyn Team>, Result<(), Broken>) {
        match self.deploy(start) {
            Ok(there) => {
                let started = self.start_all(&there, start);
                if started.is_ok() && !self.has_run {
                    self.has_run = true;
                    let (need, least) = self.need(start.plan);
                    self.ask_for_slots(start.plan, need, least);
                }
                (Box::new(there), started)
            }
            Err(failure) => (Box::new(Nobody), Err(failure)),
        }
    }
}

/// The team of an attempt that came to none.
struct Nobody;

impl Team for Nobody {
    fn tell(&self, _: TaskId, _: TaskOrder) {}

    fn leave(self: Box<Self>, _: Duration) -> Result<()> {
        Ok(())
    }
}

/// Hears the next message, or nothing for a while.
///
/// # Errors
/// If the job is to end, or an executor failed or was lost.
fn listen(messages: &Receiver<Message>) -> Result<(), Broken> {
    match receive_until(messages, Some(now() + LOOK_AGAIN)) {
        Ok(Message::Ask(Ask::Cancel | Ask::Stop)) => Err(Broken::ForGood(Failure::cancelled())),
        Ok(Message::Ask(Ask::Savepoint(answer) | Ask::StopWithSavepoint(answer))) => {
            let busy = "the job is being started; ask for the savepoint when it runs";
            let _ = answer.send(Err(Failure::external(busy)));
            Ok(())
        }
        Ok(Message::Lost(failure) | Message::Event(Happened::Lost(failure))) => Err(Broken::Lost(failure)),
        Ok(Message::Event(Happened::Failed(failure))) => Err(Broken::Again(failure)),
        Ok(Message::Stir | Message::Event(_)) | Err(_) => Ok(()),
    }
}

/// Another process made another graph of the same program.
pub(crate) fn other_plan(who: &str) -> Failure {
    Failure::user(format!("{who} made another plan of the program than its master: the graphs differ")).advice(
        "a program must make the same graph in every process: from its arguments and settings, not from the clock, random \
         numbers, or files that only one machine has",
    )
}
