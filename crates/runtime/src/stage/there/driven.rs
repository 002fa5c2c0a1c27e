//! What the master has to do besides where the program runs in it alone, and executors are told what their tasks are.
//!
//! Answers for shipping a job to an executor before the first of its tasks there, for what tasks tell the program, and for
//! the end of it all. Not for what is shipped: that is the program's.
//! Holds: what an attempt told counts once that attempt has ended well, and is taken by the program once.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millstream_dataflow::lineage::DatasetId;

use super::There;
use crate::control::{Bytes, ExecutorId, StageOrder, TaskEnd, ToExecutor};

/// Who ran an attempt at which partition of a stage's last data set.
pub(super) type Teller = (ExecutorId, DatasetId, usize, u32);

#[derive(Default)]
struct State {
    /// The job that runs, as it is shipped.
    job: Option<(u64, Bytes)>,
    /// The last job that an executor was told of.
    knows: HashMap<ExecutorId, u64>,
    told: HashMap<Teller, Bytes>,
    taken: Vec<Vec<u8>>,
}

/// See the module.
pub(in super::super) struct Driven {
    /// Where executors read what jobs refer to.
    lends: SocketAddr,
    state: Mutex<State>,
}

impl Driven {
    pub(in super::super) fn new(lends: SocketAddr) -> Self {
        Self { lends, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl There {
    /// A job is shipped with its first task to each executor.
    pub(in super::super) fn begin_shipped(&self, number: u64, what: Vec<u8>) {
        if let Some(driven) = &self.driven {
            driven.lock().job = Some((number, Bytes(what)));
        }
    }

    /// The job that was shipped has ended.
    pub(in super::super) fn over(&self, number: u64) {
        let Some(driven) = &self.driven else { return };
        let knowing: Vec<ExecutorId> = {
            let mut state = driven.lock();
            (state.job, state.told) = (None, HashMap::new());
            state.knows.iter().filter(|(_, job)| **job == number).map(|(executor, _)| *executor).collect()
        };
        knowing.iter().for_each(|executor| self.order(*executor, StageOrder::Over { job: number }));
    }

    /// What tasks have told since this was asked last.
    pub(in super::super) fn take_told(&self) -> Vec<Vec<u8>> {
        self.driven.as_ref().map_or_else(Vec::new, |driven| std::mem::take(&mut driven.lock().taken))
    }

    /// Tells an executor what the tasks of a job are, unless it knows.
    pub(super) fn ship(&self, number: u64, to: ExecutorId) {
        let Some(driven) = &self.driven else { return };
        let mut state = driven.lock();
        let State { job, knows, .. } = &mut *state;
        let Some((_, what)) = job.as_ref().filter(|(job, _)| *job == number) else { return };
        if knows.insert(to, number) != Some(number) {
            let (what, lends) = (what.clone(), driven.lends);
            self.order(to, StageOrder::Shipped { job: number, what, lends });
        }
    }

    pub(super) fn told(&self, by: Teller, what: Bytes) {
        if let Some(driven) = &self.driven {
            driven.lock().told.insert(by, what);
        }
    }

    /// An attempt has ended: what it told counts, if it ended well.
    pub(super) fn count_told(&self, by: Teller, end: &TaskEnd) {
        let Some(driven) = &self.driven else { return };
        let mut state = driven.lock();
        if let (Some(told), TaskEnd::Done { .. }) = (state.told.remove(&by), end) {
            state.taken.push(told.0);
        }
    }

    /// Has all executors let go of what nobody asks for any more.
    pub(super) fn forget_afar(&self, shuffles: Vec<u64>, datasets: Vec<u64>) {
        if self.driven.is_some() {
            let forget = StageOrder::Forget { shuffles, datasets };
            self.master.say_to_all(&ToExecutor::Stages(forget));
        }
    }
}
