//! A flat_map that makes a thousand records of one, in front of a sink that takes a millisecond for each.
//!
//! Nothing but the bound of the channels keeps it from filling the memory: what is measured is the memory that a process
//! has resident, again and again while the job runs.

use std::time::Duration;

use millstream::batch::Batch;
use millstream::sink::{Sink, SinkWriter, WriterContext, WriterOf};
use millstream::source::Promise;
use millstream::{Failure, Result, StreamEnvironment};

use crate::arguments::{Scale, Setup};
use crate::figure::{Figure, Unit};
use crate::goal::Goal;
use crate::process;
use crate::race::{Race, Run};
use crate::table::Row;

/// What stands before the figures in the line of the task.
const RESIDENT: &str = "resident, least and most: ";

/// The least and the most memory while the job ran, behind its first second, and the most of the whole process.
pub(crate) fn measure(setup: &Setup, work: &str) -> Result<Vec<Row>> {
    let goals = [
        Goal::below("grown", Unit::Bytes, f64::from(1 << 20)),
        Goal::below("peak", Unit::Bytes, f64::from(64 << 20)),
    ];
    Race::of(work).enter("DataStream", goals, || one(setup)).run(setup)
}

fn one(setup: &Setup) -> Result<Run<()>> {
    let process::Report { lines, peak_memory } = process::run(setup, "flat-memory")?;
    let told = lines.iter().find_map(|line| {
        let (least, most) = line.strip_prefix(RESIDENT)?.split_once(' ')?;
        Some((least.parse::<f64>().ok()?, most.parse::<f64>().ok()?))
    });
    let (least, most) = told.ok_or_else(|| Failure::internal("the process did not say its memory"))?;
    let figure = |label, value| Figure { label, ..Figure::new(Unit::Bytes, value) };
    let figures = vec![
        figure("least", least),
        figure("most", most),
        figure("grown", most - least),
        figure("peak", peak_memory as f64),
    ];
    Ok(Run { figures, result: () })
}

/// The job, watched for some seconds, then cancelled.
pub(crate) fn task(setup: &Setup, _: &str) -> Result<()> {
    let env = StreamEnvironment::new();
    env.from_sequence(0, u64::MAX - 1)
        .flat_map(|n| (0..1_000_u64).map(move |m| n ^ m))
        .rebalance()
        .sink_to(Slow);
    let job = env.start("flat memory")?;
    let looks = if setup.scale == Scale::Full { 60 } else { 5 };
    let (mut least, mut most) = (u64::MAX, 0);
    for look in 0..10 + looks {
        std::thread::sleep(Duration::from_millis(100));
        let resident = process::resident()
            .ok_or_else(|| Failure::external("the system does not tell the resident memory"))?;
        if look >= 10 {
            (least, most) = (least.min(resident), most.max(resident));
        }
    }
    job.cancel();
    if let Err(failure) = job.wait()
        && !failure.is_cancelled()
    {
        return Err(failure);
    }
    println!("{RESIDENT}{least} {most}");
    Ok(())
}

/// Takes a millisecond for each record.
struct Slow;

impl Sink for Slow {
    type Record = u64;
    type Staged = ();
    type State = ();

    fn name(&self) -> String {
        "Slow".into()
    }

    fn promise(&self) -> Promise {
        Promise::AtLeastOnce
    }

    fn writer(&self, _: WriterContext, _: Vec<()>) -> Result<WriterOf<Self>> {
        Ok(Box::new(Self))
    }
}

impl SinkWriter<u64, (), ()> for Slow {
    fn write(&mut self, batch: &mut Batch<u64>) -> Result<()> {
        batch.drain().for_each(|_| std::thread::sleep(Duration::from_millis(1)));
        Ok(())
    }
}
