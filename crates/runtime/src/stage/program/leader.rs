//! The actions of a program in its master.
//!
//! Holds: whatever becomes of an action is told to all executors before the program goes on here.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::ThreadId;

use millstream_model::error::{Failure, Result};

use super::super::Counters;
use super::super::accumulator::Written;
use super::super::action::{Action, Outcome, encode};
use super::super::fetch::Server;
use super::super::scheduler::Scheduler;
use super::super::there::There;
use super::lineage::Actions;
use super::recorded::Recorded;
use super::{Program, ProgramRole};
use crate::control::{ResultTold, StageOrder, ToExecutor};
use crate::job::Master;

/// Up to how many bytes of a result are told in a message.
const SMALL: usize = 16 * 1024;

/// See the module.
pub(in super::super) struct Leader {
    master: Arc<Master>,
    there: Arc<There>,
    actions: Actions,
    recorded: Arc<Recorded>,
    server: Server,
}

impl Leader {
    /// The leader of the master's program.
    ///
    /// # Errors
    /// If no port can be had.
    pub(in super::super) fn new(master: Arc<Master>, there: Arc<There>, folder: PathBuf) -> Result<Self> {
        let recorded = Arc::new(Recorded::new(folder));
        let server = Server::open(master.charge(), Arc::clone(&recorded) as Arc<_>)?;
        Ok(Self { master, there, actions: Actions::new(), recorded, server })
    }

    /// Ends a program that an executor has said it does not take part in.
    fn go_on(&self) -> Result<()> {
        self.there.failed().map_or(Ok(()), Err)
    }

    /// Records how a job ended, and tells it.
    fn conclude(
        &self,
        number: u64,
        fingerprint: String,
        own: Counters,
        result: Result<Vec<Vec<u8>>>,
        changed: Result<Written>,
    ) -> Result<Vec<Vec<u8>>> {
        // What accumulators amount to is told before the parts of the result, and without any where the action failed.
        let (changed, result) = match changed.and_then(|changed| encode(&changed)) {
            Ok(changed) => (changed, result),
            Err(failure) => (Vec::new(), result.and(Err(failure))),
        };
        let (failed, mut parts) = match result {
            Ok(parts) => (None, parts),
            Err(failure) => (Some(failure), Vec::new()),
        };
        parts.insert(0, changed);
        let failed = failed.or(self.recorded.put(number, &parts).err());
        // A program that ends now need not wait for those that read its last result.
        let left = if parts.iter().map(Vec::len).sum::<usize>() <= SMALL {
            ResultTold::Whole(parts.clone())
        } else {
            ResultTold::At(self.server.address())
        };
        // Whoever hears of a failure need not tell its parts apart.
        let result = failed.as_ref().map_or(Ok(()), |failure| Err(failure.told_again()));
        let counters = Box::new(self.there.counters(own));
        let ended = StageOrder::Ended { number, fingerprint, result, left, counters };
        self.master.conclude(number, ToExecutor::Stages(ended));
        parts.remove(0);
        failed.map_or(Ok(parts), Err)
    }
}

impl Program for Leader {
    fn act(&self, scheduler: &Scheduler, action: Action) -> Result<Vec<Outcome>> {
        self.go_on()?;
        let fingerprint = self.actions.begin(&action, &scheduler.stores.accumulators)?;
        let number = self.master.next_job();
        self.there.begin(number, &fingerprint, &action);
        let written = |outcome| match outcome {
            Outcome::Written(bytes) => Ok(bytes),
            _ => Err(Failure::internal("a task of an executor gave no bytes")),
        };
        let result = scheduler.run(number, &action);
        let result = result.and_then(|outcomes| outcomes.into_iter().map(written).collect());
        self.there.end(&result);
        let own = scheduler.stores.tally.read();
        let changed = scheduler.stores.accumulators.changed();
        let parts: Vec<Vec<u8>> = self.conclude(number, fingerprint, own, result, changed)?;
        Ok(parts.into_iter().map(Outcome::Written).collect())
    }

    fn once(&self, what: &str, make: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        self.actions.check_thread(what)?;
        self.go_on()?;
        let number = self.master.next_job();
        let made = make().map(|bytes| vec![bytes]);
        let mut parts =
            self.conclude(number, format!("{what}\n"), Counters::default(), made, Ok(Written::new()))?;
        Ok(parts.pop().unwrap_or_default())
    }

    fn counters(&self, own: Counters) -> Counters {
        self.there.counters(own)
    }

    fn role(&self) -> ProgramRole {
        ProgramRole::Leads
    }

    fn hand_over(&self, thread: ThreadId, is_lent: bool) {
        self.actions.hand_over(thread, is_lent);
    }
}
