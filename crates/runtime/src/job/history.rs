//! What happened to a job: its last checkpoints and failures.
//!
//! Holds: a bound for each list, so that a job that runs for years keeps no more than one that runs for an hour.

use std::collections::VecDeque;

use millstream_model::time::Timestamp;

use crate::control::{CheckpointRecord, ExceptionRecord};

/// How many checkpoints are remembered.
const CHECKPOINTS: usize = 100;
/// How many failures are remembered.
const EXCEPTIONS: usize = 32;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct History {
    checkpoints: VecDeque<CheckpointRecord>,
    exceptions: VecDeque<ExceptionRecord>,
}

impl History {
    /// A checkpoint is complete, or failed.
    pub(crate) fn checkpoint(&mut self, record: CheckpointRecord) {
        if self.checkpoints.len() == CHECKPOINTS {
            self.checkpoints.pop_front();
        }
        self.checkpoints.push_back(record);
    }

    /// The job failed.
    pub(crate) fn failed(&mut self, failure: String) {
        if self.exceptions.len() == EXCEPTIONS {
            self.exceptions.pop_front();
        }
        self.exceptions.push_back(ExceptionRecord { at: Timestamp::now().millis(), failure });
    }

    /// Both lists, the newest at the end.
    pub(crate) fn lists(&self) -> (Vec<CheckpointRecord>, Vec<ExceptionRecord>) {
        (self.checkpoints.iter().cloned().collect(), self.exceptions.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten() {
        let mut history = History::default();
        for number in 0..CHECKPOINTS + 5 {
            let name = number.to_string();
            history.checkpoint(CheckpointRecord {
                name,
                begun: 0,
                duration: 0,
                alignment: 0,
                bytes: 0,
                failure: None,
            });
            history.failed(number.to_string());
        }
        let (checkpoints, exceptions) = history.lists();
        assert_eq!((checkpoints.len(), checkpoints[0].name.as_str()), (CHECKPOINTS, "5"));
        assert_eq!(exceptions.len(), EXCEPTIONS);
        assert_eq!(exceptions.last().unwrap().failure, (CHECKPOINTS + 4).to_string());
    }
}
