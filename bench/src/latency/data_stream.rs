//! A DataStream: one source that keeps to the schedule and one core busy, a count for each key, a sink that looks at the
//! clock.

use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream::batch::Batch;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::{
    Boundedness, NextSplit, Polled, Promise, Source, SourceOutput, SourceReader, Split, SplitEnumerator,
};
use millstream::{Result, StreamEnvironment, Subtask};
use serde::{Deserialize, Serialize};

use super::{Histogram, Number, Schedule, WORKERS, key};

/// Runs the job; gives the latencies of its counted records.
pub(super) fn run(schedule: &Schedule) -> Result<Histogram> {
    let job = Job::new(schedule);
    job.run()?;
    Ok(job.found())
}

/// The job, and what this process finds of it.
pub(crate) struct Job {
    schedule: Schedule,
    found: Arc<Mutex<Histogram>>,
    had_source: Arc<AtomicBool>,
}

impl Job {
    /// A job that has not run.
    pub(crate) fn new(schedule: &Schedule) -> Self {
        Self { schedule: schedule.clone(), found: Arc::default(), had_source: Arc::default() }
    }

    /// Runs it.
    pub(crate) fn run(&self) -> Result<()> {
        let (schedule, had_source) = (self.schedule.clone(), self.had_source.clone());
        let env = StreamEnvironment::new();
        env.set_parallelism(WORKERS).set_flush_interval(Duration::ZERO);
        env.source(Paced { schedule: schedule.clone(), had_source })
            .parallelism(1)
            .key_by(|number| key(*number))
            .fold(|_| (0, 0), |held, number| *held = (number, held.1 + 1), |_, held: &(Number, u64)| held.0)
            .sink_to(Measure { schedule, found: self.found.clone() });
        env.execute("latency").map(drop)
    }

    /// The latencies of the counted records whose results were in this process.
    pub(crate) fn found(&self) -> Histogram {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the source was in this process.
    pub(crate) fn had_source(&self) -> bool {
        self.had_source.load(Ordering::Relaxed)
    }
}

/// Each subtask sends every so-many-th record of the schedule.
struct Paced {
    schedule: Schedule,
    had_source: Arc<AtomicBool>,
}

/// One subtask's records: the next one, and how far it is to the one after.
#[derive(Clone, Serialize, Deserialize)]
struct Share {
    next: Number,
    step: u64,
}

impl Split for Share {
    fn id(&self) -> String {
        format!("every {} from {}", self.step, self.next)
    }
}

impl Source for Paced {
    type Record = Number;
    type Split = Share;

    fn name(&self) -> String {
        "Paced".into()
    }

    fn boundedness(&self) -> Boundedness {
        Boundedness::Bounded
    }

    fn promise(&self) -> Promise {
        Promise::ExactlyOnce
    }

    fn enumerator(&self, _: Option<Vec<u8>>) -> Result<Box<dyn SplitEnumerator<Share>>> {
        Ok(Box::new(Shares { given: 0 }))
    }

    fn reader(&self, _: Subtask) -> Result<Box<dyn SourceReader<Number, Share>>> {
        self.had_source.store(true, Ordering::Relaxed);
        Ok(Box::new(Reader { schedule: self.schedule.clone(), share: None, batch: Batch::default() }))
    }
}

struct Shares {
    given: u64,
}

impl SplitEnumerator<Share> for Shares {
    fn next_split(&mut self, subtask: Subtask) -> Result<NextSplit<Share>> {
        let step = u64::from(subtask.of);
        if self.given == step {
            return Ok(NextSplit::NoMore);
        }
        self.given += 1;
        Ok(NextSplit::Split(Share { next: self.given - 1, step }))
    }

    fn add_back(&mut self, _: Vec<Share>) {}

    fn snapshot(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

struct Reader {
    schedule: Schedule,
    share: Option<Share>,
    batch: Batch<Number>,
}

impl SourceReader<Number, Share> for Reader {
    fn add_split(&mut self, split: Share) -> Result<()> {
        self.share = Some(split);
        Ok(())
    }

    fn poll(&mut self, output: &mut SourceOutput<'_, Number>, patience: Duration) -> Result<Polled> {
        let total = self.schedule.total();
        let Some(share) = self.share.as_mut().filter(|share| share.next < total) else {
            self.share = None;
            return Ok(Polled::NeedSplit);
        };
        let began = self.schedule.now();
        let mut now = began;
        while self.schedule.due(share.next) > now {
            if now - began > patience.as_nanos() as u64 {
                return Ok(Polled::Nothing);
            }
            hint::spin_loop();
            now = self.schedule.now();
        }
        while share.next < total && self.schedule.due(share.next) <= now {
            self.batch.push(share.next);
            share.next += share.step;
        }
        output.emit(&mut self.batch)?;
        Ok(Polled::More)
    }

    fn snapshot(&mut self) -> Vec<Share> {
        self.share.iter().cloned().collect()
    }
}

/// Looks at the clock for each record.
struct Measure {
    schedule: Schedule,
    found: Arc<Mutex<Histogram>>,
}

struct Writer {
    schedule: Schedule,
    own: Histogram,
    found: Arc<Mutex<Histogram>>,
}

impl Sink for Measure {
    type Record = Number;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Measure".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        let (schedule, found) = (self.schedule.clone(), self.found.clone());
        Ok(Box::new(Writer { schedule, own: Histogram::new(), found }))
    }
}

impl SinkWriter<Number, (), ()> for Writer {
    fn write(&mut self, batch: &mut Batch<Number>) -> Result<()> {
        for number in batch.drain() {
            if let Some(nanos) = self.schedule.latency(number) {
                self.own.add(nanos);
            }
        }
        Ok(())
    }

    fn on_end(&mut self) -> Result<()> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).merge(&self.own);
        Ok(())
    }
}
