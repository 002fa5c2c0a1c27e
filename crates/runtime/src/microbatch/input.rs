//! Where the records of a batch come from.
//!
//! Answers for the contract between an input and the batches: at each batch time an input gives the program what it took
//! in. Not for when that is.
//! Holds: what an input gave to one batch it gives to no other.

use std::sync::Arc;

use millstream_model::error::{Failure, Result};
use millstream_model::time::Timestamp;

use super::given::{Given, Taken};
use super::status::ReceiverStatus;

/// An input of a program.
pub trait Input: Send + Sync {
    /// The program starts.
    ///
    /// # Errors
    /// There is nothing to take anything from: no such folder, an address that is none.
    fn start(&self, events: &ReceiverEvents) -> Result<()>;

    /// What it is called.
    fn name(&self) -> String;

    /// Cuts the batch of `time`: the program gets what came since the last cut. Says how many records are known to be in
    /// it.
    ///
    /// # Errors
    /// What came cannot be read.
    fn cut(&self, time: Timestamp) -> Result<u64>;

    /// Where several processes run the program, in the one that leads: takes what came since the last cut for the batch of
    /// `time`, and gives it to nobody. [`Input::log`] then says what the batch has.
    ///
    /// # Errors
    /// What came cannot be read; or the input has no place on a cluster.
    fn take(&self, time: Timestamp) -> Result<Taken> {
        let _ = time;
        let refused = Failure::user(format!("{} does not run on a cluster", self.name()));
        Err(refused.advice("run this program by itself"))
    }

    /// In each of several processes: gives the program the batch of `time`, of which all are told the same.
    ///
    /// # Errors
    /// It is not there any more.
    fn give(&self, time: Timestamp, given: &Given) -> Result<()> {
        self.again(time, &given.words)
    }

    /// What is to be known of the last cut to do it again in another process. Nothing, where that cannot be.
    fn log(&self) -> Logged {
        Logged::default()
    }

    /// Goes on behind `position`, as logged by an earlier process. Called before the start.
    ///
    /// # Errors
    /// It cannot go on.
    fn resume(&self, position: &[String]) -> Result<()> {
        let _ = position;
        let gone = Failure::user(format!(
            "{} cannot be taken up again: what it had is gone with the process",
            self.name()
        ));
        Err(gone.advice("read from files that appear in a folder, which are there still"))
    }

    /// Gives the program the batch of `time` again, as an earlier process logged it.
    ///
    /// # Errors
    /// It is not there any more.
    fn again(&self, time: Timestamp, batch: &[String]) -> Result<()> {
        let _ = (time, batch);
        Ok(())
    }

    /// The batch of `time` is done.
    fn done(&self, time: Timestamp) {
        let _ = time;
    }

    /// Takes in nothing more. What was taken in stays to be cut; says whether there is any.
    fn stop(&self) -> bool {
        false
    }

    /// How the receiver is, if there is one.
    fn receiver(&self) -> Option<ReceiverStatus> {
        None
    }

    /// Waits until the receiver, if there is one, is as it should be.
    fn wait_for_receiver(&self, wanted: &dyn Fn(&ReceiverStatus) -> bool) -> Option<ReceiverStatus> {
        let _ = wanted;
        None
    }
}

/// What an input logs when it has cut a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Where it stands.
    pub position: Vec<String>,
    /// What the batch was given.
    pub batch: Vec<String>,
}

/// Whom a receiver tells of itself.
#[derive(Clone)]
pub struct ReceiverEvents(pub(super) Arc<dyn Fn(ReceiverEvent) + Send + Sync>);

/// What became of a receiver, by name.
pub enum ReceiverEvent {
    /// Its thread runs.
    Started(String),
    /// Its source has ended, or it was stopped.
    Stopped(String),
    /// Its source failed.
    Failed(String, Failure),
}

impl ReceiverEvents {
    /// Tells it.
    pub fn tell(&self, event: ReceiverEvent) {
        (self.0)(event);
    }
}
