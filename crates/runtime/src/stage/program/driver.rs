//! The actions of a program that runs in its master alone, and ships to executors what their tasks are.
//!
//! Answers for one action after the other, whichever thread asks, and for lending what jobs refer to. Not for what is shipped
//! (`shipped`).
//! Holds: executors know a job before the first of its tasks, and hear of its end.

use std::sync::{Arc, Mutex, PoisonError};

use millstream_dataflow::lineage::{FRAME, Frames};
use millstream_model::error::{Failure, Result};

use super::super::Counters;
use super::super::action::{Action, Outcome};
use super::super::fetch::{Server, Shelves, Wanted};
use super::super::scheduler::Scheduler;
use super::super::shipped::Lends;
use super::super::there::There;
use super::Program;
use crate::job::Master;

/// The longest that is shipped of a job, in bytes: what is large is lent instead.
const LONGEST: usize = 24 << 20;

/// See the module.
pub(in super::super) struct Driver {
    master: Arc<Master>,
    there: Arc<There>,
    /// Whose action runs.
    turn: Mutex<()>,
    _server: Server,
}

impl Driver {
    /// The driver of the master's program, whose `server` lends what jobs refer to.
    pub(in super::super) fn new(master: Arc<Master>, there: Arc<There>, server: Server) -> Self {
        Self { master, there, turn: Mutex::default(), _server: server }
    }
}

impl Program for Driver {
    fn act(&self, scheduler: &Scheduler, mut action: Action) -> Result<Vec<Outcome>> {
        let shipped = action.shipped.take();
        let shipped = shipped.ok_or_else(|| Failure::internal("an action that nobody can be told of"))?;
        if shipped.len() > LONGEST {
            return Err(Failure::user(format!(
                "the lineage of an action on `{}` takes {} bytes, and {LONGEST} can be sent to executors",
                action.dataset.name(),
                shipped.len()
            ))
            .advice("cut it by a checkpoint of a data set in between"));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = self.there.failed() {
            return Err(failure);
        }
        let number = self.master.next_job();
        self.there.begin_shipped(number, shipped.to_vec());
        self.there.begin(number, "", &action);
        let result = scheduler.run(number, &action);
        self.there.end(&result);
        self.there.over(number);
        result
    }

    fn once(&self, _: &str, make: &mut dyn FnMut() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        make()
    }

    fn take_told(&self) -> Vec<Vec<u8>> {
        self.there.take_told()
    }

    fn leave(&self, failure: Option<String>) {
        self.master.leave(failure);
    }

    fn counters(&self, own: Counters) -> Counters {
        self.there.counters(own)
    }
}

/// Lends what the program has.
pub(in super::super) struct Lent(pub(in super::super) Arc<dyn Lends>);

impl Shelves for Lent {
    fn find(&self, wanted: &Wanted) -> Result<Arc<dyn Frames>> {
        match *wanted {
            Wanted::Lent { shelf, number } => Ok(Arc::new(Whole(self.0.find(shelf, number)))),
            _ => Err(Failure::internal("a program was asked for what executors have")),
        }
    }
}

/// A run of bytes as frames: none, if it is not there.
struct Whole(Option<Arc<Vec<u8>>>);

impl Frames for Whole {
    fn append(&self, _: &[u8]) -> Result<()> {
        Err(Failure::internal("frames that are whole were to grow"))
    }

    fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |bytes| bytes.len().div_ceil(FRAME).max(1))
    }

    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |bytes| bytes.len())
    }

    fn read(&self, at: usize) -> Result<Vec<u8>> {
        let bytes = self.0.as_ref().and_then(|bytes| bytes.get(at * FRAME..));
        let frame = bytes.map(|bytes| bytes[..bytes.len().min(FRAME)].to_vec());
        frame.ok_or_else(|| Failure::internal("a frame that was never written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_comes_in_frames_and_what_is_not_there_in_none() {
        for length in [0, 1, FRAME, FRAME + 1, 3 * FRAME] {
            let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let whole = Whole(Some(Arc::new(bytes.clone())));
            let back: Vec<u8> = (0..whole.count()).flat_map(|at| whole.read(at).unwrap()).collect();
            assert!(whole.count() > 0 && back == bytes, "{length}");
        }
        assert_eq!(Whole(None).count(), 0);
    }
}
