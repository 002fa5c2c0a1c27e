//! Records on demand, a run at a time.

use std::any::Any;
use std::vec::IntoIter;

use millstream_model::error::{Failure, Result};

use crate::batch::{Batch, DEFAULT_BATCH};

/// The records of one partition, handed out in runs.
pub trait Pull<T> {
    /// The next run, never empty; `None` when there is no more.
    ///
    /// # Errors
    /// What the user's functions or the input gave; nothing may be asked for afterwards.
    fn next(&mut self) -> Result<Option<Batch<T>>>;
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
}

/// All records of a partition.
///
/// # Errors
/// As [`Pull::next`].
pub fn drain<T>(pull: &mut dyn Pull<T>) -> Result<Vec<T>> {
    let mut records = Vec::new();
    while let Some(mut batch) = pull.next()? {
        records.extend(batch.drain());
    }
    Ok(records)
}

/// A panic of a user's function as a failure.
pub fn panic_message(panic: &(dyn Any + Send)) -> Failure {
    let message = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text");
    Failure::user(format!("panicked: {message}"))
}
