//! Records on demand, a run at a time.

use std::any::Any;
use std::vec::IntoIter;

use millstream_model::error::{Failure, Result, Retry};

use super::Cancellation;
use crate::batch::{Batch, DEFAULT_BATCH};
use crate::state::{Detacher, may_hold_text};

/// The records of one partition, handed out in runs.
pub trait Pull<T> {
    /// The next run, never empty; `None` when there is no more.
    ///
    /// # Errors
    /// What the user's functions or the input gave; nothing may be asked for afterwards.
    fn next(&mut self) -> Result<Option<Batch<T>>>;

    /// All records that are left, if they lie in one piece already and can be had without passing each in a batch.
    ///
    /// # Errors
    /// As [`Pull::next`].
    fn whole(&mut self) -> Result<Option<Vec<T>>> {
        Ok(None)
    }
}

/// Hands out records that are in memory.
#[derive(Debug)]
pub struct VecPull<T>(IntoIter<T>);

impl<T> From<Vec<T>> for VecPull<T> {
    fn from(records: Vec<T>) -> Self {
        Self(records.into_iter())
    }
}

impl<T> Pull<T> for VecPull<T> {
    fn next(&mut self) -> Result<Option<Batch<T>>> {
        let records: Vec<T> = self.0.by_ref().take(DEFAULT_BATCH).collect();
        Ok((!records.is_empty()).then(|| Batch::from(records)))
    }

    fn whole(&mut self) -> Result<Option<Vec<T>>> {
        Ok(Some(std::mem::take(&mut self.0).collect()))
    }
}

/// Hands on the records of another as long as the job is not told to stop.
pub(super) struct Watched<T> {
    pub(super) records: Box<dyn Pull<T>>,
    pub(super) cancellation: Cancellation,
}

impl<T> Pull<T> for Watched<T> {
    fn next(&mut self) -> Result<Option<Batch<T>>> {
        self.cancellation.check()?;
        self.records.next()
    }

    fn whole(&mut self) -> Result<Option<Vec<T>>> {
        self.cancellation.check()?;
        self.records.whole()
    }
}

/// All records of a partition.
///
/// # Errors
/// As [`Pull::next`].
pub fn drain<T>(pull: &mut dyn Pull<T>) -> Result<Vec<T>> {
    if let Some(records) = pull.whole()? {
        return Ok(records);
    }
    let mut records = Vec::new();
    while let Some(mut batch) = pull.next()? {
        records.append(&mut batch.take_records());
    }
    Ok(records)
}

/// All records of a partition, for those who keep them: their texts keep no read buffer alive.
///
/// # Errors
/// As [`Pull::next`].
pub fn drain_detached<T: Clone>(pull: &mut dyn Pull<T>) -> Result<Vec<T>> {
    if !may_hold_text::<T>() {
        return drain(pull);
    }
    let (mut records, mut detacher) = (Vec::new(), Detacher::of::<T>());
    while let Some(mut batch) = pull.next()? {
        records.extend(batch.drain().map(|record| detacher.own(record)));
    }
    Ok(records)
}

/// A panic of a user's function as a failure. The next attempt may go well: what made it panic may be passing.
pub fn panic_message(panic: &(dyn Any + Send)) -> Failure {
    let message = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text");
    Failure::user(format!("panicked: {message}")).retry(Retry::Yes)
}
