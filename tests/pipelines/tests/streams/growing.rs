//! A source whose splits are found while others are being read, as partitions of a log are.

use std::time::Duration;

use millstream::batch::Batch;
use millstream::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream::{Result, StreamEnvironment, Subtask};
use serde::{Deserialize, Serialize};

use crate::sorted;

/// Two logs: the first ends once the second has been read, so that a reader that is given one after the other never ends.
struct Logs;

#[derive(Clone, Serialize, Deserialize)]
struct Log(u64);

impl Split for Log {
    fn id(&self) -> String {
        format!("log {}", self.0)
    }
}

struct Found {
    asked: u64,
}

impl SplitEnumerator<Log> for Found {
    fn next_split(&mut self, _: Subtask) -> Result<NextSplit<Log>> {
        self.asked += 1;
        Ok(match self.asked {
            1 => NextSplit::Split(Log(1)),
            2 | 3 => NextSplit::Wait,
            4 => NextSplit::Split(Log(2)),
            _ => NextSplit::NoMore,
        })
    }

    fn add_back(&mut self, _: Vec<Log>) {}

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

#[derive(Default)]
struct Reader {
    open: Vec<Log>,
}

impl SourceReader<u64, Log> for Reader {
    fn add_split(&mut self, split: Log) -> Result<()> {
        self.open.push(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, u64>, patience: Duration) -> Result<Polled> {
        match self.open.len() {
            0 => Ok(Polled::NeedSplit),
            1 => {
                std::thread::park_timeout(patience);
                Ok(Polled::Nothing)
            }
            _ => {
                output.emit(&mut Batch::from(self.open.drain(..).map(|log| log.0).collect::<Vec<_>>()))?;
                Ok(Polled::More)
            }
        }
    }

    fn takes_more(&self) -> bool {
        true
    }

    fn snapshot(&mut self) -> Vec<Log> {
        self.open.clone()
    }
}

impl Source for Logs {
    type Record = u64;
    type Split = Log;

    fn name(&self) -> String {
        "Logs".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, _: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<Log>>> {
        Ok(Box::new(Found { asked: 0 }))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<u64, Log>>> {
        Ok(Box::new(Reader::default()))
    }
}

#[test]
fn a_reader_that_takes_more_is_given_what_is_found_while_it_reads() {
    let env = StreamEnvironment::new();
    assert_eq!(sorted(&env.source(Logs)), [1, 2]);
}
